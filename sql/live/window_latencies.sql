-- Latencies of requests that were not slow and ended in a stretch of time, by API and topic.
--
-- What an account of a window has besides its verdicts: a row a bucket that is not empty. A
-- request counts once: its topic is the only one that it has, `(several)` where it has more.
-- @param  slo_ms         DOUBLE = 65      -- a request at least this slow is slow; one of the
--                                            bounds
-- @param  from_time      TIMESTAMP = NULL -- only what ended at this time or later
-- @param  to_time        TIMESTAMP = NULL -- only what ended before this time
-- @column api            VARCHAR     -- API of the requests
-- @column topic          VARCHAR     -- their topic; empty where there is none
-- @column bound_ms       DOUBLE      -- upper bound of the bucket; null for the last, which has none
-- @column request_count  BIGINT      -- how many are in the bucket
-- @column total_seconds  DOUBLE      -- sum of their latencies
WITH
topics AS (
    SELECT
        request_id,
        CASE
            WHEN MIN(topic) = MAX(topic) THEN MIN(topic)
            ELSE '(several)'
        END AS topic
    FROM recorded_partitions
    WHERE topic IS NOT NULL
    GROUP BY request_id
),
timed AS (
    SELECT
        l.api,
        COALESCE(t.topic, '') AS topic,
        l.latency_ns / 1e6 AS latency_ms
    FROM request_latencies AS l
    LEFT JOIN topics AS t ON t.request_id = l.request_id
    WHERE NOT l.is_slow
        AND l.has_time
        AND ($from_time IS NULL OR l.end_time >= $from_time)
        AND ($to_time IS NULL OR l.end_time < $to_time)
),
bounded AS (
    SELECT
        api,
        topic,
        latency_ms,
        CASE
            WHEN latency_ms <= 0.25 THEN 0.25
            WHEN latency_ms <= 0.5 THEN 0.5
            WHEN latency_ms <= 1.0 THEN 1.0
            WHEN latency_ms <= 2.5 THEN 2.5
            WHEN latency_ms <= 5.0 THEN 5.0
            WHEN latency_ms <= 10.0 THEN 10.0
            WHEN latency_ms <= 25.0 THEN 25.0
            WHEN latency_ms <= 50.0 THEN 50.0
            WHEN latency_ms <= 100.0 THEN 100.0
            WHEN latency_ms <= 250.0 THEN 250.0
            WHEN latency_ms <= 500.0 THEN 500.0
            WHEN latency_ms <= 1000.0 THEN 1000.0
            WHEN latency_ms <= 2500.0 THEN 2500.0
            WHEN latency_ms <= 5000.0 THEN 5000.0
            WHEN latency_ms <= 10000.0 THEN 10000.0
        END AS bound_ms
    FROM timed
),
-- The objective is a bound, too.
bucketed AS (
    SELECT
        api,
        topic,
        latency_ms,
        CASE
            WHEN latency_ms <= $slo_ms
                AND (bound_ms IS NULL OR $slo_ms < bound_ms)
                THEN CAST($slo_ms AS DOUBLE)
            ELSE bound_ms
        END AS bound_ms
    FROM bounded
)
SELECT
    api,
    topic,
    bound_ms,
    COUNT(*) AS request_count,
    SUM(millionths(latency_ms)) / 1e9 AS total_seconds
FROM bucketed
GROUP BY api, topic, bound_ms
ORDER BY api, topic, bound_ms NULLS LAST
