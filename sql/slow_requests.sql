-- Requests over the latency objective, worst first.
--
-- Fetches wait for data by design (long poll), so by default only produce requests are
-- listed.
-- @param  slo_ms         DOUBLE = 65         -- a request at least this slow is listed
-- @param  api            VARCHAR = 'Produce' -- only this API; NULL for all
-- @column latency_ms     DOUBLE              -- from the first byte of the request
--                                               to the last of the response
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
    r.arrival_time,
    r.api,
    r.client_id,
    r.client_address,
    r.correlation_id,
    COUNT(p.partition) AS partition_count,
    SUM(p.records_bytes) AS records_bytes,
    r.end_time,
    r.request_id
FROM requests AS r
LEFT JOIN request_partitions AS p ON p.request_id = r.request_id
WHERE r.latency_ns >= $slo_ms * 1e6
    AND ($api IS NULL OR r.api = $api)
GROUP BY
    r.latency_ns, r.arrival_time, r.api, r.client_id, r.client_address,
    r.correlation_id, r.end_time, r.request_id
ORDER BY r.latency_ns DESC, r.request_id
