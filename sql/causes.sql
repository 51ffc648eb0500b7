-- What the slow requests waited for: one row a cause, the most requests first.
--
-- @column cause          VARCHAR     -- as in blame
-- @column request_count  BIGINT      -- slow requests with this cause
-- @column request_ratio  DOUBLE      -- their share of the slow requests
-- @column waited_ms      DOUBLE      -- time they spent on it, added up
-- @column waited_ratio   DOUBLE      -- that time's share of all slow requests' latency
-- @column median_ms      DOUBLE      -- median latency of these requests
-- @column worst_ms       DOUBLE      -- the slowest
-- @column commit_count   BIGINT      -- those whose root write ran
--                                       under a journal commit
-- @column confidence     DOUBLE      -- mean confidence, weighted by waited_ms
SELECT
    cause,
    COUNT(*) AS request_count,
    CAST(COUNT(*) AS DOUBLE) / SUM(COUNT(*)) OVER () AS request_ratio,
    SUM(waited_ms) AS waited_ms,
    SUM(waited_ms) / SUM(SUM(latency_ms)) OVER () AS waited_ratio,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) AS median_ms,
    MAX(latency_ms) AS worst_ms,
    COUNT(*) FILTER (WHERE commit_ms > 0) AS commit_count,
    SUM(waited_ms * confidence) / SUM(waited_ms) AS confidence
FROM request_verdicts
GROUP BY cause
ORDER BY request_count DESC, cause
