-- The requests that an account of the slow ones has to look at.
--
-- The slow produce requests, and the requests that they found unanswered on their connection.
-- @materialized
-- @param  slo_ms           DOUBLE = 65 -- a request at least this slow is slow
-- @column request_id       BIGINT      -- the request
-- @column is_slow          BOOLEAN     -- whether it is slow itself
-- @column connection_id    BIGINT      -- its connection
-- @column api              VARCHAR     -- its API
-- @column arrival_time     TIMESTAMP   -- first byte of the request
-- @column service_start    TIMESTAMP   -- the request was read and all earlier ones were answered
-- @column response_time    TIMESTAMP   -- first byte of the response
-- @column end_time         TIMESTAMP   -- last byte of the response
-- @column latency_ns       BIGINT      -- end_time − arrival_time
-- @column connection_queue_ns BIGINT   -- part of it spent behind earlier requests of the connection
WITH
marked AS (
    SELECT
        *,
        api = 'Produce' AND latency_ns >= $slo_ms * 1e6 AS is_slow
    FROM services
),
slow AS (
    SELECT request_id, connection_id, arrival_time, service_start
    FROM marked
    WHERE is_slow
)
SELECT
    m.request_id,
    m.is_slow,
    m.connection_id,
    m.api,
    m.arrival_time,
    m.service_start,
    m.response_time,
    m.end_time,
    m.latency_ns,
    m.connection_queue_ns
FROM marked AS m
WHERE m.is_slow
    OR EXISTS (
        SELECT 1
        FROM slow AS s
        WHERE s.connection_id = m.connection_id
            AND m.end_time > s.arrival_time
            AND m.service_start < s.service_start
    )
ORDER BY m.arrival_time, m.request_id
