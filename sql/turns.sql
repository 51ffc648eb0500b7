-- Turns of encrypted connections that could not be read, longest first, and the requests that
-- they are by the broker's request log.
--
-- A turn is what a client sent and the broker then (see encrypted_turns). Its line in the
-- request log says what was asked for, where nothing else is possible (see turn_lines): then it is
-- a request of the account, with the turn's times and the line's stages. Of the others nothing
-- is said but what the network shows.
-- @by_broker
-- @column turn_id        BIGINT    -- the turn
-- @column connection_id  BIGINT    -- the connection
-- @column client_address VARCHAR   -- address and port of the client
-- @column server_address VARCHAR   -- address and port of the broker
-- @column arrival_time   TIMESTAMP -- its first byte
-- @column latency_ms     DOUBLE    -- from there to the last byte of the broker
-- @column answer_ms      DOUBLE    -- from the last byte of the client to the broker's first
-- @column sent_bytes     BIGINT    -- bytes of the client's records
-- @column answer_bytes   BIGINT    -- bytes of the broker's records
-- @column may_overlap    BOOLEAN   -- whether the client was seen to ask again before it had an
--                                     answer: then a turn may be of several requests
-- @column broker_request_id BIGINT -- the line of the broker's request log that it is, and its
--                                     request_id in the account
-- @column api            VARCHAR   -- what was asked for, by that line
-- @column correlation_id INT       -- its correlation id
-- @column client_id      VARCHAR   -- its client id
-- @column total_ms       DOUBLE    -- how long the broker had it, by that line
-- @column matched_by     VARCHAR   -- alone: the only line and turn for some time; order: one
--                                     of several, in their order
SELECT
    e.turn_id,
    e.connection_id,
    e.client_address,
    e.server_address,
    e.arrival_time,
    e.latency_ns / 1e6 AS latency_ms,
    elapsed_ns(e.read_time, e.response_time) / 1e6 AS answer_ms,
    e.request_bytes AS sent_bytes,
    e.response_bytes AS answer_bytes,
    COALESCE(c.overlap_time IS NOT NULL, FALSE) AS may_overlap,
    l.broker_request_id,
    b.api,
    b.correlation_id,
    b.client_id,
    b.total_ns / 1e6 AS total_ms,
    l.matched_by
FROM encrypted_turns AS e
LEFT JOIN tcp_connections AS c ON c.connection_id = e.connection_id
LEFT JOIN turn_lines AS l ON l.turn_id = e.turn_id
LEFT JOIN broker_requests AS b ON b.broker_request_id = l.broker_request_id
ORDER BY latency_ms DESC, e.turn_id
