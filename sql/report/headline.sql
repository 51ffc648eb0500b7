-- The incident in one row: how many requests were too slow, how slow, and how much is
-- explained.
--
-- @param  slo_ms          DOUBLE = 65 -- a request at least this
--                                        slow is over the objective
-- @column slo_ms          DOUBLE      -- the objective
-- @column first_time      TIMESTAMP   -- arrival of the first produce request
-- @column last_time       TIMESTAMP   -- end of the last
-- @column span_s          DOUBLE      -- time between
-- @column request_count   BIGINT      -- answered produce requests
-- @column slow_count      BIGINT      -- those over the objective
-- @column slow_ratio      DOUBLE      -- their share
-- @column p50_ms          DOUBLE      -- median latency
-- @column p99_ms          DOUBLE      -- 99th percentile
-- @column p999_ms         DOUBLE      -- 99.9th percentile
-- @column max_ms          DOUBLE      -- worst latency
-- @column worst_request_id BIGINT     -- the slowest request
-- @column slow_ms         DOUBLE      -- latency of the slow requests, added up
-- @column explained_ratio DOUBLE      -- part of it that recorded rows explain
-- @column unexplained_count BIGINT    -- slow requests that nothing explains
-- @column confidence      DOUBLE      -- mean confidence of the explained ones
-- @column hidden_count    BIGINT      -- slow ones that met the objective
--                                        from when they could be read
-- @column hidden_ratio    DOUBLE      -- their share: the broker's
--                                        own metrics do not show them
WITH
answered AS (
    SELECT
        MIN(arrival_time) AS first_time,
        MAX(end_time) AS last_time,
        COUNT(*) AS request_count,
        COUNT(*) FILTER (WHERE latency_ns >= $slo_ms * 1e6) AS slow_count,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ns / 1e6) AS p50_ms,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ns / 1e6) AS p99_ms,
        percentile_cont(0.999) WITHIN GROUP (ORDER BY latency_ns / 1e6) AS p999_ms,
        MAX(latency_ns) / 1e6 AS max_ms
    FROM requests
    WHERE api = 'Produce'
        AND latency_ns IS NOT NULL
),
verdicts AS (
    SELECT
        SUM(latency_ms) AS slow_ms,
        COUNT(*) FILTER (WHERE cause = 'unexplained') AS unexplained_count,
        AVG(confidence) AS confidence,
        COUNT(*) FILTER (WHERE latency_ms - connection_queue_ms < $slo_ms)
            AS hidden_count
    FROM request_verdicts
),
explained AS (
    SELECT SUM(segment_ns) / 1e6 AS explained_ms
    FROM request_segments
    WHERE cause <> 'unexplained'
),
worst AS (
    SELECT request_id
    FROM request_verdicts
    ORDER BY latency_ms DESC, request_id
    LIMIT 1
)
SELECT
    CAST($slo_ms AS DOUBLE) AS slo_ms,
    a.first_time,
    a.last_time,
    elapsed_ns(a.first_time, a.last_time) / 1e9 AS span_s,
    a.request_count,
    a.slow_count,
    CAST(a.slow_count AS DOUBLE) / NULLIF(a.request_count, 0) AS slow_ratio,
    a.p50_ms,
    a.p99_ms,
    a.p999_ms,
    a.max_ms,
    w.request_id AS worst_request_id,
    v.slow_ms,
    COALESCE(x.explained_ms, 0) / v.slow_ms AS explained_ratio,
    v.unexplained_count,
    v.confidence,
    v.hidden_count,
    CAST(v.hidden_count AS DOUBLE) / NULLIF(a.slow_count, 0) AS hidden_ratio
FROM answered AS a
CROSS JOIN verdicts AS v
CROSS JOIN explained AS x
LEFT JOIN worst AS w ON true
ORDER BY first_time
