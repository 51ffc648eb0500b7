-- The lines of the broker's request log of which no captured request is.
--
-- A line is a captured request's by client address, correlation id, API and time; where
-- something on the way translates addresses, by client id, correlation id, API and time
-- alone, if that is the same within some ms and the capture has it for as long. A line without
-- a time is a captured request's by the rest: too few are told apart rather than one
-- request told twice. A request whose response was not captured has no end there, and is
-- told by its line. A line that two logs have, or one twice, counts once.
-- @materialized
-- @column broker_request_id BIGINT   -- the line
-- @column source_id      BIGINT      -- the log
-- @column has_time       BOOLEAN     -- whether it says when it was logged
WITH
answered AS (
    SELECT client_address, client_id, correlation_id, api, end_time, latency_ns
    FROM requests
    WHERE end_time IS NOT NULL
),
others AS (
    SELECT
        l.broker_request_id, l.source_id, l.client_address, l.client_id, l.correlation_id, l.api,
        l.end_time, l.total_ns
    FROM broker_requests AS l
    WHERE NOT EXISTS (
        SELECT 1
        FROM answered AS r
        WHERE r.client_address = l.client_address
            AND r.correlation_id = l.correlation_id
            AND r.api = l.api
            AND (
                l.end_time IS NULL
                OR elapsed_ns(r.end_time, l.end_time) BETWEEN -10000000000 AND 10000000000
            )
    )
),
numbered AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY
                client_address, correlation_id, api, end_time, total_ns,
                CASE
                    WHEN client_address IS NULL OR end_time IS NULL THEN broker_request_id
                END
            ORDER BY broker_request_id
        ) AS place
    FROM others
)
SELECT o.broker_request_id, o.source_id, o.end_time IS NOT NULL AS has_time
FROM numbered AS o
WHERE o.place = 1
    AND NOT EXISTS (
        SELECT 1
        FROM answered AS r
        WHERE r.client_id = o.client_id
            AND r.correlation_id = o.correlation_id
            AND r.api = o.api
            AND elapsed_ns(r.end_time, o.end_time) BETWEEN -5000000 AND 3000000
            AND r.latency_ns > o.total_ns - 3000000
    )
ORDER BY o.broker_request_id
