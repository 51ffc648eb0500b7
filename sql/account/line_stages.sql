-- The stages of each line of the broker's request log, and when the last of them was over.
--
-- A line is written when its response was sent, and its time is cut off to the log's unit (see
-- line_units): the middle of that is taken. The time of a quota is a stage only where the total
-- has room for it: since Kafka 2.0 (KIP-219) the response does not wait for that.
-- @column broker_request_id BIGINT   -- the line of the log
-- @column source_id      BIGINT      -- the log
-- @column client_address VARCHAR     -- ip:port of the client
-- @column correlation_id INT         -- correlation id
-- @column api            VARCHAR     -- name of the API
-- @column logged_time    TIMESTAMP   -- the line's own time; null where it has none
-- @column done_time      TIMESTAMP   -- its response was sent; null where the line has no time
-- @column unit_ns        BIGINT      -- the unit of the log's times
-- @column total_ns       BIGINT      -- from when it was read until its response was sent
-- @column queue_ns       BIGINT      -- it waited for a handler
-- @column local_ns       BIGINT      -- its handler was at work on it; null where the line has no
--                                       stages
-- @column remote_ns      BIGINT      -- it waited for followers or for data
-- @column throttle_ns    BIGINT      -- it was held back for a quota
-- @column response_queue_ns BIGINT   -- its response waited for the network thread
-- @column send_ns        BIGINT      -- its response was being sent
SELECT
    b.broker_request_id,
    b.source_id,
    b.client_address,
    b.correlation_id,
    b.api,
    b.end_time AS logged_time,
    add_ns(b.end_time, t.unit_ns / 2) AS done_time,
    COALESCE(t.unit_ns, 1000000) AS unit_ns,
    b.total_ns,
    COALESCE(b.request_queue_ns, 0) AS queue_ns,
    b.local_ns,
    COALESCE(b.remote_ns, 0) AS remote_ns,
    CASE
        WHEN b.total_ns > 0
            AND b.total_ns + 2000000 < COALESCE(b.request_queue_ns, 0) + b.local_ns
                + COALESCE(b.remote_ns, 0) + COALESCE(b.throttle_ns, 0)
                + COALESCE(b.response_queue_ns, 0) + COALESCE(b.send_ns, 0)
            THEN 0
        ELSE COALESCE(b.throttle_ns, 0)
    END AS throttle_ns,
    COALESCE(b.response_queue_ns, 0) AS response_queue_ns,
    COALESCE(b.send_ns, 0) AS send_ns
FROM broker_requests AS b
LEFT JOIN line_units AS t ON t.source_id = b.source_id
ORDER BY b.broker_request_id
