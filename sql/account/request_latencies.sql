-- Each answered request's latency against its API's objective.
--
-- What it waited by its own wish, or behind an earlier request's of its connection
-- (requested_waits), does not count.
-- @param  slo_ms           DOUBLE = 65  -- a request at least this slow is slow
-- @param  api_slo          VARCHAR = '' -- other objectives, in ms: Fetch=200 Metadata=1000
-- @column request_id       BIGINT     -- the request
-- @column connection_id    BIGINT     -- its connection
-- @column api              VARCHAR    -- its API
-- @column arrival_time     TIMESTAMP  -- first byte of the request
-- @column end_time         TIMESTAMP  -- last byte of the response
-- @column latency_ns       BIGINT     -- end_time − arrival_time
-- @column requested_wait_ns BIGINT    -- part of it that was asked for
-- @column objective_ms     DOUBLE     -- its API's objective
-- @column is_slow          BOOLEAN    -- whether the rest is at least that
-- @column has_time         BOOLEAN    -- whether anything tells when it was (see uncaptured_requests)
SELECT
    r.request_id,
    r.connection_id,
    CAST(r.api AS VARCHAR) AS api,
    r.arrival_time,
    r.end_time,
    r.latency_ns,
    COALESCE(w.wait_ns, 0) AS requested_wait_ns,
    objective_ms(r.api, $slo_ms, $api_slo) AS objective_ms,
    r.latency_ns - COALESCE(w.wait_ns, 0) >= objective_ms(r.api, $slo_ms, $api_slo) * 1e6 AS is_slow,
    r.time_slack_ns IS NOT NULL AS has_time
FROM recorded_requests AS r
LEFT JOIN (
    SELECT request_id, SUM(wait_ns) AS wait_ns
    FROM requested_waits
    GROUP BY request_id
) AS w ON w.request_id = r.request_id
WHERE r.latency_ns IS NOT NULL
ORDER BY r.arrival_time, r.request_id
