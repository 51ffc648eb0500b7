-- The unit of each request log's times: most loggers write them in ms, some in whole
-- seconds.
--
-- A unit is what all times of a log are whole numbers of, but for what the log was moved by
-- when clocks were aligned.
-- @materialized
-- @column source_id      BIGINT      -- the log
-- @column unit_ns        BIGINT      -- the unit: 1,000,000,000, 1,000,000, or 1 for a finer one
WITH
lines AS (
    SELECT source_id, CAST(end_time AS BIGINT) AS time_ns
    FROM broker_requests
    WHERE end_time IS NOT NULL
)
SELECT
    source_id,
    CASE
        -- A few lines may have been logged at the same part of a second.
        WHEN COUNT(*) >= 10 AND MIN(time_ns % 1000000000) = MAX(time_ns % 1000000000) THEN 1000000000
        WHEN MIN(time_ns % 1000000) = MAX(time_ns % 1000000) THEN 1000000
        ELSE 1
    END AS unit_ns
FROM lines
GROUP BY source_id
ORDER BY source_id
