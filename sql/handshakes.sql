-- Handshakes of connections, longest first: TCP's, TLS's, and logins by SASL.
--
-- `broker_ms` is the part in which the broker's next packet was waited for: its network
-- thread has to accept, to sign and to check in it, behind whatever else the thread does. What
-- was not captured has no row: a connection that was open before the capture began, TLS
-- without a ClientHello, a login without its SaslHandshake, or one within TLS without keys.
-- Logins of version 0 show only where they begin: `end_time` is null.
-- @by_broker
-- @column connection_id  BIGINT    -- the connection
-- @column kind           VARCHAR   -- tcp, tls or sasl
-- @column client_address VARCHAR   -- address and port of the client
-- @column server_address VARCHAR   -- address and port of the broker
-- @column start_time     TIMESTAMP -- the first SYN, the ClientHello, or SaslHandshake
-- @column end_time       TIMESTAMP -- when it was done; null when it was not, as far as
--                                     the capture goes
-- @column duration_ms    DOUBLE    -- from start to end
-- @column broker_ms      DOUBLE    -- the part in which the broker's next packet was
--                                     waited for
-- @column outcome        VARCHAR   -- done, failed (by an alert, or an error of the
--                                     login), unanswered (no SYN/ACK), or unfinished: the
--                                     connection or the capture ended before
-- @column detail         VARCHAR   -- the version of TLS and whether an earlier session was
--                                     resumed; the number of an alert or an error
-- @column retries        BIGINT    -- packets of TCP's handshake that were sent again
WITH
sasl_requests AS (
    SELECT
        request_id, connection_id, client_address, server_address, api_version,
        arrival_time, read_time, response_time, end_time, error_code,
        CAST(api AS VARCHAR) AS api,
        COUNT(*) FILTER (WHERE CAST(api AS VARCHAR) = 'SaslHandshake') OVER (
            PARTITION BY connection_id
            ORDER BY arrival_time, request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS login
    FROM requests
    WHERE CAST(api AS VARCHAR) IN ('SaslHandshake', 'SaslAuthenticate')
),
other_requests AS (
    SELECT connection_id, MAX(arrival_time) AS last_time
    FROM requests
    WHERE CAST(api AS VARCHAR) NOT IN ('SaslHandshake', 'SaslAuthenticate')
    GROUP BY connection_id
),
logins AS (
    SELECT
        connection_id,
        login,
        MIN(CAST(client_address AS VARCHAR)) AS client_address,
        MIN(CAST(server_address AS VARCHAR)) AS server_address,
        MIN(arrival_time) AS start_time,
        MAX(end_time) AS end_time,
        SUM(elapsed_ns(read_time, response_time)) AS broker_ns,
        MAX(error_code) FILTER (WHERE error_code <> 0) AS error_code,
        COUNT(*) FILTER (WHERE end_time IS NULL) AS open_count,
        COUNT(*) FILTER (WHERE api = 'SaslAuthenticate') AS authenticate_count,
        MAX(api_version) FILTER (WHERE api = 'SaslHandshake') AS version
    FROM sasl_requests
    WHERE login > 0
    GROUP BY connection_id, login
),
handshakes AS (
    SELECT
        connection_id,
        'tcp' AS kind,
        CAST(client_address AS VARCHAR) AS client_address,
        CAST(server_address AS VARCHAR) AS server_address,
        syn_time AS start_time,
        established_time AS end_time,
        elapsed_ns(syn_time, syn_ack_time) AS broker_ns,
        CASE
            WHEN established_time IS NOT NULL THEN 'done'
            WHEN syn_ack_time IS NULL THEN 'unanswered'
            ELSE 'unfinished'
        END AS outcome,
        syn_retries + COALESCE(syn_ack_retries, 0) AS retries
    FROM tcp_connections
    WHERE syn_time IS NOT NULL
    UNION ALL BY NAME
    SELECT
        connection_id,
        'tls' AS kind,
        CAST(client_address AS VARCHAR) AS client_address,
        CAST(server_address AS VARCHAR) AS server_address,
        client_hello_time AS start_time,
        tls_done_time AS end_time,
        tls_broker_ns AS broker_ns,
        CASE
            WHEN tls_done_time IS NOT NULL THEN 'done'
            WHEN tls_alert IS NOT NULL THEN 'failed'
            ELSE 'unfinished'
        END AS outcome,
        CASE
            WHEN tls_alert IS NOT NULL THEN 'alert ' || CAST(tls_alert AS VARCHAR)
            WHEN tls_resumed THEN CAST(tls_version AS VARCHAR) || ', resumed'
            ELSE CAST(tls_version AS VARCHAR)
        END AS detail
    FROM tcp_connections
    WHERE client_hello_time IS NOT NULL
    UNION ALL BY NAME
    SELECT
        l.connection_id,
        'sasl' AS kind,
        l.client_address,
        l.server_address,
        l.start_time,
        CASE
            WHEN l.version > 0 AND l.open_count = 0 AND l.error_code IS NULL
                AND l.authenticate_count > 0 AND o.last_time >= l.end_time
                THEN l.end_time
        END AS end_time,
        l.broker_ns,
        CASE
            WHEN l.error_code IS NOT NULL THEN 'failed'
            WHEN o.last_time >= l.end_time THEN 'done'
            ELSE 'unfinished'
        END AS outcome,
        'error ' || CAST(l.error_code AS VARCHAR) AS detail
    FROM logins AS l
    LEFT JOIN other_requests AS o ON o.connection_id = l.connection_id
)
SELECT
    connection_id,
    kind,
    client_address,
    server_address,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) / 1e6 AS duration_ms,
    broker_ns / 1e6 AS broker_ms,
    outcome,
    detail,
    retries
FROM handshakes
ORDER BY duration_ms DESC NULLS FIRST, start_time, connection_id, kind
