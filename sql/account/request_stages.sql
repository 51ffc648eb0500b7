-- The stages of each accounted request by the broker's own request log, laid out in time.
--
-- A line of the log is a captured request's by client address, correlation id, API and time:
-- ports and correlation ids are used again, so the nearest in time counts, one line for
-- one request; of an encrypted one it is that of its turn. The stages are laid out backwards from the request's end: its last byte on
-- the wire when the line was written within 3 ms of that, else the line's own time (the
-- network thread was late to note it), and so for a request that only the log has. Line times
-- mostly have 1 ms; durations are finer.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column request_id     BIGINT      -- the request
-- @column broker_request_id BIGINT   -- the line of the log
-- @column queue_start    TIMESTAMP   -- the network thread had read it, and it waited for
--                                       a handler
-- @column local_start    TIMESTAMP   -- a handler took it
-- @column remote_start   TIMESTAMP   -- the handler was done; it waited for followers or
--                                       for data
-- @column throttle_start TIMESTAMP   -- that was done; it was held back for a quota
-- @column response_start TIMESTAMP   -- its response waited for the network thread
-- @column done_time      TIMESTAMP   -- its response was sent
-- @column slack_ns       BIGINT      -- how far these times may be off
-- @column stage          VARCHAR     -- the stage that took longest, without what the request
--                                       asked to wait: request_queue, local, remote, throttle,
--                                       response_queue or send
WITH
candidates AS (
    SELECT
        r.request_id,
        r.end_time,
        b.broker_request_id, b.logged_time, b.done_time, b.unit_ns, b.queue_ns, b.local_ns,
        b.remote_ns, b.throttle_ns, b.response_queue_ns, b.send_ns,
        COALESCE(ABS(elapsed_ns(r.end_time, b.logged_time)), 0) AS distance_ns
    FROM line_stages AS b
    INNER JOIN requests AS r
        ON r.client_address = b.client_address
        AND r.correlation_id = b.correlation_id
        AND r.api = b.api
    WHERE r.end_time IS NOT NULL
        AND b.local_ns IS NOT NULL
    UNION ALL
    SELECT
        r.request_id,
        r.end_time,
        b.broker_request_id, b.logged_time, b.done_time, b.unit_ns, b.queue_ns, b.local_ns,
        b.remote_ns, b.throttle_ns, b.response_queue_ns, b.send_ns,
        ABS(elapsed_ns(r.end_time, b.logged_time)) AS distance_ns
    FROM uncaptured_requests AS r
    INNER JOIN line_stages AS b ON b.broker_request_id = r.request_id
    WHERE r.turn_id IS NOT NULL
        AND b.local_ns IS NOT NULL
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY request_id ORDER BY distance_ns, broker_request_id
        ) AS request_place,
        ROW_NUMBER() OVER (
            PARTITION BY broker_request_id ORDER BY distance_ns, request_id
        ) AS line_place,
        COUNT(*) OVER (PARTITION BY request_id) AS line_count
    FROM candidates
    WHERE distance_ns <= 10000000000
),
staged AS (
    SELECT
        request_id, broker_request_id, queue_ns, local_ns, remote_ns, throttle_ns, response_queue_ns,
        send_ns,
        CASE
            WHEN logged_time IS NULL
                OR elapsed_ns(end_time, logged_time)
                    BETWEEN -500000 - GREATEST(unit_ns, 1000000) AND 2000000
                THEN end_time
            ELSE done_time
        END AS done_time,
        0 AS open_ns
    FROM placed
    WHERE request_place = 1
        AND line_place = 1
        AND (logged_time IS NOT NULL OR line_count = 1)
    UNION ALL
    SELECT
        r.request_id, b.broker_request_id,
        -- With what the stages leave of the total: printed without parts of a ms, some ms.
        r.latency_ns - b.local_ns - b.remote_ns - b.throttle_ns - b.response_queue_ns - b.send_ns,
        b.local_ns, b.remote_ns, b.throttle_ns, b.response_queue_ns, b.send_ns,
        r.end_time,
        r.latency_ns - b.queue_ns - b.local_ns - b.remote_ns - b.throttle_ns - b.response_queue_ns
            - b.send_ns
    FROM uncaptured_requests AS r
    INNER JOIN line_stages AS b ON b.broker_request_id = r.request_id
    WHERE r.turn_id IS NULL
        AND b.local_ns IS NOT NULL
),
ended AS (
    SELECT
        *,
        response_queue_ns + send_ns AS response_ns
    FROM staged
    WHERE open_ns BETWEEN -10000000 AND 10000000
),
asked AS (
    SELECT request_id, SUM(wait_ns) AS wait_ns
    FROM requested_waits
    WHERE asked_by = request_id
    GROUP BY request_id
),
unasked AS (
    SELECT
        e.*,
        GREATEST(e.remote_ns - COALESCE(w.wait_ns, 0), 0) AS unasked_ns
    FROM ended AS e
    LEFT JOIN asked AS w ON w.request_id = e.request_id
)
SELECT
    a.request_id,
    e.broker_request_id,
    add_ns(e.done_time, -(queue_ns + local_ns + remote_ns + throttle_ns + response_ns)) AS queue_start,
    add_ns(e.done_time, -(local_ns + remote_ns + throttle_ns + response_ns)) AS local_start,
    add_ns(e.done_time, -(remote_ns + throttle_ns + response_ns)) AS remote_start,
    add_ns(e.done_time, -(throttle_ns + response_ns)) AS throttle_start,
    add_ns(e.done_time, -response_ns) AS response_start,
    e.done_time,
    CAST(GREATEST($clock_slack_ms, 1) * 1e6 AS BIGINT) + GREATEST(open_ns, 0)
        + CASE WHEN a.is_captured THEN 0 ELSE COALESCE(a.time_slack_ns, 0) END AS slack_ns,
    CASE GREATEST(queue_ns, local_ns, unasked_ns, throttle_ns, response_queue_ns, send_ns)
        WHEN queue_ns THEN 'request_queue'
        WHEN local_ns THEN 'local'
        WHEN unasked_ns THEN 'remote'
        WHEN throttle_ns THEN 'throttle'
        WHEN response_queue_ns THEN 'response_queue'
        ELSE 'send'
    END AS stage
FROM accounted_requests AS a
INNER JOIN unasked AS e ON e.request_id = a.request_id
ORDER BY a.request_id
