-- When the handler thread of each accounted request worked on it, from its first own
-- wait or file operation to its last; what it stood still for is a wait, too.
--
-- The handler is the thread of the request's own writes.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column tid            INT         -- its handler
-- @column service_start  TIMESTAMP   -- the request was read and all
--                                       earlier ones were answered
-- @column begin_time     TIMESTAMP   -- start of the handler's first
--                                       own wait, write or sync for it
-- @column appended_time  TIMESTAMP   -- end of its last own write
-- @column end_time       TIMESTAMP   -- end of its last own wait, write or sync
-- @column is_complete    BOOLEAN     -- whether the writes of all its
--                                       topic-partitions were found
-- @column confidence     DOUBLE      -- how sure the thread is, 0 to 1
WITH
operated AS (
    SELECT
        request_id,
        tid,
        MIN(start_time) AS first_time,
        MAX(end_time) AS last_time,
        MAX(CASE WHEN NOT is_sync THEN end_time END) AS appended_time,
        SUM(CASE WHEN is_sync THEN 0 ELSE 1 END) AS write_count,
        MAX(confidence) AS confidence
    FROM own_operations
    WHERE tid IS NOT NULL
    GROUP BY request_id, tid
),
waited AS (
    SELECT request_id, tid, MIN(start_time) AS first_time, MAX(end_time) AS last_time
    FROM (
        SELECT request_id, tid, start_time, end_time FROM own_waits
        UNION ALL
        SELECT request_id, tid, start_time, end_time FROM own_standings
    )
    GROUP BY request_id, tid
),
partitions AS (
    -- Only a produce request appends to all of its own.
    SELECT a.request_id, CASE WHEN MIN(a.api) = 'Produce' THEN COUNT(*) ELSE 1 END AS partition_count
    FROM accounted_requests AS a
    INNER JOIN recorded_partitions AS p ON p.request_id = a.request_id
    GROUP BY a.request_id
)
SELECT
    w.request_id,
    w.tid,
    a.service_start,
    GREATEST(
        a.service_start,
        LEAST(w.first_time, COALESCE(l.first_time, w.first_time))
    ) AS begin_time,
    w.appended_time,
    GREATEST(w.last_time, COALESCE(l.last_time, w.last_time)) AS end_time,
    w.write_count = COALESCE(p.partition_count, 1) AS is_complete,
    w.confidence
FROM operated AS w
INNER JOIN accounted_requests AS a ON a.request_id = w.request_id
LEFT JOIN waited AS l
    ON l.request_id = w.request_id
    AND l.tid = w.tid
LEFT JOIN partitions AS p ON p.request_id = w.request_id
WHERE w.appended_time IS NOT NULL
ORDER BY w.request_id, w.tid
