-- The load of each broker over time: requests that came, and how busy its machine and it were.
--
-- One row a step of `time_axis` and broker of which there are requests or samples. A step
-- without a sample of a load has null for it.
-- @column start_time     TIMESTAMP   -- start of the step
-- @column end_time       TIMESTAMP   -- its end
-- @column broker         INT         -- the broker; null when nothing tells
-- @column request_rate   DOUBLE      -- answered requests of all APIs that arrived in it,
--                                       a second; null for a broker whose requests nobody recorded
-- @column machine_ratio  DOUBLE      -- busy part of the machine's CPUs, the mean of the
--                                       samples
-- @column process_ratio  DOUBLE      -- the broker's own part of them
-- @column throttled_ratio DOUBLE     -- part of the time for which threads of the control
--                                       group had no CPU time left of its quota, of all
--                                       CPUs added up
WITH
requested AS (
    SELECT s.broker, elapsed_ns(a.start_time, r.arrival_time) / a.step_ns AS step, COUNT(*) AS request_count
    FROM recorded_requests AS r
    INNER JOIN sources AS s ON s.source_id = r.source_id
    CROSS JOIN time_axis AS a
    WHERE r.latency_ns IS NOT NULL
        AND r.time_slack_ns IS NOT NULL
    GROUP BY s.broker, elapsed_ns(a.start_time, r.arrival_time) / a.step_ns
),
sampled AS (
    SELECT
        s.broker,
        elapsed_ns(a.start_time, l.time) / a.step_ns AS step,
        AVG(l.value) FILTER (WHERE l.metric = 'cpu_usage' AND l.scope = 'machine') AS machine_ratio,
        COALESCE(
            AVG(l.value) FILTER (WHERE l.metric = 'cpu_usage' AND l.scope = 'process_user'), 0
        ) + AVG(l.value) FILTER (WHERE l.metric = 'cpu_usage' AND l.scope = 'process_system')
            AS process_ratio,
        SUM(l.value) FILTER (WHERE l.metric = 'cpu_throttled') AS throttled_ns
    FROM load_samples AS l
    INNER JOIN sources AS s ON s.source_id = l.source_id
    CROSS JOIN time_axis AS a
    WHERE l.time >= a.start_time
        AND l.time < a.end_time
        AND l.metric IN ('cpu_usage', 'cpu_throttled')
    GROUP BY s.broker, elapsed_ns(a.start_time, l.time) / a.step_ns
),
brokers AS (
    SELECT broker, BOOL_OR(has_requests) AS has_requests
    FROM (
        SELECT broker, TRUE AS has_requests FROM requested
        UNION ALL
        SELECT broker, FALSE AS has_requests FROM sampled
    )
    GROUP BY broker
),
steps AS (
    SELECT broker, has_requests, start_time AS axis_time, step_ns, unnest(range(0, step_count)) AS step
    FROM time_axis
    CROSS JOIN brokers
)
SELECT
    add_ns(s.axis_time, s.step * s.step_ns) AS start_time,
    add_ns(s.axis_time, (s.step + 1) * s.step_ns) AS end_time,
    s.broker,
    CASE WHEN s.has_requests THEN COALESCE(r.request_count, 0) * 1e9 / s.step_ns END AS request_rate,
    l.machine_ratio,
    l.process_ratio,
    l.throttled_ns / s.step_ns AS throttled_ratio
FROM steps AS s
LEFT JOIN requested AS r
    ON r.step = s.step
    AND r.broker IS NOT DISTINCT FROM s.broker
LEFT JOIN sampled AS l
    ON l.step = s.step
    AND l.broker IS NOT DISTINCT FROM s.broker
ORDER BY s.broker, start_time
