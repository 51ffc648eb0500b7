-- The recordings in figures: latency by API, topic and cause, and the share over the
-- objective.
--
-- Rows with `by` = api are all answered requests of an API; topic: its produce requests
-- by topic; cause: the slow requests by what they waited for. A slow request is one over its
-- API's objective without what it had asked for (see requested_waits).
-- @column by            VARCHAR     -- api, topic or cause
-- @column name          VARCHAR     -- its value
-- @column request_count BIGINT      -- requests
-- @column p50_ms        DOUBLE      -- median latency
-- @column p99_ms        DOUBLE      -- 99th percentile
-- @column p999_ms       DOUBLE      -- 99.9th percentile
-- @column max_ms        DOUBLE      -- worst
-- @column slow_count    BIGINT      -- requests over the objective
-- @column slow_ratio    DOUBLE      -- their share
-- @column total_ms      DOUBLE      -- sum of the latencies of the
--                                      requests over the objective
WITH
measured AS (
    SELECT 1 AS rank, 'api' AS by, api AS name, latency_ns, is_slow, request_id
    FROM request_latencies
    UNION ALL
    SELECT DISTINCT
        2 AS rank, 'topic' AS by, CAST(p.topic AS VARCHAR) AS name, r.latency_ns, r.is_slow,
        r.request_id
    FROM request_latencies AS r
    INNER JOIN recorded_partitions AS p ON p.request_id = r.request_id
    WHERE r.api = 'Produce'
    UNION ALL
    SELECT 3 AS rank, 'cause' AS by, v.cause AS name, r.latency_ns, r.is_slow, v.request_id
    FROM request_verdicts AS v
    INNER JOIN request_latencies AS r ON r.request_id = v.request_id
)
SELECT
    by,
    name,
    COUNT(*) AS request_count,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ns / 1e6) AS p50_ms,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ns / 1e6) AS p99_ms,
    percentile_cont(0.999) WITHIN GROUP (ORDER BY latency_ns / 1e6) AS p999_ms,
    MAX(latency_ns) / 1e6 AS max_ms,
    COUNT(*) FILTER (WHERE is_slow) AS slow_count,
    CAST(COUNT(*) FILTER (WHERE is_slow) AS DOUBLE) / COUNT(*) AS slow_ratio,
    COALESCE(SUM(latency_ns) FILTER (WHERE is_slow), 0) / 1e6 AS total_ms
FROM measured
GROUP BY rank, by, name
ORDER BY rank, request_count DESC, name
