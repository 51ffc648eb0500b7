-- How many produce requests had which latency when: the cells of a heatmap.
--
-- One row a step of `time_axis` and latency class with requests. Four classes make a
-- factor of ten.
-- @column start_time    TIMESTAMP    -- start of the step that the requests arrived in
-- @column end_time      TIMESTAMP    -- its end
-- @column low_ms        DOUBLE       -- lowest latency of the class
-- @column high_ms       DOUBLE       -- end of the class, not part of it
-- @column request_count BIGINT       -- requests
WITH
classed AS (
    SELECT
        a.start_time AS axis_time,
        a.step_ns,
        elapsed_ns(a.start_time, r.arrival_time) / a.step_ns AS step,
        floor(4 * log10(GREATEST(r.latency_ns, 1000) / 1e6)) AS class
    FROM recorded_requests AS r
    CROSS JOIN time_axis AS a
    WHERE r.api = 'Produce'
        AND r.latency_ns IS NOT NULL
        AND r.time_slack_ns IS NOT NULL
)
SELECT
    add_ns(axis_time, step * step_ns) AS start_time,
    add_ns(axis_time, (step + 1) * step_ns) AS end_time,
    power(10.0, class / 4) AS low_ms,
    power(10.0, (class + 1) / 4) AS high_ms,
    COUNT(*) AS request_count
FROM classed
GROUP BY axis_time, step_ns, step, class
ORDER BY start_time, low_ms
