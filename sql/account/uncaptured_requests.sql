-- The requests that only the broker's request log has, by the lines of which no captured
-- request is, and those of encrypted connections that it tells of.
--
-- A line is written when the response was sent, and tells how long that was after the network
-- thread had read the request: it arrived its total before. How long it had waited to be read,
-- behind others of its connection or on the network, no line tells. A line's time is cut off to
-- the log's unit (see line_units): the middle of that is taken. Of lines without a time those
-- count that writes tell (see line_times). When the others were nothing tells: they are laid out
-- in their order from the first recorded time on (or 1970), a ms each, and nothing that goes by
-- time is said of them. Where a turn of an encrypted connection is a line's (see turn_lines), times
-- and connection are those of the network, as of a request that could be read.
-- @materialized
-- @column request_id     BIGINT      -- the request: the line's broker_request_id
-- @column source_id      BIGINT      -- the log
-- @column connection_id  BIGINT      -- its connection: of a turn tcp_connections.connection_id, else
--                                       the first such request on it
-- @column client_address VARCHAR     -- ip:port of the client; this and what follows is null where
--                                       the line does not tell it
-- @column server_address VARCHAR     -- ip:port of the broker
-- @column api            VARCHAR     -- name of the API
-- @column api_key        SMALLINT    -- key of the API
-- @column api_version    SMALLINT    -- version of the request
-- @column correlation_id INT         -- correlation id
-- @column client_id      VARCHAR     -- client id
-- @column arrival_time   TIMESTAMP   -- the network thread had read it; of a turn, its first byte
-- @column read_time      TIMESTAMP   -- the network thread had read it; of a turn, the client's
--                                       last byte
-- @column response_time  TIMESTAMP   -- the broker's first byte, of a turn
-- @column end_time       TIMESTAMP   -- its response was sent; of a turn, the broker's last byte
-- @column latency_ns     BIGINT      -- the time between
-- @column acks           SMALLINT    -- acks asked for
-- @column error_code     SMALLINT    -- first error code
-- @column throttle_ns    BIGINT      -- throttle time that the response told
-- @column replica_id     INT         -- broker id of a follower
-- @column max_wait_ns    BIGINT      -- how long the broker may hold the answer back
-- @column min_bytes      BIGINT      -- bytes that the answer waits for
-- @column group_id       VARCHAR     -- the group
-- @column transactional_id VARCHAR   -- the transactional id
-- @column time_slack_ns  BIGINT      -- how far its times may be off; null when nothing tells when
--                                       it was
-- @column turn_id        BIGINT      -- encrypted_turns.turn_id
-- @column turn_matched_by VARCHAR    -- how the turn was found to be it (see turn_lines)
-- @column turn_confidence DOUBLE     -- how sure that is, 0 to 1
WITH
origin AS (
    SELECT COALESCE(MIN(first_time), to_timestamp_nanos(0)) AS first_time
    FROM sources
),
lines AS (
    SELECT
        b.*,
        COALESCE(
            add_ns(b.end_time, n.unit_ns / 2),
            t.end_time,
            add_ns(
                o.first_time,
                MAX(b.total_ns) OVER (PARTITION BY b.source_id)
                    + 1000000 * CAST(ROW_NUMBER() OVER (
                        PARTITION BY b.source_id ORDER BY b.broker_request_id
                    ) AS BIGINT)
            )
        ) AS done_time,
        CASE WHEN b.end_time IS NULL THEN t.slack_ns ELSE n.unit_ns / 2 END AS time_slack_ns
    FROM uncaptured_lines AS u
    INNER JOIN broker_requests AS b ON b.broker_request_id = u.broker_request_id
    CROSS JOIN origin AS o
    LEFT JOIN line_units AS n ON n.source_id = b.source_id
    LEFT JOIN line_times AS t ON t.broker_request_id = b.broker_request_id
),
turns AS (
    SELECT
        m.broker_request_id, m.matched_by, m.confidence,
        e.turn_id, e.connection_id, e.arrival_time, e.read_time, e.response_time, e.end_time,
        e.latency_ns
    FROM turn_lines AS m
    INNER JOIN encrypted_turns AS e ON e.turn_id = m.turn_id
)
SELECT
    l.broker_request_id AS request_id,
    l.source_id,
    COALESCE(
        e.connection_id,
        MIN(l.broker_request_id) OVER (
            PARTITION BY l.source_id, l.client_address, l.server_address, l.connection_index
        )
    ) AS connection_id,
    l.client_address,
    l.server_address,
    l.api,
    l.api_key,
    l.api_version,
    l.correlation_id,
    l.client_id,
    COALESCE(e.arrival_time, add_ns(l.done_time, -l.total_ns)) AS arrival_time,
    COALESCE(e.read_time, add_ns(l.done_time, -l.total_ns)) AS read_time,
    e.response_time,
    COALESCE(e.end_time, l.done_time) AS end_time,
    COALESCE(e.latency_ns, l.total_ns) AS latency_ns,
    l.acks,
    l.error_code,
    l.told_throttle_ns AS throttle_ns,
    l.replica_id,
    l.max_wait_ns,
    l.min_bytes,
    l.group_id,
    l.transactional_id,
    CASE WHEN e.turn_id IS NULL THEN l.time_slack_ns ELSE 0 END AS time_slack_ns,
    e.turn_id,
    e.matched_by AS turn_matched_by,
    e.confidence AS turn_confidence
FROM lines AS l
LEFT JOIN turns AS e ON e.broker_request_id = l.broker_request_id
ORDER BY arrival_time, request_id
