-- Every answered request as a replay needs it: what it waited for by itself, and what it
-- found ahead.
--
-- @column request_id     BIGINT    -- the request
-- @column connection_id  BIGINT    -- its connection
-- @column api            VARCHAR   -- its API
-- @column arrival_time   TIMESTAMP -- first byte of the request
-- @column ready_time     TIMESTAMP -- its last byte: it could be served,
--                                     were it the first of its connection
-- @column service_start  TIMESTAMP -- it was read and all earlier ones
--                                     of its connection were answered
-- @column end_time       TIMESTAMP -- last byte of the response
SELECT
    s.request_id,
    s.connection_id,
    CAST(s.api AS VARCHAR) AS api,
    s.arrival_time,
    LEAST(s.end_time, GREATEST(s.arrival_time, COALESCE(r.read_time, s.arrival_time))) AS ready_time,
    s.service_start,
    s.end_time
FROM services AS s
INNER JOIN recorded_requests AS r ON r.request_id = s.request_id
ORDER BY s.arrival_time, s.request_id
