-- When the broker worked on each answered request, after the earlier ones of its
-- connection.
--
-- Kafka serves the requests of a connection one at a time. A request that arrives while
-- an earlier one is unanswered waits for it: from its arrival to that response's last
-- byte. One that only the request log has was read when its time begins.
-- @column request_id        BIGINT    -- the request
-- @column connection_id     BIGINT    -- its connection
-- @column api               VARCHAR   -- its API
-- @column arrival_time      TIMESTAMP -- first byte of the request
-- @column service_start     TIMESTAMP -- the request was read and all
--                                        earlier ones were answered
-- @column response_time     TIMESTAMP -- first byte of the response
-- @column end_time          TIMESTAMP -- last byte of the response
-- @column latency_ns        BIGINT    -- end_time − arrival_time
-- @column connection_queue_ns BIGINT  -- part of it spent behind earlier
--                                        requests of the connection
WITH
ordered AS (
    SELECT
        *,
        MAX(CASE WHEN is_captured THEN end_time END) OVER (
            PARTITION BY connection_id
            ORDER BY arrival_time, request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS previous_end_time
    FROM recorded_requests
    WHERE end_time IS NOT NULL
)
SELECT
    request_id,
    connection_id,
    api,
    arrival_time,
    LEAST(end_time, GREATEST(arrival_time, read_time, previous_end_time)) AS service_start,
    COALESCE(response_time, end_time) AS response_time,
    end_time,
    latency_ns,
    overlap_ns(
        arrival_time, end_time, arrival_time, COALESCE(previous_end_time, arrival_time)
    ) AS connection_queue_ns
FROM ordered
ORDER BY arrival_time, request_id
