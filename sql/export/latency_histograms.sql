-- Latency of requests and file operations as histograms, by topic and cause, for a
-- metrics system.
--
-- One row a histogram and bucket. A bucket counts what is above the bound of the row
-- before it and at most its own; the last one, whose bound is null, has no upper end. A
-- request with several topics counts once for each.
-- @column metric         VARCHAR     -- request or write
-- @column operation      VARCHAR     -- API of the request, or the file operation
-- @column topic          VARCHAR     -- topic; empty where there is none
-- @column cause          VARCHAR     -- what a slow request waited for;
--                                       none for the others, empty for writes
-- @column bound_seconds  DOUBLE      -- upper bound of the bucket
-- @column bucket_count   BIGINT      -- how many are in the bucket
-- @column total_count    BIGINT      -- how many are in the histogram
-- @column total_seconds  DOUBLE      -- sum of all its latencies
WITH
bounds AS (
    SELECT
        bound_ms,
        LAG(bound_ms) OVER (ORDER BY place) AS lower_ms,
        place
    FROM (
        VALUES
            (1, 0.25), (2, 0.5), (3, 1.0), (4, 2.5), (5, 5.0), (6, 10.0), (7, 25.0), (8, 50.0),
            (9, 100.0), (10, 250.0), (11, 500.0), (12, 1000.0), (13, 2500.0), (14, 5000.0),
            (15, 10000.0), (16, CAST(NULL AS DOUBLE))
    ) AS b (place, bound_ms)
),
verdicts AS (
    SELECT DISTINCT request_id, cause
    FROM blame
),
request_topics AS (
    SELECT DISTINCT request_id, CAST(topic AS VARCHAR) AS topic
    FROM request_partitions
),
latencies AS (
    SELECT
        'request' AS metric,
        CAST(r.api AS VARCHAR) AS operation,
        COALESCE(t.topic, '') AS topic,
        COALESCE(v.cause, 'none') AS cause,
        r.latency_ns / 1e6 AS latency_ms
    FROM requests AS r
    LEFT JOIN request_topics AS t ON t.request_id = r.request_id
    LEFT JOIN verdicts AS v ON v.request_id = r.request_id
    WHERE r.latency_ns IS NOT NULL
    UNION ALL
    SELECT
        'write' AS metric,
        CAST(w.operation AS VARCHAR) AS operation,
        COALESCE(CAST(w.topic AS VARCHAR), '') AS topic,
        '' AS cause,
        w.duration_ns / 1e6 AS latency_ms
    FROM writes AS w
),
bucketed AS (
    SELECT l.metric, l.operation, l.topic, l.cause, l.latency_ms, b.place
    FROM latencies AS l
    INNER JOIN bounds AS b
        ON (b.lower_ms IS NULL OR l.latency_ms > b.lower_ms)
        AND (b.bound_ms IS NULL OR l.latency_ms <= b.bound_ms)
),
histograms AS (
    SELECT
        metric, operation, topic, cause,
        COUNT(*) AS total_count,
        SUM(latency_ms) AS total_ms
    FROM bucketed
    GROUP BY metric, operation, topic, cause
),
counts AS (
    SELECT metric, operation, topic, cause, place, COUNT(*) AS bucket_count
    FROM bucketed
    GROUP BY metric, operation, topic, cause, place
)
SELECT
    h.metric,
    h.operation,
    h.topic,
    h.cause,
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
    AND c.place = b.place
ORDER BY metric, operation, topic, cause, bound_seconds NULLS LAST
