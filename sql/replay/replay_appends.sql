-- Every append to a log, with the request whose records it wrote: who held which log's
-- monitor when.
--
-- @param  slo_ms         DOUBLE = 0  -- only requests at least this slow
--                                       are matched with their writes
-- @column write_id       BIGINT      -- the write
-- @column tid            INT         -- its thread
-- @column start_time     TIMESTAMP   -- its start
-- @column end_time       TIMESTAMP   -- its end
-- @column topic          VARCHAR     -- topic of the log
-- @column partition      INT         -- partition of the log
-- @column request_id     BIGINT      -- the request whose records it wrote;
--                                       null when not known
WITH
owners AS (
    SELECT write_id, MIN(request_id) AS request_id
    FROM own_writes
    GROUP BY write_id
)
SELECT
    w.write_id,
    w.tid,
    w.start_time,
    w.end_time,
    CAST(w.topic AS VARCHAR) AS topic,
    w.partition,
    o.request_id
FROM writes AS w
LEFT JOIN owners AS o ON o.write_id = w.write_id
WHERE w.file_kind = 'log'
    AND w.topic IS NOT NULL
    AND w.tid IS NOT NULL
    AND file_operation(w.operation) = 'write'
ORDER BY w.start_time, w.write_id
