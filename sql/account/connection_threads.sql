-- Which network thread serves each slow request's connection, where rows show it.
--
-- A connection stays with one network thread. The network probe names it, and socket reads
-- and writes of a JFR recording do where they were long enough. A row is of a connection by
-- the client's address and the broker's port, as the broker's socket has them; where
-- something on the way translates addresses the capture has others, and no row fits. The
-- probe's rows must all name one thread. Otherwise by elimination: a thread that was in a file
-- operation, or waited for a CPU, sent no response meanwhile; when the connection's
-- responses left during such times of every network thread but one, it is that one's.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column connection_id  BIGINT      -- the connection
-- @column tid            INT         -- its network thread
-- @column known_by       VARCHAR     -- network_probe, socket_io, only_thread or elimination
-- @column row_count      BIGINT      -- the probe's rows, socket operations, or responses that
--                                       left while another thread was kept (the fewest, of
--                                       all others)
-- @column socket_thread_id BIGINT    -- the probe's first row
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
lives AS (
    -- The probe prints the first call that it sees of a thread and a connection, and one of each ten
    -- seconds: it may be of before the first request that was captured, or after the last.
    SELECT
        r.connection_id,
        MIN(CAST(r.client_address AS VARCHAR)) AS client_address,
        MIN(regexp_replace(CAST(r.server_address AS VARCHAR), '^.*:', '')) AS server_port,
        add_ns(MIN(r.arrival_time), -15000000000) AS first_time,
        add_ns(MAX(COALESCE(r.end_time, r.arrival_time)), 15000000000) AS last_time
    FROM connections AS c
    INNER JOIN recorded_requests AS r ON r.connection_id = c.connection_id
    GROUP BY r.connection_id
),
probed AS (
    SELECT
        l.connection_id,
        MIN(s.tid) AS tid,
        COUNT(*) AS row_count,
        MIN(s.socket_thread_id) AS socket_thread_id
    FROM lives AS l
    INNER JOIN socket_threads AS s
        ON s.peer_address = l.client_address
        AND regexp_replace(CAST(s.local_address AS VARCHAR), '^.*:', '') = l.server_port
        AND s.time >= l.first_time
        AND s.time < l.last_time
    WHERE s.tid IS NOT NULL
    GROUP BY l.connection_id
    HAVING MIN(s.tid) = MAX(s.tid)
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
    INNER JOIN recorded_requests AS r ON r.connection_id = c.connection_id
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
        INNER JOIN recorded_requests AS r ON r.request_id = a.request_id
        WHERE a.is_slow
    ) AS r
    INNER JOIN socket_io AS s
        ON r.client_address = s.address || ':' || CAST(s.port AS VARCHAR)
    INNER JOIN network_threads AS n ON n.tid = s.tid
    GROUP BY r.connection_id, s.tid
),
found AS (
    SELECT
        connection_id, tid, 'network_probe' AS known_by, row_count, socket_thread_id, 1.0 AS confidence
    FROM probed
    UNION ALL BY NAME
    SELECT connection_id, tid, 'socket_io' AS known_by, operation_count AS row_count, 0.95 AS confidence
    FROM socketed
    UNION ALL BY NAME
    SELECT
        connection_id,
        tid,
        CASE WHEN thread_count = 1 THEN 'only_thread' ELSE 'elimination' END AS known_by,
        COALESCE(next_count, 0) AS row_count,
        CASE WHEN thread_count = 1 THEN 1.0 ELSE 0.9 END AS confidence
    FROM tallied
    WHERE place = 1
        AND (thread_count = 1 OR next_count >= GREATEST(3, 10 * answer_count))
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY connection_id
            ORDER BY
                CASE known_by WHEN 'network_probe' THEN 1 WHEN 'socket_io' THEN 2 ELSE 3 END,
                row_count DESC,
                tid
        ) AS place
    FROM found
)
SELECT
    connection_id,
    tid,
    known_by,
    row_count,
    socket_thread_id,
    confidence
FROM placed
WHERE place = 1
ORDER BY connection_id
