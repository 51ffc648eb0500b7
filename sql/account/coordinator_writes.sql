-- The write(2) of each accounted request that a group's or a transaction's coordinator
-- keeps a record of, where it is known which one it is (see coordinator_appends).
-- @column request_id     BIGINT      -- the request
-- @column topic          VARCHAR     -- topic
-- @column partition      INT         -- partition
-- @column write_id       BIGINT      -- the write
-- @column tid            INT         -- the thread that wrote
-- @column start_time     TIMESTAMP   -- start of the write
-- @column end_time       TIMESTAMP   -- its end
-- @column matched_by     VARCHAR     -- as there
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
SELECT request_id, topic, partition, write_id, tid, start_time, end_time, matched_by, confidence
FROM coordinator_appends
WHERE write_id IS NOT NULL
ORDER BY request_id
