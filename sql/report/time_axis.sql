-- The time that charts over time cover, and the width of their steps.
--
-- From the first request to the end of the last; without requests, from the first file
-- operation. The width is the smallest round one that needs no more than `max_steps`
-- steps.
-- @materialized
-- @param  max_steps  BIGINT = 120 -- at most about this many steps
-- @column start_time TIMESTAMP    -- start of the first step, a multiple of the width
-- @column end_time   TIMESTAMP    -- end of the last step
-- @column step_ns    BIGINT       -- width of a step
-- @column step_count BIGINT       -- number of steps
WITH
covered AS (
    SELECT
        1 AS rank,
        MIN(arrival_time) AS first_time,
        MAX(COALESCE(end_time, arrival_time)) AS last_time
    FROM recorded_requests
    WHERE time_slack_ns IS NOT NULL
    UNION ALL
    SELECT 2 AS rank, MIN(start_time) AS first_time, MAX(end_time) AS last_time
    FROM writes
),
extent AS (
    SELECT
        first_time,
        CAST(first_time AS BIGINT) AS first_ns,
        elapsed_ns(first_time, last_time) AS span_ns
    FROM covered
    WHERE first_time IS NOT NULL
    ORDER BY rank
    LIMIT 1
),
round_widths AS (
    SELECT unnest([
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000,
        60000, 120000, 300000, 600000, 900000, 1800000, 3600000, 7200000, 21600000,
        86400000
    ]) * 1000000 AS width_ns
),
chosen AS (
    SELECT
        e.first_time,
        e.first_ns,
        e.span_ns,
        COALESCE(MIN(w.width_ns), e.span_ns / $max_steps + 1) AS step_ns
    FROM extent AS e
    LEFT JOIN round_widths AS w ON w.width_ns * $max_steps >= e.span_ns
    GROUP BY e.first_time, e.first_ns, e.span_ns
),
aligned AS (
    SELECT
        add_ns(first_time, 0 - first_ns % step_ns) AS start_time,
        step_ns,
        (first_ns % step_ns + span_ns) / step_ns + 1 AS step_count
    FROM chosen
)
SELECT
    start_time,
    add_ns(start_time, step_ns * step_count) AS end_time,
    step_ns,
    step_count
FROM aligned
ORDER BY start_time
