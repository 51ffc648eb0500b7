-- Writes to Kafka's log files in figures.
--
-- @param  slo_ms        DOUBLE = 65 -- a write at least this slow is slow
-- @column write_count   BIGINT      -- writes to log files
-- @column p50_ms        DOUBLE      -- median duration
-- @column p99_ms        DOUBLE      -- 99th percentile
-- @column p999_ms       DOUBLE      -- 99.9th percentile
-- @column max_ms        DOUBLE      -- longest
-- @column slow_count    BIGINT      -- those at least as slow as
--                                      the objective for requests
SELECT
    COUNT(*) AS write_count,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ns / 1e6) AS p50_ms,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY duration_ns / 1e6) AS p99_ms,
    percentile_cont(0.999) WITHIN GROUP (ORDER BY duration_ns / 1e6) AS p999_ms,
    MAX(duration_ns) / 1e6 AS max_ms,
    COUNT(*) FILTER (WHERE duration_ns >= $slo_ms * 1e6) AS slow_count
FROM writes
WHERE file_kind = 'log'
    AND operation LIKE '%write%'
ORDER BY write_count
