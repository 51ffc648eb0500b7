-- What accounted requests appended and wait for their followers to have: those with acks=all,
-- and those of which a coordinator keeps a record, which it answers as if they had asked for that
-- (commits of offsets not, where a broker before 4.0 has offsets.commit.required.acks at 1 or 0).
--
-- Where no own write of a request with acks=all is known, the broker's request log tells when its
-- handler was done.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column appended_time  TIMESTAMP   -- end of its last own write; where it is one of several, of
--                                       the first of these; by the log: a handler took it
-- @column handled_time   TIMESTAMP   -- end of its handler's work on it
-- @column response_time  TIMESTAMP   -- first byte of its response
-- @column topic          VARCHAR     -- topic of the log
-- @column partition      INT         -- its partition
-- @column next_offset    BIGINT      -- the offset behind its records
WITH
worked AS (
    SELECT request_id, appended_time, end_time
    FROM handler_work
    UNION ALL
    SELECT g.request_id, g.local_start, g.remote_start
    FROM request_stages AS g
    LEFT JOIN handler_work AS h ON h.request_id = g.request_id
    WHERE h.request_id IS NULL
        AND g.throttle_start > g.remote_start
)
SELECT
    h.request_id,
    h.appended_time,
    h.end_time AS handled_time,
    a.response_time,
    CAST(p.topic AS VARCHAR) AS topic,
    p.partition,
    p.base_offset + COALESCE(p.record_count, 1) AS next_offset
FROM worked AS h
INNER JOIN accounted_requests AS a ON a.request_id = h.request_id
INNER JOIN recorded_requests AS r ON r.request_id = h.request_id
INNER JOIN recorded_partitions AS p ON p.request_id = h.request_id
WHERE r.acks = -1
    AND p.base_offset >= 0
UNION ALL
SELECT
    c.request_id,
    c.appended_time,
    GREATEST(c.end_time, h.end_time) AS handled_time,
    a.response_time,
    c.topic,
    c.partition,
    c.next_offset
FROM coordinator_appends AS c
INNER JOIN accounted_requests AS a ON a.request_id = c.request_id
LEFT JOIN handler_work AS h ON h.request_id = c.request_id
WHERE c.next_offset IS NOT NULL
ORDER BY request_id, topic, partition, next_offset
