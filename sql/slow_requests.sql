-- Requests over the latency objective, worst first.
--
-- What a request asked to wait (a fetch's long poll, see requested_waits) does not count.
-- @terminal arrival_time client_id api latency_ms | requested_wait_ms client_address request_id
-- @param  api            VARCHAR = NULL      -- only this API
-- @column latency_ms     DOUBLE              -- from the first byte of the request
--                                               to the last of the response
-- @column requested_wait_ms DOUBLE           -- part of it that it asked for
-- @column arrival_time   TIMESTAMP           -- first byte of the request on the wire
-- @column api            VARCHAR             -- API
-- @column client_id      VARCHAR             -- client id
-- @column client_address VARCHAR             -- ip:port of the client
-- @column correlation_id INT                 -- correlation id
-- @column partition_count BIGINT             -- topic-partitions in the request
-- @column records_bytes  BIGINT              -- size of all its record batches
-- @column end_time       TIMESTAMP           -- last byte of the response
-- @column request_id     BIGINT              -- id of the request
SELECT
    r.latency_ns / 1e6 AS latency_ms,
    l.requested_wait_ns / 1e6 AS requested_wait_ms,
    CASE WHEN r.time_slack_ns IS NOT NULL THEN r.arrival_time END AS arrival_time,
    r.api,
    r.client_id,
    r.client_address,
    r.correlation_id,
    COUNT(p.partition) AS partition_count,
    SUM(p.records_bytes) AS records_bytes,
    CASE WHEN r.time_slack_ns IS NOT NULL THEN r.end_time END AS end_time,
    r.request_id
FROM request_latencies AS l
INNER JOIN recorded_requests AS r ON r.request_id = l.request_id
LEFT JOIN recorded_partitions AS p ON p.request_id = r.request_id
WHERE l.is_slow
    AND ($api IS NULL OR r.api = $api)
GROUP BY
    r.latency_ns, l.requested_wait_ns, r.arrival_time, r.api, r.client_id, r.client_address,
    r.correlation_id, r.end_time, r.request_id, r.time_slack_ns
ORDER BY r.latency_ns DESC, r.request_id
