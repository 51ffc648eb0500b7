-- How many produce requests arrived when and took how long: the cells of a heatmap.
--
-- Time is counted from the first arrival, so that recordings can be laid side by side;
-- the latency bounds are fixed. Cells without requests have no row.
-- @param  time_bins      BIGINT = 60 -- at most this many columns,
--                                       of a whole number of seconds each
-- @column bin_start_s    BIGINT      -- start of the column,
--                                       in seconds after the first arrival
-- @column bin_s          BIGINT      -- its width in seconds
-- @column bound_ms       DOUBLE      -- latencies up to this, and above the
--                                       next smaller bound; null above the last
-- @column request_count  BIGINT      -- requests
WITH
answered AS (
    SELECT
        latency_ns / 1e6 AS latency_ms,
        (CAST(arrival_time AS BIGINT) - MIN(CAST(arrival_time AS BIGINT)) OVER ())
            / 1000000000 AS second
    FROM recorded_requests
    WHERE api = 'Produce'
        AND latency_ns IS NOT NULL
),
widths AS (
    SELECT MAX(second) / $time_bins + 1 AS bin_s
    FROM answered
),
cells AS (
    SELECT
        a.second / w.bin_s * w.bin_s AS bin_start_s,
        w.bin_s,
        CASE
            WHEN a.latency_ms <= 1 THEN 1 WHEN a.latency_ms <= 2.5 THEN 2.5
            WHEN a.latency_ms <= 5 THEN 5 WHEN a.latency_ms <= 10 THEN 10
            WHEN a.latency_ms <= 25 THEN 25 WHEN a.latency_ms <= 50 THEN 50
            WHEN a.latency_ms <= 100 THEN 100 WHEN a.latency_ms <= 250 THEN 250
            WHEN a.latency_ms <= 500 THEN 500 WHEN a.latency_ms <= 1000 THEN 1000
            WHEN a.latency_ms <= 2500 THEN 2500 WHEN a.latency_ms <= 5000 THEN 5000
            WHEN a.latency_ms <= 10000 THEN 10000
        END AS bound_ms
    FROM answered AS a
    CROSS JOIN widths AS w
)
SELECT
    bin_start_s,
    bin_s,
    CAST(bound_ms AS DOUBLE) AS bound_ms,
    COUNT(*) AS request_count
FROM cells
GROUP BY bin_start_s, bin_s, bound_ms
ORDER BY bin_start_s, bound_ms NULLS LAST
