-- The cause of each slow request: the first of what it waited for, without what shows it.
--
-- @column request_id     BIGINT      -- the request
-- @column cause          VARCHAR     -- as in blame
-- @column waited_ns      BIGINT      -- part of the latency spent on the cause, as in blame
-- @column latency_ns     BIGINT      -- from its first byte to the last of its response
SELECT
    s.request_id,
    COALESCE(c.cause, 'unexplained') AS cause,
    COALESCE(c.cause_ns, s.latency_ns) AS waited_ns,
    s.latency_ns
FROM accounted_requests AS s
LEFT JOIN request_causes AS c
    ON c.request_id = s.request_id
    AND c.place = 1
WHERE s.is_slow
ORDER BY s.request_id
