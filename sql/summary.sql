-- The recordings in figures: latency by API, topic and cause, and the share over the
-- objective.
--
-- Rows with `by` = api are all answered requests of an API; topic: its produce requests
-- by topic; cause: the slow produce requests by what they waited for.
-- @param  slo_ms        DOUBLE = 65 -- a request at least this
--                                      slow is over the objective
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
    SELECT 1 AS rank, 'api' AS by, CAST(api AS VARCHAR) AS name, latency_ns, request_id
    FROM requests
    WHERE latency_ns IS NOT NULL
    UNION ALL
    SELECT DISTINCT
        2 AS rank, 'topic' AS by, CAST(p.topic AS VARCHAR) AS name, r.latency_ns, r.request_id
    FROM requests AS r
    INNER JOIN request_partitions AS p ON p.request_id = r.request_id
    WHERE r.latency_ns IS NOT NULL
        AND r.api = 'Produce'
    UNION ALL
    SELECT DISTINCT
        3 AS rank, 'cause' AS by, b.cause AS name, r.latency_ns, b.request_id
    FROM blame AS b
    INNER JOIN requests AS r ON r.request_id = b.request_id
)
SELECT
    by,
    name,
    COUNT(*) AS request_count,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ns / 1e6) AS p50_ms,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ns / 1e6) AS p99_ms,
    percentile_cont(0.999) WITHIN GROUP (ORDER BY latency_ns / 1e6) AS p999_ms,
    MAX(latency_ns) / 1e6 AS max_ms,
    COUNT(*) FILTER (WHERE latency_ns >= $slo_ms * 1e6) AS slow_count,
    CAST(COUNT(*) FILTER (WHERE latency_ns >= $slo_ms * 1e6) AS DOUBLE) / COUNT(*) AS slow_ratio,
    COALESCE(SUM(latency_ns) FILTER (WHERE latency_ns >= $slo_ms * 1e6), 0) / 1e6 AS total_ms
FROM measured
GROUP BY rank, by, name
ORDER BY rank, request_count DESC, name
