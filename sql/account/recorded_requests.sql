-- The requests of all recordings: those that were captured, and those that only the broker's
-- request log has.
--
-- Columns are those of `requests`. What a line of the log does not tell is null: bytes, and
-- when the response began. A turn of an encrypted connection and the line that it is are one
-- request (see turn_lines): its times are those of the network, the rest is told by the line.
-- @column request_id     BIGINT      -- requests.request_id, or the line's broker_request_id
-- @column source_id      BIGINT      -- the recording
-- @column connection_id  BIGINT      -- its connection
-- @column client_address VARCHAR     -- ip:port of the client; null where a line has none
-- @column server_address VARCHAR     -- ip:port of the broker; null where a line has none
-- @column api            VARCHAR     -- name of the API
-- @column api_key        SMALLINT    -- key of the API; null where a line's is not known
-- @column api_version    SMALLINT    -- version of the request; null where a line has none
-- @column correlation_id INT         -- correlation id; null where a line has none
-- @column client_id      VARCHAR     -- client id
-- @column arrival_time   TIMESTAMP   -- first byte of the request; by the log, when it was read
-- @column read_time      TIMESTAMP   -- last byte of the request; by the log, when it was read
-- @column response_time  TIMESTAMP   -- first byte of the response; null by the log alone
-- @column end_time       TIMESTAMP   -- last byte of the response; by the log, when it was sent
-- @column latency_ns     BIGINT      -- end_time − arrival_time
-- @column request_bytes  BIGINT      -- size of the request
-- @column response_bytes BIGINT      -- size of the response
-- @column acks           SMALLINT    -- Produce: acks asked for
-- @column error_code     SMALLINT    -- first error code in the response that is not 0, else 0
-- @column throttle_ns    BIGINT      -- throttle time that the response tells
-- @column replica_id     INT         -- Fetch: broker id of a follower
-- @column max_wait_ns    BIGINT      -- how long the broker may hold the answer back
-- @column min_bytes      BIGINT      -- bytes of records that the answer waits for
-- @column group_id       VARCHAR     -- the group of a group's request
-- @column transactional_id VARCHAR   -- the transactional id
-- @column principal      VARCHAR     -- the user; null by the log
-- @column no_response    VARCHAR     -- why there is no end
-- @column is_captured    BOOLEAN     -- whether it was captured, encrypted or not: its times are
--                                       those of the network
-- @column time_slack_ns  BIGINT      -- how far its times may be off besides the clocks; null when
--                                       nothing tells when it was (see uncaptured_requests)
-- @column turn_id        BIGINT      -- encrypted_turns.turn_id; null of what could be read, or
--                                       only the log has
-- @column turn_matched_by VARCHAR    -- how the turn was found to be the line's (see turn_lines)
-- @column turn_confidence DOUBLE     -- how sure that is, 0 to 1
SELECT
    request_id, source_id, connection_id, client_address, server_address, api, api_key, api_version,
    correlation_id, client_id, arrival_time, read_time, response_time, end_time, latency_ns,
    request_bytes, response_bytes, acks, error_code, throttle_ns, replica_id, max_wait_ns, min_bytes,
    group_id, transactional_id, principal, no_response,
    TRUE AS is_captured,
    CAST(0 AS BIGINT) AS time_slack_ns
FROM requests
UNION ALL BY NAME
SELECT
    request_id, source_id, connection_id, client_address, server_address, api, api_key, api_version,
    correlation_id, client_id, arrival_time, read_time, response_time, end_time, latency_ns, acks,
    error_code, throttle_ns, replica_id, max_wait_ns, min_bytes, group_id, transactional_id,
    turn_id IS NOT NULL AS is_captured, time_slack_ns, turn_id, turn_matched_by, turn_confidence
FROM uncaptured_requests
