-- How often a slow request is blamed by chance, beside how often it is blamed.
--
-- `kcorr verify` shifts recordings in time, by many amounts, and blames anew each time.
-- Whatever is still blamed on them is a coincidence; the share of the slow requests that
-- this happens to is the rate of false attribution. The row `any` is for all causes but
-- `unexplained`.
-- @column cause              VARCHAR -- the cause
-- @column request_count      BIGINT  -- slow requests that have it,
--                                       the recordings as they are
-- @column request_ratio      DOUBLE  -- their share of the slow requests
-- @column chance_ratio       DOUBLE  -- mean share that has it when
--                                       the recordings are shifted
-- @column chance_p95_ratio   DOUBLE  -- 95th percentile of that share over the shifts
-- @column chance_max_ratio   DOUBLE  -- largest of these shares
-- @column waited_ratio       DOUBLE  -- share of the slow requests'
--                                       time that is blamed on it
-- @column chance_waited_ratio DOUBLE -- the same, over all shifts
-- @column shift_count        BIGINT  -- shifts
-- @column slow_count         BIGINT  -- slow requests
WITH
marked AS (
    SELECT shift_ns, request_id, cause, latency_ns, waited_ns
    FROM shifted_verdicts
    UNION ALL
    SELECT shift_ns, request_id, 'any' AS cause, latency_ns, waited_ns
    FROM shifted_verdicts
    WHERE cause <> 'unexplained'
),
shifts AS (
    SELECT
        shift_ns,
        COUNT(*) AS slow_count,
        SUM(latency_ns) AS latency_ns
    FROM shifted_verdicts
    GROUP BY shift_ns
),
causes AS (
    SELECT 'any' AS cause
    UNION
    SELECT cause
    FROM marked
),
counts AS (
    SELECT shift_ns, cause, COUNT(*) AS request_count, SUM(waited_ns) AS waited_ns
    FROM marked
    GROUP BY shift_ns, cause
),
shares AS (
    SELECT
        c.cause,
        s.shift_ns,
        s.slow_count,
        s.latency_ns,
        COALESCE(n.request_count, 0) AS request_count,
        COALESCE(n.waited_ns, 0) AS waited_ns,
        CAST(COALESCE(n.request_count, 0) AS DOUBLE) / s.slow_count AS ratio
    FROM causes AS c
    CROSS JOIN shifts AS s
    LEFT JOIN counts AS n
        ON n.cause = c.cause
        AND n.shift_ns = s.shift_ns
)
SELECT
    cause,
    MAX(request_count) FILTER (WHERE shift_ns = 0) AS request_count,
    MAX(ratio) FILTER (WHERE shift_ns = 0) AS request_ratio,
    AVG(ratio) FILTER (WHERE shift_ns <> 0) AS chance_ratio,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY ratio) FILTER (WHERE shift_ns <> 0)
        AS chance_p95_ratio,
    MAX(ratio) FILTER (WHERE shift_ns <> 0) AS chance_max_ratio,
    CAST(SUM(waited_ns) FILTER (WHERE shift_ns = 0) AS DOUBLE)
        / SUM(latency_ns) FILTER (WHERE shift_ns = 0) AS waited_ratio,
    CAST(SUM(waited_ns) FILTER (WHERE shift_ns <> 0) AS DOUBLE)
        / SUM(latency_ns) FILTER (WHERE shift_ns <> 0) AS chance_waited_ratio,
    COUNT(*) FILTER (WHERE shift_ns <> 0) AS shift_count,
    MAX(slow_count) AS slow_count
FROM shares
GROUP BY cause
ORDER BY CASE cause WHEN 'any' THEN 1 WHEN 'unexplained' THEN 3 ELSE 2 END,
    request_count DESC, cause
