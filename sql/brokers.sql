-- At which broker requests were slow, and at which broker the reason was: one row a pair of
-- brokers and a cause, the most time first.
--
-- A produce request with acks=all waits for followers, so that the reason may be at another
-- broker than the one it came to: with recordings of both, rows with two different brokers
-- are the matrix of leaders and followers.
-- @column broker         INT         -- the broker that the requests came to; null when nothing
--                                       tells
-- @column blocker_broker INT         -- the broker where the root of their verdict is
-- @column cause          VARCHAR     -- as in blame
-- @column request_count  BIGINT      -- slow requests with that verdict
-- @column waited_ms      DOUBLE      -- time they spent on it, added up
-- @column waited_ratio   DOUBLE      -- its share in that of all slow requests, without what they
--                                       asked for
-- @column reasons        VARCHAR     -- what made the root slow, and of how many of them
-- @column worst_ms       DOUBLE      -- their worst latency
-- @column confidence     DOUBLE      -- mean confidence, by time
WITH
placed AS (
    SELECT
        broker,
        COALESCE(blocker_broker, CASE WHEN root <> 'remote' THEN broker END) AS blocker_broker,
        cause,
        reason,
        waited_ms,
        confidence,
        latency_ms,
        latency_ms - requested_wait_ms AS unasked_ms
    FROM request_verdicts
),
parts AS (
    SELECT broker, blocker_broker, cause, reason, COUNT(*) AS reason_count
    FROM placed
    WHERE reason IS NOT NULL
    GROUP BY broker, blocker_broker, cause, reason
),
named AS (
    SELECT
        broker, blocker_broker, cause,
        string_agg(
            reason || ' ' || CAST(reason_count AS VARCHAR), ', ' ORDER BY reason_count DESC, reason
        ) AS reasons
    FROM parts
    GROUP BY broker, blocker_broker, cause
),
counted AS (
    SELECT
        broker,
        blocker_broker,
        cause,
        COUNT(*) AS request_count,
        SUM(millionths(waited_ms)) / 1e6 AS waited_ms,
        SUM(millionths(unasked_ms)) AS unasked_ns,
        MAX(latency_ms) AS worst_ms,
        CAST(SUM(millionths(waited_ms * confidence)) AS DOUBLE) / SUM(millionths(waited_ms))
            AS confidence
    FROM placed
    GROUP BY broker, blocker_broker, cause
)
SELECT
    c.broker,
    c.blocker_broker,
    c.cause,
    c.request_count,
    c.waited_ms,
    c.waited_ms * 1e6 / SUM(c.unasked_ns) OVER () AS waited_ratio,
    n.reasons,
    c.worst_ms,
    c.confidence
FROM counted AS c
LEFT JOIN named AS n
    ON n.cause = c.cause
    AND COALESCE(n.broker, -1) = COALESCE(c.broker, -1)
    AND COALESCE(n.blocker_broker, -1) = COALESCE(c.blocker_broker, -1)
ORDER BY waited_ms DESC, broker, blocker_broker, cause
