-- Storms of new connections: times in which many were opened to a broker at once, with what
-- their handshakes took, worst first.
--
-- A storm is a run of seconds in each of which at least `min_opened` connections to one
-- broker were begun, as their SYNs show. Handshakes keep network threads busy, and a full
-- handshake of TLS most of all: `broker_ms` is how long handshakes waited for the broker's
-- next packet, and the samples say how often network threads were seen at work on
-- handshakes. SYNs without an answer, and those that were sent again, are what a backlog
-- that overflows looks like, and lost packets, too. Whether a request waited for such a thread, blame says.
-- @by_broker
-- @param  min_opened     BIGINT = 20 -- connections begun in a second, of a storm
-- @column server_address VARCHAR   -- address and port of the broker
-- @column start_time     TIMESTAMP -- the first SYN
-- @column end_time       TIMESTAMP -- the last end of a handshake, or the last SYN
-- @column opened         BIGINT    -- connections that were begun
-- @column client_count   BIGINT    -- addresses that they came from
-- @column reconnects     BIGINT    -- those that took the place of one that had ended
-- @column unanswered     BIGINT    -- those without a SYN/ACK
-- @column syn_retries    BIGINT    -- packets of TCP's handshake that were sent again
-- @column tls_full       BIGINT    -- handshakes of TLS with a signature of the broker
-- @column tls_resumed    BIGINT    -- those that resumed a session
-- @column tls_failed     BIGINT    -- those that an alert ended
-- @column logins         BIGINT    -- logins by SASL
-- @column logins_failed  BIGINT    -- those that the broker refused
-- @column tls_median_ms  DOUBLE    -- the median handshake of TLS
-- @column tls_worst_ms   DOUBLE    -- the longest of them
-- @column usual_tls_ms   DOUBLE    -- the median at this broker outside of storms; null
--                                     without one
-- @column broker_ms      DOUBLE    -- how long handshakes of TLS and logins waited for the
--                                     broker's next packet, in all
-- @column network_samples BIGINT   -- samples of network threads on a CPU meanwhile, of the
--                                     sampler that has most; null without a sampler
-- @column handshake_samples BIGINT -- those of them in code of handshakes and logins
WITH
opened AS (
    SELECT
        connection_id,
        CAST(server_address AS VARCHAR) AS server_address,
        regexp_replace(CAST(client_address AS VARCHAR), ':[0-9]+$', '') AS client_host,
        syn_time,
        reconnect_of,
        CAST(CAST(syn_time AS BIGINT) / 1000000000 AS BIGINT) AS second
    FROM tcp_connections
    WHERE syn_time IS NOT NULL
),
seconds AS (
    SELECT
        server_address,
        second,
        second - ROW_NUMBER() OVER (PARTITION BY server_address ORDER BY second) AS run
    FROM (
        SELECT server_address, second
        FROM opened
        GROUP BY server_address, second
        HAVING COUNT(*) >= $min_opened
    ) AS busy
),
stormy AS (
    SELECT
        o.connection_id, o.client_host, o.syn_time, o.reconnect_of,
        s.server_address, s.run
    FROM opened AS o
    INNER JOIN seconds AS s
        ON s.server_address = o.server_address
        AND s.second = o.second
),
usual AS (
    SELECT h.server_address, MEDIAN(h.duration_ms) AS tls_ms
    FROM handshakes AS h
    LEFT JOIN stormy AS s ON s.connection_id = h.connection_id
    WHERE h.kind = 'tls'
        AND s.connection_id IS NULL
    GROUP BY h.server_address
),
storms AS (
    SELECT
        s.server_address,
        s.run,
        MIN(s.syn_time) AS start_time,
        GREATEST(MAX(s.syn_time), MAX(h.end_time)) AS end_time,
        COUNT(DISTINCT s.connection_id) AS opened,
        COUNT(DISTINCT s.client_host) AS client_count,
        COUNT(DISTINCT s.connection_id) FILTER (WHERE s.reconnect_of IS NOT NULL) AS reconnects,
        COUNT(*) FILTER (WHERE h.outcome = 'unanswered') AS unanswered,
        COALESCE(SUM(h.retries), 0) AS syn_retries,
        COUNT(*) FILTER (
            WHERE h.kind = 'tls' AND h.outcome = 'done' AND h.detail NOT LIKE '%resumed'
        ) AS tls_full,
        COUNT(*) FILTER (
            WHERE h.kind = 'tls' AND h.outcome = 'done' AND h.detail LIKE '%resumed'
        ) AS tls_resumed,
        COUNT(*) FILTER (WHERE h.kind = 'tls' AND h.outcome = 'failed') AS tls_failed,
        COUNT(*) FILTER (WHERE h.kind = 'sasl') AS logins,
        COUNT(*) FILTER (WHERE h.kind = 'sasl' AND h.outcome = 'failed') AS logins_failed,
        MEDIAN(h.duration_ms) FILTER (WHERE h.kind = 'tls') AS tls_median_ms,
        MAX(h.duration_ms) FILTER (WHERE h.kind = 'tls') AS tls_worst_ms,
        SUM(millionths(h.broker_ms)) FILTER (WHERE h.kind <> 'tcp') / 1e6 AS broker_ms
    FROM stormy AS s
    INNER JOIN handshakes AS h ON h.connection_id = s.connection_id
    GROUP BY s.server_address, s.run
),
sampled AS (
    SELECT
        CAST(a.sampler AS VARCHAR) AS sampler,
        a.time,
        a.sample_count,
        array_to_string(k.frames, ' ') LIKE '%andshake%'
            OR array_to_string(k.frames, ' ') LIKE '%Sasl%' AS is_handshake
    FROM stack_samples AS a
    LEFT JOIN stacks AS k ON k.stack_id = a.stack_id
    WHERE CAST(a.state AS VARCHAR) = 'on_cpu'
        AND CAST(a.thread_name AS VARCHAR) LIKE '%network-thread%'
),
by_sampler AS (
    SELECT
        t.server_address, t.run,
        SUM(a.sample_count) AS network_samples,
        COALESCE(SUM(a.sample_count) FILTER (WHERE a.is_handshake), 0) AS handshake_samples,
        ROW_NUMBER() OVER (
            PARTITION BY t.server_address, t.run
            ORDER BY SUM(a.sample_count) DESC, a.sampler
        ) AS rank
    FROM storms AS t
    INNER JOIN sampled AS a
        ON a.time >= t.start_time
        AND a.time < t.end_time
    GROUP BY t.server_address, t.run, a.sampler
)
SELECT
    t.server_address,
    t.start_time,
    t.end_time,
    t.opened,
    t.client_count,
    t.reconnects,
    t.unanswered,
    t.syn_retries,
    t.tls_full,
    t.tls_resumed,
    t.tls_failed,
    t.logins,
    t.logins_failed,
    t.tls_median_ms,
    t.tls_worst_ms,
    u.tls_ms AS usual_tls_ms,
    t.broker_ms,
    b.network_samples,
    b.handshake_samples
FROM storms AS t
LEFT JOIN usual AS u ON u.server_address = t.server_address
LEFT JOIN by_sampler AS b
    ON b.server_address = t.server_address
    AND b.run = t.run
    AND b.rank = 1
ORDER BY t.opened DESC, t.start_time, t.server_address
