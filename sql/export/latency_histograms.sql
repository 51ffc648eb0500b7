-- Latency of requests and file operations as histograms over time, by topic and cause,
-- for a metrics system.
--
-- One row a histogram, step of time in which something ended, and bucket. A bucket counts
-- what is above the bound of the row before it and at most its own; the last one, whose
-- bound is null, has no upper end. One bound is the objective. A request with several
-- topics counts once for each; one of which nothing tells when it was is left out. Steps are
-- whole seconds, as few as `max_steps` asks for.
-- @param  slo_ms         DOUBLE = 65  -- a request at least this
--                                        slow is over the objective
-- @param  max_steps      BIGINT = 120 -- at most about this many steps
-- @column metric         VARCHAR     -- request or write
-- @column operation      VARCHAR     -- API of the request, or the file operation
-- @column topic          VARCHAR     -- topic; empty where there is none
-- @column cause          VARCHAR     -- what a slow request waited for;
--                                       none for the others, empty for writes
-- @column step_time      TIMESTAMP   -- end of the step, a whole second
-- @column bound_seconds  DOUBLE      -- upper bound of the bucket
-- @column bucket_count   BIGINT      -- how many of the step are in the bucket
-- @column total_count    BIGINT      -- how many of the step are in the histogram
-- @column total_seconds  DOUBLE      -- sum of all their latencies
WITH
bounds AS (
    SELECT
        bound_ms,
        LAG(bound_ms) OVER (ORDER BY COALESCE(bound_ms, 1e300)) AS lower_ms,
        ROW_NUMBER() OVER (ORDER BY COALESCE(bound_ms, 1e300)) AS place
    FROM (
        SELECT bound_ms
        FROM (
            VALUES
                (0.25), (0.5), (1.0), (2.5), (5.0), (10.0), (25.0), (50.0), (100.0), (250.0),
                (500.0), (1000.0), (2500.0), (5000.0), (10000.0), (CAST(NULL AS DOUBLE))
        ) AS b (bound_ms)
        UNION
        SELECT CAST($slo_ms AS DOUBLE) AS bound_ms
    )
),
steps AS (
    SELECT
        GREATEST(
            1,
            CAST(ceil(elapsed_ns(start_time, end_time) / 1e9 / $max_steps) AS BIGINT)
        ) * 1000000000 AS step_ns
    FROM time_axis
),
verdicts AS (
    SELECT request_id, cause
    FROM request_verdicts
),
request_topics AS (
    SELECT DISTINCT request_id, CAST(topic AS VARCHAR) AS topic
    FROM recorded_partitions
),
latencies AS (
    SELECT
        'request' AS metric,
        CAST(r.api AS VARCHAR) AS operation,
        COALESCE(t.topic, '') AS topic,
        COALESCE(v.cause, 'none') AS cause,
        r.latency_ns / 1e6 AS latency_ms,
        r.end_time
    FROM recorded_requests AS r
    LEFT JOIN request_topics AS t ON t.request_id = r.request_id
    LEFT JOIN verdicts AS v ON v.request_id = r.request_id
    WHERE r.latency_ns IS NOT NULL
        AND r.time_slack_ns IS NOT NULL
    UNION ALL
    SELECT
        'write' AS metric,
        CAST(w.operation AS VARCHAR) AS operation,
        COALESCE(CAST(w.topic AS VARCHAR), '') AS topic,
        '' AS cause,
        w.duration_ns / 1e6 AS latency_ms,
        w.end_time
    FROM writes AS w
),
bucketed AS (
    SELECT
        l.metric, l.operation, l.topic, l.cause, l.latency_ms, b.place,
        (CAST(l.end_time AS BIGINT) / s.step_ns + 1) * s.step_ns AS step_ns
    FROM latencies AS l
    CROSS JOIN steps AS s
    INNER JOIN bounds AS b
        ON (b.lower_ms IS NULL OR l.latency_ms > b.lower_ms)
        AND (b.bound_ms IS NULL OR l.latency_ms <= b.bound_ms)
),
histograms AS (
    SELECT
        metric, operation, topic, cause, step_ns,
        COUNT(*) AS total_count,
        SUM(millionths(latency_ms)) / 1e6 AS total_ms
    FROM bucketed
    GROUP BY metric, operation, topic, cause, step_ns
),
counts AS (
    SELECT metric, operation, topic, cause, step_ns, place, COUNT(*) AS bucket_count
    FROM bucketed
    GROUP BY metric, operation, topic, cause, step_ns, place
)
SELECT
    h.metric,
    h.operation,
    h.topic,
    h.cause,
    add_ns(to_timestamp_nanos(0), h.step_ns) AS step_time,
    b.bound_ms / 1e3 AS bound_seconds,
    COALESCE(c.bucket_count, 0) AS bucket_count,
    h.total_count,
    h.total_ms / 1e3 AS total_seconds
FROM histograms AS h
CROSS JOIN bounds AS b
LEFT JOIN counts AS c
    ON c.metric = h.metric
    AND c.operation = h.operation
    AND c.topic = h.topic
    AND c.cause = h.cause
    AND c.step_ns = h.step_ns
    AND c.place = b.place
ORDER BY metric, operation, topic, cause, step_time, bound_seconds NULLS LAST
