-- The stretches of time in which an account of the slow requests has to look at the
-- recordings.
--
-- The lives of the accounted requests, widened by the clocks' slack and merged where
-- they overlap. Of requests whose times are not known within some ms there are none.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column start_time     TIMESTAMP   -- start of the stretch
-- @column end_time       TIMESTAMP   -- its end
WITH
widened AS (
    SELECT
        add_ns(arrival_time, CAST(-$clock_slack_ms * 1e6 AS BIGINT) - time_slack_ns) AS start_time,
        add_ns(end_time, CAST($clock_slack_ms * 1e6 AS BIGINT) + time_slack_ns) AS end_time
    FROM accounted_requests
    WHERE time_slack_ns <= 5000000
),
reached AS (
    SELECT
        start_time,
        end_time,
        MAX(end_time) OVER (
            ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time
    FROM widened
),
numbered AS (
    SELECT
        start_time,
        end_time,
        SUM(CASE WHEN start_time <= reached_time THEN 0 ELSE 1 END) OVER (
            ORDER BY start_time, end_time
            ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM reached
)
SELECT
    MIN(start_time) AS start_time,
    MAX(end_time) AS end_time
FROM numbered
GROUP BY stretch
ORDER BY start_time
