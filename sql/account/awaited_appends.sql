-- What accounted requests with acks=all appended, and wait for their followers to have.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column appended_time  TIMESTAMP   -- end of its last own write
-- @column handled_time   TIMESTAMP   -- end of its handler's work on it
-- @column response_time  TIMESTAMP   -- first byte of its response
-- @column topic          VARCHAR     -- topic of the log
-- @column partition      INT         -- its partition
-- @column next_offset    BIGINT      -- the offset behind its records
SELECT
    h.request_id,
    h.appended_time,
    h.end_time AS handled_time,
    a.response_time,
    CAST(p.topic AS VARCHAR) AS topic,
    p.partition,
    p.base_offset + COALESCE(p.record_count, 1) AS next_offset
FROM handler_work AS h
INNER JOIN accounted_requests AS a ON a.request_id = h.request_id
INNER JOIN recorded_requests AS r ON r.request_id = h.request_id
INNER JOIN recorded_partitions AS p ON p.request_id = h.request_id
WHERE r.acks = -1
    AND p.base_offset >= 0
ORDER BY h.request_id, topic, partition, next_offset
