-- Request logs with lines that no capture has and that do not say when they were logged.
-- @materialized
-- @column source_id      BIGINT      -- the log
SELECT DISTINCT source_id
FROM uncaptured_lines
WHERE NOT has_time
ORDER BY source_id
