-- What is at the root of the slow requests, by class; the first is the one to fix first.
--
-- @column kind           VARCHAR     -- journal_commit, write, sync, read, pause; or the root
--                                       where no such row is at it (see episode_requests)
-- @column episode_count  BIGINT      -- commits, writes, syncs, reads, pauses, or stretches
-- @column request_count  BIGINT      -- slow requests behind them
-- @column request_ratio  DOUBLE      -- their share of the slow requests
-- @column cost_ms        DOUBLE      -- time that the requests waited for them, added up
-- @column cost_ratio     DOUBLE      -- that time's share of the
--                                       latency of all slow requests
-- @column worst_ms       DOUBLE      -- latency of the slowest request
SELECT
    e.kind,
    COUNT(DISTINCT e.episode) AS episode_count,
    COUNT(*) AS request_count,
    CAST(COUNT(*) AS DOUBLE) / SUM(COUNT(*)) OVER () AS request_ratio,
    SUM(millionths(v.waited_ms)) / 1e6 AS cost_ms,
    CAST(SUM(millionths(v.waited_ms)) AS DOUBLE)
        / SUM(SUM(millionths(v.latency_ms - v.requested_wait_ms))) OVER () AS cost_ratio,
    MAX(v.latency_ms) AS worst_ms
FROM request_verdicts AS v
INNER JOIN episode_requests AS e ON e.request_id = v.request_id
GROUP BY e.kind
ORDER BY cost_ms DESC, kind
