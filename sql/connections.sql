-- Connections to the brokers and what TCP did for them, those whose bytes had to wait
-- longest first.
--
-- `waited_ms` is the time in which some bytes waited: for a window, for bytes that had
-- been lost, or for a handshake that was repeated; each moment counts once. Times are
-- those of both directions unless a column says which. Connections that are opened again
-- and again (a reconnect storm) are seen by `opened_together` and `reconnect_count`, what
-- their handshakes took by `connect_ms`, `tls_ms` and `sasl_ms`, and a backlog that was
-- full, or packets that were lost, by `syn_retries`. Nothing here says how much of it a request
-- waited: see connection_states and blame.
-- @by_broker
-- @terminal client_id client_address request_count waited_ms | lost_ms client_window_ms
--   broker_window_ms client_rtt_ms closed_by start_time
-- @column connection_id       BIGINT    -- the connection
-- @column client_address      VARCHAR   -- address and port of the client
-- @column server_address      VARCHAR   -- address and port of the broker
-- @column client_id           VARCHAR   -- a client id of its requests; null without requests
-- @column principal           VARCHAR   -- the user that it named by SASL, where that is visible
-- @column request_count       BIGINT    -- requests that were seen on it; of an encrypted one
--                                          those of its turns that the request log tells
-- @column turn_count          BIGINT    -- turns of an encrypted one that could not be read (see
--                                          turns)
-- @column start_time          TIMESTAMP -- its first packet
-- @column end_time            TIMESTAMP -- its last packet
-- @column waited_ms           DOUBLE    -- time in which bytes waited, as above
-- @column connect_ms          DOUBLE    -- from the first SYN to the end of the handshake
-- @column tls_ms              DOUBLE    -- from the ClientHello to the first application data
-- @column sasl_ms             DOUBLE    -- what its logins by SASL took: the latencies of their
--                                          requests; null when none was seen
-- @column syn_retries         BIGINT    -- SYNs, and answers to them, that were sent again
-- @column client_rtt_ms       DOUBLE    -- shortest round trip to the client
-- @column broker_rtt_ms       DOUBLE    -- shortest round trip to the broker
-- @column retransmissions     BIGINT    -- segments with bytes sent again
-- @column needless_count      BIGINT    -- those whose bytes had been acknowledged
-- @column retransmitted_ratio DOUBLE    -- bytes sent again, of all
-- @column lost_ms             DOUBLE    -- time until bytes that had surely been lost arrived
-- @column client_window_ms    DOUBLE    -- the client's window was closed or full
-- @column broker_window_ms    DOUBLE    -- the broker's window was closed or full
-- @column largest_client_window BIGINT  -- the client's largest window, bytes
-- @column window_scaling      VARCHAR   -- on, not_offered or refused (see tcp_connections)
-- @column closed_by           VARCHAR   -- how it ended (see tcp_connections)
-- @column reconnect_count     BIGINT    -- how many connections of the same client address
--                                          took the place of an earlier one
-- @column opened_together     BIGINT    -- connections to this broker opened in the same
--                                          second; null where its SYN was not captured
WITH
asked AS (
    SELECT
        connection_id,
        MIN(CAST(client_id AS VARCHAR)) AS client_id,
        MIN(CAST(principal AS VARCHAR)) AS principal,
        COUNT(*) AS request_count,
        SUM(latency_ns) FILTER (
            WHERE CAST(api AS VARCHAR) IN ('SaslHandshake', 'SaslAuthenticate')
        ) AS sasl_ns
    FROM recorded_requests
    GROUP BY connection_id
),
told AS (
    SELECT connection_id, COUNT(*) AS turn_count
    FROM encrypted_turns
    GROUP BY connection_id
),
kept AS (
    SELECT
        connection_id,
        start_time,
        end_time,
        CAST(direction AS VARCHAR) AS direction,
        CASE
            WHEN kind IN ('zero_window', 'window_limited') THEN 'window'
            WHEN kind = 'retransmission' THEN 'loss'
            ELSE 'handshake'
        END AS what
    FROM tcp_stretches
    WHERE kind IN ('zero_window', 'window_limited', 'syn_retry', 'syn_ack_retry')
        OR (kind = 'retransmission' AND is_lost)
),
steps AS (
    SELECT
        *,
        MAX(end_time) OVER (
            PARTITION BY connection_id
            ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time,
        MAX(end_time) OVER (
            PARTITION BY connection_id, direction, what
            ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_by_kind
    FROM kept
),
waits AS (
    SELECT
        connection_id,
        what,
        direction,
        GREATEST(
            elapsed_ns(GREATEST(start_time, COALESCE(reached_time, start_time)), end_time), 0
        ) AS waited_ns,
        GREATEST(
            elapsed_ns(GREATEST(start_time, COALESCE(reached_by_kind, start_time)), end_time), 0
        ) AS kind_ns
    FROM steps
),
sums AS (
    SELECT
        connection_id,
        SUM(waited_ns) AS waited_ns,
        SUM(kind_ns) FILTER (WHERE what = 'loss') AS lost_ns,
        SUM(kind_ns) FILTER (WHERE what = 'window' AND direction = 'from_broker') AS client_window_ns,
        SUM(kind_ns) FILTER (WHERE what = 'window' AND direction = 'to_broker') AS broker_window_ns
    FROM waits
    GROUP BY connection_id
),
named AS (
    SELECT
        *,
        regexp_replace(CAST(client_address AS VARCHAR), ':[0-9]+$', '') AS client_host,
        CAST(CAST(syn_time AS BIGINT) / 1000000000 AS BIGINT) AS syn_second
    FROM tcp_connections
)
SELECT
    c.connection_id,
    c.client_address,
    c.server_address,
    a.client_id,
    a.principal,
    COALESCE(a.request_count, 0) AS request_count,
    COALESCE(t.turn_count, 0) AS turn_count,
    c.start_time,
    c.end_time,
    COALESCE(s.waited_ns, 0) / 1e6 AS waited_ms,
    elapsed_ns(c.syn_time, c.established_time) / 1e6 AS connect_ms,
    elapsed_ns(c.client_hello_time, c.tls_done_time) / 1e6 AS tls_ms,
    a.sasl_ns / 1e6 AS sasl_ms,
    c.syn_retries + COALESCE(c.syn_ack_retries, 0) AS syn_retries,
    c.client_rtt_min_ns / 1e6 AS client_rtt_ms,
    c.broker_rtt_min_ns / 1e6 AS broker_rtt_ms,
    COALESCE(c.to_broker_retransmissions, 0) + COALESCE(c.from_broker_retransmissions, 0)
        AS retransmissions,
    COALESCE(c.to_broker_needless_retransmissions, 0)
        + COALESCE(c.from_broker_needless_retransmissions, 0) AS needless_count,
    CAST(
        COALESCE(c.to_broker_retransmitted_bytes, 0) + COALESCE(c.from_broker_retransmitted_bytes, 0)
        AS DOUBLE
    ) / NULLIF(c.to_broker_bytes + c.from_broker_bytes, 0) AS retransmitted_ratio,
    COALESCE(s.lost_ns, 0) / 1e6 AS lost_ms,
    COALESCE(s.client_window_ns, 0) / 1e6 AS client_window_ms,
    COALESCE(s.broker_window_ns, 0) / 1e6 AS broker_window_ms,
    c.from_broker_largest_window AS largest_client_window,
    c.window_scaling,
    c.closed_by,
    COUNT(c.reconnect_of) OVER (PARTITION BY c.client_host, c.server_address) AS reconnect_count,
    CASE
        WHEN c.syn_second IS NOT NULL
            THEN COUNT(c.syn_second) OVER (PARTITION BY c.server_address, c.syn_second)
    END AS opened_together
FROM named AS c
LEFT JOIN asked AS a ON a.connection_id = c.connection_id
LEFT JOIN told AS t ON t.connection_id = c.connection_id
LEFT JOIN sums AS s ON s.connection_id = c.connection_id
ORDER BY waited_ms DESC, c.connection_id
