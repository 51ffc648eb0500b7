-- What the slow requests waited for: one row a cause, the most requests first.
--
-- @terminal cause request_count request_ratio worst_ms reasons | waited_ms waited_ratio
-- @column cause          VARCHAR     -- as in blame
-- @column request_count  BIGINT      -- slow requests with that verdict
-- @column request_ratio  DOUBLE      -- their share
-- @column waited_ms      DOUBLE      -- time they spent on it, added up
-- @column waited_ratio   DOUBLE      -- its share in the latency of all slow requests,
--                                       without what they asked for
-- @column reasons        VARCHAR     -- what made the root slow (see reasons), and of how many
--                                       of them: journal_commit 150, block_io 3
-- @column median_ms      DOUBLE      -- their median latency
-- @column worst_ms       DOUBLE      -- their worst latency
-- @column commit_count   BIGINT      -- those whose root write was
--                                       under a journal commit
-- @column confidence     DOUBLE      -- mean confidence, by time
WITH
parts AS (
    SELECT
        cause,
        reason,
        COUNT(*) AS reason_count
    FROM request_verdicts
    WHERE reason IS NOT NULL
    GROUP BY cause, reason
),
named AS (
    SELECT
        cause,
        string_agg(
            reason || ' ' || CAST(reason_count AS VARCHAR), ', ' ORDER BY reason_count DESC, reason
        ) AS reasons
    FROM parts
    GROUP BY cause
),
counted AS (
    SELECT
        cause,
        COUNT(*) AS request_count,
        SUM(millionths(waited_ms)) / 1e6 AS waited_ms,
        SUM(millionths(latency_ms - requested_wait_ms)) AS latency_ns,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) AS median_ms,
        MAX(latency_ms) AS worst_ms,
        COUNT(*) FILTER (WHERE commit_ms > 0) AS commit_count,
        CAST(SUM(millionths(waited_ms * confidence)) AS DOUBLE) / SUM(millionths(waited_ms))
            AS confidence
    FROM request_verdicts
    GROUP BY cause
)
SELECT
    c.cause,
    c.request_count,
    CAST(c.request_count AS DOUBLE) / SUM(c.request_count) OVER () AS request_ratio,
    c.waited_ms,
    c.waited_ms * 1e6 / SUM(c.latency_ns) OVER () AS waited_ratio,
    n.reasons,
    c.median_ms,
    c.worst_ms,
    c.commit_count,
    c.confidence
FROM counted AS c
LEFT JOIN named AS n ON n.cause = c.cause
ORDER BY request_count DESC, cause
