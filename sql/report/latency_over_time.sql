-- Latency of produce requests over time, by arrival.
--
-- One row a step of `time_axis`; percentiles are null where no request arrived.
-- @param  slo_ms        DOUBLE = 65  -- a request at least this
--                                       slow is over the objective
-- @param  api_slo       VARCHAR = '' -- other objectives, in ms: Produce=100
-- @column start_time    TIMESTAMP    -- start of the step
-- @column end_time      TIMESTAMP    -- its end
-- @column request_count BIGINT       -- answered produce requests that arrived in it
-- @column slow_count    BIGINT       -- those over the objective
-- @column p50_ms        DOUBLE       -- median latency
-- @column p99_ms        DOUBLE       -- 99th percentile
-- @column p999_ms       DOUBLE       -- 99.9th percentile
-- @column max_ms        DOUBLE       -- worst
WITH
steps AS (
    SELECT start_time AS axis_time, step_ns, unnest(range(0, step_count)) AS step
    FROM time_axis
),
stepped AS (
    SELECT
        elapsed_ns(a.start_time, r.arrival_time) / a.step_ns AS step,
        r.latency_ns / 1e6 AS latency_ms
    FROM recorded_requests AS r
    CROSS JOIN time_axis AS a
    WHERE r.api = 'Produce'
        AND r.latency_ns IS NOT NULL
        AND r.time_slack_ns IS NOT NULL
),
figures AS (
    SELECT
        step,
        COUNT(*) AS request_count,
        COUNT(*) FILTER (WHERE latency_ms >= objective_ms('Produce', $slo_ms, $api_slo)) AS slow_count,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) AS p50_ms,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ms) AS p99_ms,
        percentile_cont(0.999) WITHIN GROUP (ORDER BY latency_ms) AS p999_ms,
        MAX(latency_ms) AS max_ms
    FROM stepped
    GROUP BY step
)
SELECT
    add_ns(s.axis_time, s.step * s.step_ns) AS start_time,
    add_ns(s.axis_time, (s.step + 1) * s.step_ns) AS end_time,
    COALESCE(f.request_count, 0) AS request_count,
    COALESCE(f.slow_count, 0) AS slow_count,
    f.p50_ms,
    f.p99_ms,
    f.p999_ms,
    f.max_ms
FROM steps AS s
LEFT JOIN figures AS f ON f.step = s.step
ORDER BY start_time
