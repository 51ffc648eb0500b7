-- The write(2)s that appended to the logs around the accounted requests.
-- @materialized
-- @column write_id       BIGINT      -- the write
-- @column tid            INT         -- the thread that wrote
-- @column start_time     TIMESTAMP   -- start of the write
-- @column end_time       TIMESTAMP   -- its end
-- @column topic          VARCHAR     -- topic of the log
-- @column partition      INT         -- its partition
-- @column bytes          BIGINT      -- bytes written
-- @column file_offset    BIGINT      -- their place in the file
-- @column segment_base_offset BIGINT -- the file
-- @column base_offset    BIGINT      -- offset of the first record in those bytes
-- @column last_offset    BIGINT      -- offset of the last
SELECT
    w.write_id, w.tid, w.start_time, w.end_time, CAST(w.topic AS VARCHAR) AS topic, w.partition,
    w.bytes, w.file_offset, w.segment_base_offset, w.base_offset, w.last_offset
FROM log_times AS n
INNER JOIN writes AS w
    ON w.topic = n.topic
    AND w.partition = n.partition
    AND w.start_time >= n.start_time
    AND w.start_time < n.end_time
WHERE w.file_kind = 'log'
    AND file_operation(w.operation) = 'write'
ORDER BY w.start_time, w.write_id
