-- The latency of every answered produce request, by arrival, with its cause when it was
-- slow.
--
-- What `kcorr compare` and `kcorr whatif` take percentiles of.
-- @column arrival_time   TIMESTAMP   -- first byte of the request on the wire
-- @column latency_ns     BIGINT      -- from the first byte of the request
--                                       to the last of the response
-- @column cause          VARCHAR     -- what it waited for; null when it was not slow
-- @column request_id     BIGINT      -- the request
WITH
verdicts AS (
    SELECT request_id, cause
    FROM request_verdicts
)
SELECT
    r.arrival_time,
    r.latency_ns,
    v.cause,
    r.request_id
FROM recorded_requests AS r
LEFT JOIN verdicts AS v ON v.request_id = r.request_id
WHERE r.api = 'Produce'
    AND r.latency_ns IS NOT NULL
ORDER BY r.arrival_time, r.request_id
