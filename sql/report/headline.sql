-- The incident in one row: how many requests were too slow, how slow, and how much is
-- explained.
--
-- @param  slo_ms          DOUBLE = 65 -- a request at least this
--                                        slow is over the objective
-- @param  api_slo         VARCHAR = '' -- other objectives, in ms: Fetch=200 Metadata=1000
-- @column slo_ms          DOUBLE      -- the objective
-- @column first_time      TIMESTAMP   -- arrival of the first request
-- @column last_time       TIMESTAMP   -- end of the last
-- @column span_s          DOUBLE      -- time between
-- @column request_count   BIGINT      -- answered requests of all APIs
-- @column slow_count      BIGINT      -- those over their API's objective
-- @column slow_ratio      DOUBLE      -- their share
-- @column slow_apis       VARCHAR     -- how many of which API: Produce 161, Fetch 3
-- @column p50_ms          DOUBLE      -- median latency of produce requests
-- @column p99_ms          DOUBLE      -- 99th percentile
-- @column p999_ms         DOUBLE      -- 99.9th percentile
-- @column max_ms          DOUBLE      -- worst latency of a slow request, or else of a
--                                        produce request; without what was asked for
-- @column worst_request_id BIGINT     -- the slowest request
-- @column slow_ms         DOUBLE      -- latency of the slow requests, added up, without
--                                        what they asked for
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
        MIN(arrival_time) FILTER (WHERE has_time) AS first_time,
        MAX(end_time) FILTER (WHERE has_time) AS last_time,
        COUNT(*) AS request_count,
        COUNT(*) FILTER (WHERE is_slow) AS slow_count,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ns / 1e6)
            FILTER (WHERE api = 'Produce') AS p50_ms,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_ns / 1e6)
            FILTER (WHERE api = 'Produce') AS p99_ms,
        percentile_cont(0.999) WITHIN GROUP (ORDER BY latency_ns / 1e6)
            FILTER (WHERE api = 'Produce') AS p999_ms,
        MAX(latency_ns - requested_wait_ns) FILTER (WHERE is_slow OR api = 'Produce') / 1e6 AS max_ms
    FROM request_latencies
),
apis AS (
    SELECT string_agg(api || ' ' || CAST(slow_count AS VARCHAR), ', ' ORDER BY slow_count DESC, api) AS slow_apis
    FROM (
        SELECT api, COUNT(*) AS slow_count
        FROM request_verdicts
        GROUP BY api
    )
),
verdicts AS (
    SELECT
        SUM(millionths(latency_ms - requested_wait_ms)) / 1e6 AS slow_ms,
        COUNT(*) FILTER (WHERE cause = 'unexplained') AS unexplained_count,
        SUM(millionths(confidence)) / 1e6 / COUNT(confidence) AS confidence,
        COUNT(*) FILTER (
            WHERE latency_ms - connection_queue_ms < objective_ms(api, $slo_ms, $api_slo)
        )
            AS hidden_count
    FROM request_verdicts
),
explained AS (
    SELECT SUM(segment_ns) / 1e6 AS explained_ms
    FROM request_segments
    WHERE root NOT IN ('unexplained', 'requested_wait')
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
    s.slow_apis,
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
CROSS JOIN apis AS s
CROSS JOIN explained AS x
LEFT JOIN worst AS w ON true
ORDER BY first_time
