-- What the slow requests waited for, over time, by their arrival.
--
-- One row a step of `time_axis` and cause with slow requests.
-- @column start_time     TIMESTAMP    -- start of the step
-- @column end_time       TIMESTAMP    -- its end
-- @column cause          VARCHAR      -- as in blame
-- @column request_count  BIGINT       -- slow requests that arrived in it
-- @column waited_ms      DOUBLE       -- time they spent on the cause, added up
WITH
stepped AS (
    SELECT
        a.start_time AS axis_time,
        a.step_ns,
        elapsed_ns(a.start_time, v.arrival_time) / a.step_ns AS step,
        v.cause,
        v.waited_ms
    FROM request_verdicts AS v
    CROSS JOIN time_axis AS a
    WHERE v.arrival_time IS NOT NULL
)
SELECT
    add_ns(axis_time, step * step_ns) AS start_time,
    add_ns(axis_time, (step + 1) * step_ns) AS end_time,
    cause,
    COUNT(*) AS request_count,
    SUM(millionths(waited_ms)) / 1e6 AS waited_ms
FROM stepped
GROUP BY axis_time, step_ns, step, cause
ORDER BY start_time, cause
