-- What happened in each of the costliest episodes: the bars of a timeline.
--
-- Lanes are the journal, the threads whose writes and waits the requests wait for, and
-- the slowest requests.
-- @param  max_timelines  BIGINT = 5  -- the bars of at most this many episodes
-- @param  max_lanes      BIGINT = 30 -- at most this many requests of an episode,
--                                       and as many threads
-- @column episode        BIGINT      -- the episode
-- @column lane_kind      VARCHAR     -- journal, jvm, thread or request
-- @column lane           VARCHAR     -- name of the lane
-- @column bar            VARCHAR     -- commit, pause, write, lock_wait,
--                                       request or connection_queue
-- @column start_time     TIMESTAMP   -- start of the bar
-- @column end_time       TIMESTAMP   -- its end
-- @column duration_ms    DOUBLE      -- its length
-- @column detail         VARCHAR     -- what it is, in words
-- @column cause          VARCHAR     -- cause of a request's latency, as in blame
-- @column row_id         BIGINT      -- id of the row in its table
WITH
members AS (
    SELECT e.*, v.arrival_time, v.latency_ms, v.cause
    FROM episode_requests AS e
    INNER JOIN request_verdicts AS v ON v.request_id = e.request_id
    WHERE e.episode <= $max_timelines
),
roots AS (
    SELECT DISTINCT episode, kind, root_id
    FROM members
),
episode_writes AS (
    SELECT m.episode, m.root_write_id AS write_id
    FROM members AS m
    WHERE m.root_write_id IS NOT NULL
    UNION
    SELECT m.episode, o.write_id
    FROM members AS m
    INNER JOIN own_writes AS o ON o.request_id = m.request_id
),
episode_waits AS (
    SELECT DISTINCT m.episode, s.lock_wait_id
    FROM members AS m
    INNER JOIN request_segments AS s ON s.request_id = m.request_id
    WHERE s.lock_wait_id IS NOT NULL
),
thread_bars AS (
    SELECT
        e.episode, w.source_id, w.tid, w.comm, 'write' AS bar,
        w.start_time, w.end_time, w.duration_ns,
        concat_ws(
            ' ',
            w.operation,
            CASE file_operation(w.operation) WHEN 'write' THEN 'to' ELSE 'of' END,
            COALESCE(w.topic || '-' || CAST(w.partition AS VARCHAR), w.file)
        ) AS detail,
        w.write_id AS row_id
    FROM episode_writes AS e
    INNER JOIN writes AS w ON w.write_id = e.write_id
    UNION ALL
    SELECT
        e.episode, l.source_id, l.tid, l.comm, 'lock_wait' AS bar,
        l.start_time, l.end_time, l.duration_ns,
        concat_ws(' ', 'wait for a', l.kind, l.lock_class) AS detail,
        l.lock_wait_id AS row_id
    FROM episode_waits AS e
    INNER JOIN lock_waits AS l ON l.lock_wait_id = e.lock_wait_id
),
thread_places AS (
    SELECT
        episode,
        tid,
        ROW_NUMBER() OVER (
            PARTITION BY episode
            ORDER BY MAX(duration_ns) DESC, tid
        ) AS place
    FROM thread_bars
    GROUP BY episode, tid
),
bar_places AS (
    SELECT
        b.*,
        ROW_NUMBER() OVER (
            PARTITION BY b.episode, b.tid
            ORDER BY b.duration_ns DESC, b.row_id
        ) AS bar_place
    FROM thread_bars AS b
),
request_places AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY episode
            ORDER BY latency_ms DESC, request_id
        ) AS place
    FROM members
),
bars AS (
    SELECT
        r.episode, 1 AS lane_rank, 'journal' AS lane_kind,
        COALESCE(CAST(f.comm AS VARCHAR), 'journal') AS lane, 'commit' AS bar,
        f.start_time, f.end_time,
        'commit of transaction ' || CAST(f.transaction AS VARCHAR) AS detail,
        CAST(NULL AS VARCHAR) AS cause, f.function_call_id AS row_id,
        f.start_time AS lane_time
    FROM roots AS r
    INNER JOIN function_calls AS f ON f.function_call_id = r.root_id
    WHERE r.kind = 'journal_commit'
    UNION ALL
    SELECT
        r.episode, 2 AS lane_rank, 'jvm' AS lane_kind, 'JVM' AS lane, 'pause' AS bar,
        p.start_time, p.end_time, concat_ws(' ', p.kind, p.name) AS detail,
        CAST(NULL AS VARCHAR) AS cause, p.pause_id AS row_id, p.start_time AS lane_time
    FROM roots AS r
    INNER JOIN pauses AS p ON p.pause_id = r.root_id
    WHERE r.kind = 'pause'
    UNION ALL
    SELECT
        b.episode, 3 AS lane_rank, 'thread' AS lane_kind,
        COALESCE(n.thread_name, CAST(b.comm AS VARCHAR), CAST(b.tid AS VARCHAR)) AS lane,
        b.bar,
        b.start_time, b.end_time, b.detail, CAST(NULL AS VARCHAR) AS cause, b.row_id,
        MIN(b.start_time) OVER (PARTITION BY b.episode, b.tid) AS lane_time
    FROM bar_places AS b
    INNER JOIN thread_places AS t
        ON t.episode = b.episode
        AND t.tid = b.tid
    LEFT JOIN sources AS bs ON bs.source_id = b.source_id
    LEFT JOIN thread_names AS n
        ON n.tid = b.tid
        AND n.broker IS NOT DISTINCT FROM bs.broker
    WHERE t.place <= $max_lanes
        AND b.bar_place <= 12
    UNION ALL
    SELECT
        m.episode, 4 AS lane_rank, 'request' AS lane_kind,
        CAST(m.request_id AS VARCHAR) AS lane, 'request' AS bar,
        m.arrival_time AS start_time, a.end_time,
        concat_ws(
            ' ',
            CAST(r.client_id AS VARCHAR),
            'correlation id',
            CAST(r.correlation_id AS VARCHAR)
        ) AS detail,
        m.cause, m.request_id AS row_id, m.arrival_time AS lane_time
    FROM request_places AS m
    INNER JOIN accounted_requests AS a ON a.request_id = m.request_id
    INNER JOIN recorded_requests AS r ON r.request_id = m.request_id
    WHERE m.place <= $max_lanes
    UNION ALL
    SELECT
        m.episode, 4 AS lane_rank, 'request' AS lane_kind,
        CAST(m.request_id AS VARCHAR) AS lane, 'connection_queue' AS bar,
        m.arrival_time AS start_time, a.service_start AS end_time,
        'behind earlier requests of its connection' AS detail,
        m.cause, m.request_id AS row_id, m.arrival_time AS lane_time
    FROM request_places AS m
    INNER JOIN accounted_requests AS a ON a.request_id = m.request_id
    WHERE m.place <= $max_lanes
        AND a.connection_queue_ns > 0
)
SELECT
    episode,
    lane_kind,
    lane,
    bar,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) / 1e6 AS duration_ms,
    detail,
    cause,
    row_id
FROM bars
ORDER BY episode, lane_rank, lane_time, lane, bar DESC, start_time, row_id
