-- When the handler thread of each accounted request worked on it, from its first own
-- wait or write.
--
-- The handler is the thread of the request's own writes. A lock wait is the request's
-- own when the thread's next write is.
-- @materialized
-- @param  slo_ms         DOUBLE = 65 -- requests at least this slow are accounted for
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column request_id     BIGINT      -- the request
-- @column tid            INT         -- its handler
-- @column service_start  TIMESTAMP   -- the request was read and all
--                                       earlier ones were answered
-- @column begin_time     TIMESTAMP   -- start of the handler's first
--                                       own wait or write for it
-- @column end_time       TIMESTAMP   -- end of its last own write
-- @column is_complete    BOOLEAN     -- whether the writes of all its
--                                       topic-partitions were found
-- @column confidence     DOUBLE      -- how sure the thread is, 0 to 1
WITH
written AS (
    SELECT
        o.request_id,
        o.tid,
        MIN(o.start_time) AS first_write_time,
        MAX(o.end_time) AS end_time,
        COUNT(*) AS write_count,
        MAX(o.confidence) AS confidence
    FROM own_writes AS o
    WHERE o.tid IS NOT NULL
    GROUP BY o.request_id, o.tid
),
waited AS (
    SELECT o.request_id, o.tid, MIN(l.start_time) AS first_wait_time
    FROM own_writes AS o
    INNER JOIN near_waits AS l
        ON l.next_write_id = o.write_id
    GROUP BY o.request_id, o.tid
),
partitions AS (
    SELECT a.request_id, COUNT(*) AS partition_count
    FROM accounted_requests AS a
    INNER JOIN request_partitions AS p ON p.request_id = a.request_id
    GROUP BY a.request_id
)
SELECT
    w.request_id,
    w.tid,
    a.service_start,
    GREATEST(
        a.service_start,
        LEAST(w.first_write_time, COALESCE(l.first_wait_time, w.first_write_time))
    ) AS begin_time,
    w.end_time,
    w.write_count = p.partition_count AS is_complete,
    w.confidence
FROM written AS w
INNER JOIN accounted_requests AS a ON a.request_id = w.request_id
LEFT JOIN waited AS l
    ON l.request_id = w.request_id
    AND l.tid = w.tid
LEFT JOIN partitions AS p ON p.request_id = w.request_id
ORDER BY w.request_id, w.tid
