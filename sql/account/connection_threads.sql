-- Which network thread serves each slow request's connection, where rows show it.
--
-- A connection stays with one network thread. The broker's socket reads and writes name
-- it where they were recorded. Otherwise by elimination: a thread that was in a file
-- operation, or waited for a CPU, sent no response meanwhile; when the connection's
-- responses left during such times of every network thread but one, it is that one's.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column connection_id  BIGINT      -- the connection
-- @column tid            INT         -- its network thread
-- @column known_by       VARCHAR     -- only_thread, socket_io or elimination
-- @column row_count      BIGINT      -- socket operations, or responses that left while
--                                       another thread was kept (the fewest, of all others)
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH
network AS (
    SELECT tid, thread_count
    FROM network_threads
    WHERE is_whole
),
connections AS (
    SELECT DISTINCT connection_id
    FROM accounted_requests
    WHERE is_slow
),
kept AS (
    SELECT
        k.tid,
        add_ns(k.start_time, CAST($clock_slack_ms * 1e6 AS BIGINT)) AS start_time,
        add_ns(k.end_time, CAST(-$clock_slack_ms * 1e6 AS BIGINT)) AS end_time
    FROM (
        SELECT w.tid, w.start_time, w.end_time
        FROM writes AS w
        INNER JOIN network AS n ON n.tid = w.tid
        WHERE w.duration_ns > 2.2 * $clock_slack_ms * 1e6
        UNION ALL
        SELECT r.tid, r.start_time, r.end_time
        FROM run_queue_waits AS r
        INNER JOIN network AS n ON n.tid = r.tid
        WHERE r.duration_ns > 2.2 * $clock_slack_ms * 1e6
    ) AS k
),
answers AS (
    SELECT r.connection_id, r.request_id, r.response_time AS start_time, r.response_time AS end_time
    FROM connections AS c
    INNER JOIN requests AS r ON r.connection_id = c.connection_id
    WHERE r.api = 'Produce'
        AND r.response_time IS NOT NULL
),
contradicted AS (
    SELECT a.connection_id, k.tid, COUNT(DISTINCT a.request_id) AS answer_count
    FROM answers AS a
    INNER JOIN kept AS k
        ON k.start_time < a.end_time
        AND a.start_time < k.end_time
    GROUP BY a.connection_id, k.tid
),
tallied AS (
    SELECT
        c.connection_id,
        n.tid,
        n.thread_count,
        COALESCE(x.answer_count, 0) AS answer_count,
        ROW_NUMBER() OVER (
            PARTITION BY c.connection_id ORDER BY COALESCE(x.answer_count, 0), n.tid
        ) AS place,
        LEAD(COALESCE(x.answer_count, 0)) OVER (
            PARTITION BY c.connection_id ORDER BY COALESCE(x.answer_count, 0), n.tid
        ) AS next_count
    FROM connections AS c
    CROSS JOIN network AS n
    LEFT JOIN contradicted AS x
        ON x.connection_id = c.connection_id
        AND x.tid = n.tid
),
socketed AS (
    SELECT r.connection_id, s.tid, COUNT(*) AS operation_count
    FROM (
        SELECT DISTINCT a.connection_id, r.client_address
        FROM accounted_requests AS a
        INNER JOIN requests AS r ON r.request_id = a.request_id
        WHERE a.is_slow
    ) AS r
    INNER JOIN socket_io AS s
        ON r.client_address = s.address || ':' || CAST(s.port AS VARCHAR)
    INNER JOIN network_threads AS n ON n.tid = s.tid
    GROUP BY r.connection_id, s.tid
),
found AS (
    SELECT connection_id, tid, 'socket_io' AS known_by, operation_count AS row_count, 0.95 AS confidence
    FROM socketed
    UNION ALL
    SELECT
        connection_id,
        tid,
        CASE WHEN thread_count = 1 THEN 'only_thread' ELSE 'elimination' END,
        COALESCE(next_count, 0),
        CASE WHEN thread_count = 1 THEN 1.0 ELSE 0.9 END
    FROM tallied
    WHERE place = 1
        AND (thread_count = 1 OR next_count >= GREATEST(3, 10 * answer_count))
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY connection_id
            ORDER BY CASE known_by WHEN 'socket_io' THEN 1 ELSE 2 END, row_count DESC, tid
        ) AS place
    FROM found
)
SELECT
    connection_id,
    tid,
    known_by,
    row_count,
    confidence
FROM placed
WHERE place = 1
ORDER BY connection_id
