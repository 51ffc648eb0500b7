-- What the handler of each accounted request did with files for it: its own writes, and
-- the syncs before, between and after them.
--
-- A sync is the request's own when its thread did it
--   between  between two of the request's own writes
--   after    to the log of the own write that was its last append (a flush), before the
--            response left
--   before   to the log of the own write that was its next append (a roll), after the
--            request could be served, unless it follows another append to that log
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column request_id     BIGINT      -- the request
-- @column write_id       BIGINT      -- the operation
-- @column tid            INT         -- the handler
-- @column start_time     TIMESTAMP   -- start of the operation
-- @column end_time       TIMESTAMP   -- its end
-- @column topic          VARCHAR     -- topic of the log
-- @column partition      INT         -- partition of the log
-- @column is_sync        BOOLEAN     -- a sync; else an own write
-- @column confidence     DOUBLE      -- how sure it is that it is the request's, 0 to 1
WITH
spans AS (
    SELECT
        o.request_id,
        o.tid,
        MIN(o.start_time) AS first_time,
        MAX(o.end_time) AS last_time,
        MAX(o.confidence) AS confidence
    FROM own_writes AS o
    WHERE o.tid IS NOT NULL
    GROUP BY o.request_id, o.tid
),
syncs AS (
    SELECT
        s.write_id, s.tid, s.start_time, s.end_time, s.topic, s.partition, s.is_snapshot,
        s.previous_append_time, s.next_append_time,
        p.topic IS NOT NULL AND NOT s.is_snapshot AS follows_append
    FROM near_writes AS s
    LEFT JOIN near_writes AS p
        ON p.tid = s.tid
        AND p.start_time = s.previous_append_time
        AND p.topic = s.topic
        AND p.partition = s.partition
        AND p.is_append
    WHERE s.is_sync
),
claims AS (
    SELECT
        o.request_id, o.write_id, o.tid, o.start_time, o.end_time,
        CAST(o.topic AS VARCHAR) AS topic, o.partition, FALSE AS is_sync, o.confidence
    FROM own_writes AS o
    UNION ALL
    SELECT
        n.request_id, s.write_id, s.tid, s.start_time, s.end_time, s.topic, s.partition, TRUE,
        n.confidence
    FROM spans AS n
    INNER JOIN syncs AS s
        ON s.tid = n.tid
        AND s.start_time < n.last_time
        AND n.first_time < s.end_time
    UNION ALL
    SELECT
        o.request_id, s.write_id, s.tid, s.start_time, s.end_time, s.topic, s.partition, TRUE,
        o.confidence
    FROM own_writes AS o
    INNER JOIN accounted_requests AS a ON a.request_id = o.request_id
    INNER JOIN syncs AS s
        ON s.tid = o.tid
        AND s.previous_append_time = o.start_time
        AND s.topic = o.topic
        AND s.partition = o.partition
    WHERE NOT s.is_snapshot
        AND s.end_time <= add_ns(a.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
    UNION ALL
    SELECT
        o.request_id, s.write_id, s.tid, s.start_time, s.end_time, s.topic, s.partition, TRUE,
        o.confidence
    FROM own_writes AS o
    INNER JOIN accounted_requests AS a ON a.request_id = o.request_id
    INNER JOIN syncs AS s
        ON s.tid = o.tid
        AND s.next_append_time = o.start_time
        AND s.topic = o.topic
        AND s.partition = o.partition
    WHERE NOT s.follows_append
        AND s.start_time >= add_ns(a.service_start, CAST(-$clock_slack_ms * 1e6 AS BIGINT))
)
SELECT
    request_id,
    write_id,
    MIN(tid) AS tid,
    MIN(start_time) AS start_time,
    MIN(end_time) AS end_time,
    MIN(topic) AS topic,
    MIN(partition) AS partition,
    BOOL_AND(is_sync) AS is_sync,
    MAX(confidence) AS confidence
FROM claims
GROUP BY request_id, write_id
ORDER BY request_id, start_time, write_id
