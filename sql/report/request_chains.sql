-- What the slowest requests waited for, one after another.
--
-- One row is a part of a request's latency with one cause and one root; its largest
-- parts only, in order of time.
-- @param  max_requests   BIGINT = 200 -- the parts of at most this many requests
-- @param  max_parts      BIGINT = 6   -- at most this many parts of a request
-- @column request_id     BIGINT       -- the request
-- @column start_time     TIMESTAMP    -- start of the part
-- @column after_ms       DOUBLE       -- the same, after the request's arrival
-- @column part_ms        DOUBLE       -- its time; parts may be interrupted by others
-- @column part_ratio     DOUBLE       -- its share of the latency
-- @column cause          VARCHAR      -- as in blame
-- @column thread_name    VARCHAR      -- thread of the write at the root
-- @column log            VARCHAR      -- topic-partition, or file, of that write
-- @column root_ms        DOUBLE       -- how long that write took in all
-- @column transaction    BIGINT       -- journal commit that covered
--                                        at least half of that write
-- @column ahead_client   VARCHAR      -- client id of the earlier
--                                        request of the connection
-- @column ahead_correlation_id INT    -- its correlation id
-- @column lock_class     VARCHAR      -- class of the lock waited for
-- @column confidence     DOUBLE       -- how sure this part is
-- @column end_time       TIMESTAMP    -- end of the part
-- @column root_write_id  BIGINT       -- the write at the root
-- @column lock_wait_id   BIGINT       -- the lock wait
-- @column pause_id       BIGINT       -- the pause
-- @column ahead_request_id BIGINT     -- the earlier request of the connection
WITH
slowest AS (
    SELECT request_id, arrival_time, latency_ms
    FROM request_verdicts
    ORDER BY latency_ms DESC, request_id
    LIMIT $max_requests
),
parts AS (
    SELECT
        s.request_id,
        s.arrival_time,
        s.latency_ms,
        t.cause,
        t.root_write_id,
        t.pause_id,
        MIN(t.start_time) AS first_time,
        MAX(t.end_time) AS last_time,
        SUM(t.segment_ns) AS part_ns,
        MAX(t.lock_wait_id) AS lock_wait_id,
        MAX(t.lock_class) AS lock_class,
        MIN(t.ahead_request_id) AS ahead_request_id,
        SUM(t.segment_ns * t.confidence) / SUM(t.segment_ns) AS confidence,
        ROW_NUMBER() OVER (
            PARTITION BY s.request_id
            ORDER BY SUM(t.segment_ns) DESC, t.cause, t.root_write_id, t.pause_id
        ) AS place
    FROM slowest AS s
    INNER JOIN request_segments AS t ON t.request_id = s.request_id
    GROUP BY
        s.request_id, s.arrival_time, s.latency_ms, t.cause, t.root_write_id, t.pause_id
),
commits AS (
    SELECT DISTINCT e.root_write_id, f.transaction
    FROM episode_requests AS e
    INNER JOIN function_calls AS f ON f.function_call_id = e.root_id
    WHERE e.kind = 'journal_commit'
)
SELECT
    p.request_id,
    CASE WHEN p.arrival_time IS NOT NULL THEN p.first_time END AS start_time,
    elapsed_ns(p.arrival_time, p.first_time) / 1e6 AS after_ms,
    p.part_ns / 1e6 AS part_ms,
    p.part_ns / 1e6 / p.latency_ms AS part_ratio,
    p.cause,
    COALESCE(n.thread_name, w.comm) AS thread_name,
    COALESCE(w.topic || '-' || CAST(w.partition AS VARCHAR), w.file) AS log,
    w.duration_ns / 1e6 AS root_ms,
    c.transaction,
    a.client_id AS ahead_client,
    a.correlation_id AS ahead_correlation_id,
    p.lock_class,
    p.confidence,
    CASE WHEN p.arrival_time IS NOT NULL THEN p.last_time END AS end_time,
    p.root_write_id,
    p.lock_wait_id,
    p.pause_id,
    p.ahead_request_id
FROM parts AS p
LEFT JOIN writes AS w ON w.write_id = p.root_write_id
LEFT JOIN sources AS ws ON ws.source_id = w.source_id
LEFT JOIN thread_names AS n
    ON n.tid = w.tid
    AND n.broker IS NOT DISTINCT FROM ws.broker
LEFT JOIN recorded_requests AS a ON a.request_id = p.ahead_request_id
LEFT JOIN commits AS c ON c.root_write_id = p.root_write_id
WHERE p.place <= $max_parts
ORDER BY p.latency_ms DESC, p.request_id, p.first_time, p.cause, p.root_write_id
