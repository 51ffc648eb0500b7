-- Times in which the broker held accounted requests back for a quota.
--
-- The broker tells a client in its response for how long it is throttled. Since KIP-219
-- (Kafka 2.0) it answers at once and does not read the connection for so long: what the
-- client sends meanwhile is `muted`. Before, it answered that much later: `held_back`.
-- Versions from KIP-219 on are Produce 6 and Fetch 8, and a broker that knows them answers
-- older versions at once, too. Requests of these, and of other APIs, may be either where
-- nothing else tells which broker it is: only what the times agree with counts. Nothing
-- is taken for held back by a broker that knows a newer version or answered one sooner, and for muted
-- only by such a one. What rows show to have been read before the time was over was not muted.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column request_id     BIGINT      -- the request
-- @column kind           VARCHAR     -- muted or held_back
-- @column start_time     TIMESTAMP   -- start of the time
-- @column end_time       TIMESTAMP   -- its end
-- @column throttled_request_id BIGINT -- the request whose response told it
WITH
told AS (
    SELECT
        r.request_id, r.connection_id, r.server_address, r.response_time, r.throttle_ns,
        add_ns(r.response_time, r.throttle_ns) AS unmuted_time,
        add_ns(r.response_time, r.throttle_ns - CAST($clock_slack_ms * 1e6 AS BIGINT)) AS muted_until,
        (r.api = 'Produce' AND r.api_version >= 6) OR (r.api = 'Fetch' AND r.api_version >= 8)
            AS is_muted
    FROM (SELECT DISTINCT connection_id FROM accounted_requests) AS a
    INNER JOIN requests AS r ON r.connection_id = a.connection_id
    WHERE r.throttle_ns > 0
        AND r.response_time IS NOT NULL
),
muting_brokers AS (
    SELECT DISTINCT server_address
    FROM requests
    WHERE (api = 'Produce' AND api_version >= 6)
        OR (api = 'Fetch' AND api_version >= 8)
        OR (
            throttle_ns > 0
            AND elapsed_ns(arrival_time, response_time) + $clock_slack_ms * 1e6 < throttle_ns
        )
),
read_times AS (
    -- The latest that it was read: its handler was at it, or by the broker's log it was in the queue.
    SELECT w.request_id, LEAST(w.begin_time, add_ns(g.queue_start, g.slack_ns)) AS read_time
    FROM request_work AS w
    LEFT JOIN request_stages AS g ON g.request_id = w.request_id
)
SELECT
    a.request_id,
    'muted' AS kind,
    t.response_time AS start_time,
    t.unmuted_time AS end_time,
    t.request_id AS throttled_request_id
FROM told AS t
INNER JOIN accounted_requests AS a
    ON a.connection_id = t.connection_id
    AND a.arrival_time < t.unmuted_time
    AND t.response_time < a.response_time
LEFT JOIN muting_brokers AS m ON m.server_address = t.server_address
LEFT JOIN read_times AS d ON d.request_id = a.request_id
WHERE a.request_id <> t.request_id
    AND (t.is_muted OR m.server_address IS NOT NULL)
    AND COALESCE(d.read_time >= t.muted_until, TRUE)
    -- One that was answered meanwhile had been read: then nothing was muted.
    AND a.response_time >= t.muted_until
    AND NOT EXISTS (
        SELECT 1
        FROM requests AS r
        WHERE r.connection_id = t.connection_id
            AND r.arrival_time > t.response_time
            AND r.response_time < t.muted_until
    )
UNION ALL
SELECT
    a.request_id, 'held_back', add_ns(a.response_time, -t.throttle_ns), a.response_time, t.request_id
FROM told AS t
INNER JOIN accounted_requests AS a ON a.request_id = t.request_id
LEFT ANTI JOIN muting_brokers AS m ON m.server_address = t.server_address
WHERE NOT t.is_muted
    AND elapsed_ns(a.service_start, a.response_time) >= t.throttle_ns
ORDER BY request_id, start_time, throttled_request_id
