-- Everything that took time, as slices on tracks: what a timeline viewer draws.
--
-- `kind` names the table that a slice is from (request, write, lock_wait, function_call,
-- pause, block_io), or is segment: a part of a slow request's time, which lies inside
-- the request's slice. Idle waits (Object.wait, and parks on a condition) are left out; a
-- wait that two recordings saw is drawn once, as `wait_neighbours` has it.
-- @by_broker
-- @param  min_ms         DOUBLE = 0        -- what took less is left out,
--                                             except writes and waits of slow requests
-- @param  from_time      TIMESTAMP = NULL  -- only what ends after this time
-- @param  to_time        TIMESTAMP = NULL  -- only what starts before this time
-- @column track_group    VARCHAR           -- connections, threads, journal,
--                                             pauses or disk
-- @column track          VARCHAR           -- name of the track
-- @column track_id       BIGINT            -- connection id or thread id;
--                                             null for other tracks
-- @column pid            INT               -- process id of a thread
-- @column depth          BIGINT            -- 1 for a slice inside the one before it,
--                                             else 0
-- @column start_time     TIMESTAMP         -- start
-- @column end_time       TIMESTAMP         -- end
-- @column name           VARCHAR           -- what to write on the slice
-- @column kind           VARCHAR           -- as above
-- @column id             BIGINT            -- id of the row; of a segment the request's
-- @column topic          VARCHAR           -- topic
-- @column partition      INT               -- partition
-- @column bytes          BIGINT            -- size
-- @column file           VARCHAR           -- directory and name of the file
-- @column lock_class     VARCHAR           -- class of the lock
-- @column cause          VARCHAR           -- what the time went to;
--                                             of a slow request the verdict
-- @column confidence     DOUBLE            -- how sure the cause is
-- @column client_id      VARCHAR           -- client id
-- @column correlation_id INT               -- correlation id
WITH
verdicts AS (
    SELECT request_id, cause, confidence
    FROM request_verdicts
),
involved AS (
    SELECT root_write_id AS id, 'write' AS kind
    FROM request_segments
    WHERE root_write_id IS NOT NULL
    UNION
    SELECT lock_wait_id AS id, 'lock_wait' AS kind
    FROM request_segments
    WHERE lock_wait_id IS NOT NULL
),
drawn_waits AS (
    SELECT
        lock_wait_id, source_id, kind, origin, tid, start_time, end_time, duration_ns,
        lock_class
    FROM lock_waits
    WHERE kind <> 'monitor_wait'
        AND COALESCE(lock_class, '') NOT LIKE '%ConditionObject'
),
twins AS (
    SELECT j.lock_wait_id AS twin_id
    FROM drawn_waits AS u
    INNER JOIN drawn_waits AS j
        ON j.tid = u.tid
        AND j.start_time < u.end_time
        AND u.start_time < j.end_time
    WHERE (
            (u.origin = 'usdt' AND j.origin <> 'usdt')
            OR (u.origin = j.origin AND u.source_id < j.source_id)
        )
        AND 2 * overlap_ns(u.start_time, u.end_time, j.start_time, j.end_time) > j.duration_ns
),
first_partitions AS (
    SELECT
        request_id,
        MIN(topic) AS topic,
        MIN(partition) AS partition,
        COUNT(*) AS partition_count,
        MIN(concat_ws('-', topic, partition)) AS name
    FROM recorded_partitions
    GROUP BY request_id
),
known_threads AS (
    -- Recordings of the JVM know thread ids but seldom the process id.
    SELECT tid, MAX(pid) AS pid, MAX(comm) AS comm
    FROM (
        SELECT tid, pid, CAST(comm AS VARCHAR) AS comm FROM writes
        UNION ALL
        SELECT tid, pid, CAST(comm AS VARCHAR) AS comm FROM lock_waits
        UNION ALL
        SELECT tid, pid, CAST(comm AS VARCHAR) AS comm FROM function_calls
        UNION ALL
        SELECT tid, pid, os_name AS comm FROM threads
    )
    GROUP BY tid
),
connections AS (
    SELECT
        connection_id,
        concat_ws(' ', MIN(client_address), MAX(client_id)) AS name
    FROM recorded_requests
    GROUP BY connection_id
),
slices AS (
    SELECT
        'connections' AS track_group,
        CAST(NULL AS VARCHAR) AS track,
        r.connection_id AS track_id,
        r.arrival_time AS root_time,
        r.request_id AS root_id,
        0 AS depth,
        r.arrival_time AS start_time,
        r.end_time,
        concat_ws(
            ' ',
            r.api,
            p.name,
            CASE WHEN p.partition_count > 1
                THEN '+' || CAST(p.partition_count - 1 AS VARCHAR)
            END
        ) AS name,
        'request' AS kind,
        r.request_id AS id,
        CASE WHEN p.partition_count = 1 THEN p.topic END AS topic,
        CASE WHEN p.partition_count = 1 THEN p.partition END AS partition,
        r.request_bytes AS bytes,
        CAST(NULL AS VARCHAR) AS file,
        CAST(NULL AS VARCHAR) AS lock_class,
        v.cause,
        v.confidence,
        r.client_id,
        r.correlation_id,
        v.cause IS NOT NULL AS is_kept
    FROM recorded_requests AS r
    LEFT JOIN first_partitions AS p ON p.request_id = r.request_id
    LEFT JOIN verdicts AS v ON v.request_id = r.request_id
    WHERE r.end_time IS NOT NULL
        AND r.time_slack_ns IS NOT NULL
    UNION ALL
    SELECT
        'connections' AS track_group,
        CAST(NULL AS VARCHAR) AS track,
        r.connection_id AS track_id,
        r.arrival_time AS root_time,
        r.request_id AS root_id,
        1 AS depth,
        s.start_time,
        s.end_time,
        concat_ws(': ', s.segment, COALESCE(s.write_state, NULLIF(s.cause, s.segment))) AS name,
        'segment' AS kind,
        r.request_id AS id,
        CAST(s.topic AS VARCHAR) AS topic,
        s.partition,
        CAST(NULL AS BIGINT) AS bytes,
        CAST(NULL AS VARCHAR) AS file,
        s.lock_class,
        s.cause,
        s.confidence,
        CAST(NULL AS VARCHAR) AS client_id,
        CAST(NULL AS INT) AS correlation_id,
        true AS is_kept
    FROM request_segments AS s
    INNER JOIN recorded_requests AS r ON r.request_id = s.request_id
    WHERE r.time_slack_ns IS NOT NULL
    UNION ALL
    SELECT
        'threads' AS track_group,
        CAST(NULL AS VARCHAR) AS track,
        w.tid AS track_id,
        w.start_time AS root_time,
        w.write_id AS root_id,
        0 AS depth,
        w.start_time,
        w.end_time,
        concat_ws(' ', w.operation, COALESCE(concat_ws('-', w.topic, w.partition), w.file)) AS name,
        'write' AS kind,
        w.write_id AS id,
        w.topic,
        w.partition,
        w.bytes,
        NULLIF(concat_ws('/', w.directory, w.file), '') AS file,
        CAST(NULL AS VARCHAR) AS lock_class,
        CAST(NULL AS VARCHAR) AS cause,
        CAST(NULL AS DOUBLE) AS confidence,
        CAST(NULL AS VARCHAR) AS client_id,
        CAST(NULL AS INT) AS correlation_id,
        i.id IS NOT NULL AS is_kept
    FROM writes AS w
    LEFT JOIN involved AS i
        ON i.id = w.write_id
        AND i.kind = 'write'
    UNION ALL
    SELECT
        'threads' AS track_group,
        CAST(NULL AS VARCHAR) AS track,
        l.tid AS track_id,
        l.start_time AS root_time,
        l.lock_wait_id AS root_id,
        0 AS depth,
        l.start_time,
        l.end_time,
        concat_ws(' ', l.kind, 'wait', l.lock_class) AS name,
        'lock_wait' AS kind,
        l.lock_wait_id AS id,
        CAST(NULL AS VARCHAR) AS topic,
        CAST(NULL AS INT) AS partition,
        CAST(NULL AS BIGINT) AS bytes,
        CAST(NULL AS VARCHAR) AS file,
        l.lock_class,
        CAST(NULL AS VARCHAR) AS cause,
        CAST(NULL AS DOUBLE) AS confidence,
        CAST(NULL AS VARCHAR) AS client_id,
        CAST(NULL AS INT) AS correlation_id,
        i.id IS NOT NULL AS is_kept
    FROM drawn_waits AS l
    LEFT JOIN involved AS i
        ON i.id = l.lock_wait_id
        AND i.kind = 'lock_wait'
    WHERE l.lock_wait_id NOT IN (SELECT twin_id FROM twins)
    UNION ALL
    SELECT
        CASE WHEN f.function LIKE 'jbd2%commit%' THEN 'journal' ELSE 'threads' END AS track_group,
        concat_ws(' ', 'commits', f.comm, f.device) AS track,
        CASE WHEN f.function NOT LIKE 'jbd2%commit%' THEN f.tid END AS track_id,
        f.start_time AS root_time,
        f.function_call_id AS root_id,
        0 AS depth,
        f.start_time,
        f.end_time,
        concat_ws(' ', f.function, CAST(f.transaction AS VARCHAR)) AS name,
        'function_call' AS kind,
        f.function_call_id AS id,
        CAST(NULL AS VARCHAR) AS topic,
        CAST(NULL AS INT) AS partition,
        CAST(NULL AS BIGINT) AS bytes,
        CAST(NULL AS VARCHAR) AS file,
        CAST(NULL AS VARCHAR) AS lock_class,
        CAST(NULL AS VARCHAR) AS cause,
        CAST(NULL AS DOUBLE) AS confidence,
        CAST(NULL AS VARCHAR) AS client_id,
        CAST(NULL AS INT) AS correlation_id,
        false AS is_kept
    FROM function_calls AS f
    UNION ALL
    SELECT
        'pauses' AS track_group,
        p.kind AS track,
        CAST(NULL AS BIGINT) AS track_id,
        p.start_time AS root_time,
        p.pause_id AS root_id,
        0 AS depth,
        p.start_time,
        p.end_time,
        concat_ws(': ', p.name, p.cause) AS name,
        'pause' AS kind,
        p.pause_id AS id,
        CAST(NULL AS VARCHAR) AS topic,
        CAST(NULL AS INT) AS partition,
        CAST(NULL AS BIGINT) AS bytes,
        CAST(NULL AS VARCHAR) AS file,
        CAST(NULL AS VARCHAR) AS lock_class,
        CAST(NULL AS VARCHAR) AS cause,
        CAST(NULL AS DOUBLE) AS confidence,
        CAST(NULL AS VARCHAR) AS client_id,
        CAST(NULL AS INT) AS correlation_id,
        false AS is_kept
    FROM pauses AS p
    UNION ALL
    SELECT
        'disk' AS track_group,
        b.device AS track,
        CAST(NULL AS BIGINT) AS track_id,
        b.start_time AS root_time,
        b.block_io_id AS root_id,
        0 AS depth,
        b.start_time,
        b.end_time,
        b.operation AS name,
        'block_io' AS kind,
        b.block_io_id AS id,
        CAST(NULL AS VARCHAR) AS topic,
        CAST(NULL AS INT) AS partition,
        b.bytes,
        CAST(NULL AS VARCHAR) AS file,
        CAST(NULL AS VARCHAR) AS lock_class,
        CAST(NULL AS VARCHAR) AS cause,
        CAST(NULL AS DOUBLE) AS confidence,
        CAST(NULL AS VARCHAR) AS client_id,
        CAST(NULL AS INT) AS correlation_id,
        false AS is_kept
    FROM block_io AS b
)
SELECT
    CAST(s.track_group AS VARCHAR) AS track_group,
    CASE s.track_group
        WHEN 'connections' THEN c.name
        WHEN 'threads'
            THEN COALESCE(n.thread_name, t.comm, 'thread ' || CAST(s.track_id AS VARCHAR))
        ELSE s.track
    END AS track,
    CAST(s.track_id AS BIGINT) AS track_id,
    t.pid,
    s.depth,
    s.start_time,
    s.end_time,
    CAST(s.name AS VARCHAR) AS name,
    s.kind,
    s.id,
    CAST(s.topic AS VARCHAR) AS topic,
    s.partition,
    s.bytes,
    CAST(s.file AS VARCHAR) AS file,
    CAST(s.lock_class AS VARCHAR) AS lock_class,
    CAST(s.cause AS VARCHAR) AS cause,
    s.confidence,
    CAST(s.client_id AS VARCHAR) AS client_id,
    s.correlation_id
FROM slices AS s
LEFT JOIN connections AS c
    ON c.connection_id = s.track_id
    AND s.track_group = 'connections'
LEFT JOIN known_threads AS t
    ON t.tid = s.track_id
    AND s.track_group = 'threads'
LEFT JOIN thread_names AS n ON n.tid = t.tid
WHERE (s.is_kept OR elapsed_ns(s.start_time, s.end_time) >= $min_ms * 1e6)
    AND ($from_time IS NULL OR s.end_time > $from_time)
    AND ($to_time IS NULL OR s.start_time < $to_time)
ORDER BY
    track_group, track_id, track, s.root_time, s.root_id, depth, start_time, kind, id
