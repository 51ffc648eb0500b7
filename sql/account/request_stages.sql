-- The stages of each accounted request by the broker's own request log, laid out in time.
--
-- A line of the log is a request's by client address, correlation id, API and time:
-- ports and correlation ids are used again, so the nearest in time counts, one line for
-- one request. The stages are laid out backwards from the request's end: its last byte on
-- the wire when the line was written within 3 ms of that, else the line's own time (the
-- network thread was late to note it). Line times have 1 ms; durations are finer. The time
-- of a quota is a stage only where the total has room for it: since Kafka 2.0 (KIP-219) the
-- response does not wait for that.
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
WITH
candidates AS (
    SELECT
        r.request_id,
        r.end_time,
        b.broker_request_id,
        b.end_time AS logged_time,
        COALESCE(b.request_queue_ns, 0) AS queue_ns,
        COALESCE(b.local_ns, 0) AS local_ns,
        COALESCE(b.remote_ns, 0) AS remote_ns,
        CASE
            WHEN b.total_ns > 0
                AND b.total_ns + 2000000 < COALESCE(b.request_queue_ns, 0) + b.local_ns
                    + COALESCE(b.remote_ns, 0) + COALESCE(b.throttle_ns, 0)
                    + COALESCE(b.response_queue_ns, 0) + COALESCE(b.send_ns, 0)
                THEN 0
            ELSE COALESCE(b.throttle_ns, 0)
        END AS throttle_ns,
        COALESCE(b.response_queue_ns, 0) + COALESCE(b.send_ns, 0) AS response_ns,
        COALESCE(ABS(elapsed_ns(r.end_time, b.end_time)), 0) AS distance_ns
    FROM broker_requests AS b
    INNER JOIN requests AS r
        ON r.client_address = b.client_address
        AND r.correlation_id = b.correlation_id
        AND r.api = b.api
    WHERE r.end_time IS NOT NULL
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
ended AS (
    SELECT
        p.*,
        CASE
            WHEN p.logged_time IS NULL
                OR elapsed_ns(p.end_time, p.logged_time) BETWEEN -1500000 AND 2000000
                THEN p.end_time
            ELSE add_ns(p.logged_time, 500000)
        END AS done_time
    FROM placed AS p
    WHERE p.request_place = 1
        AND p.line_place = 1
        AND (p.logged_time IS NOT NULL OR p.line_count = 1)
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
    CAST(GREATEST($clock_slack_ms, 1) * 1e6 AS BIGINT) AS slack_ns
FROM accounted_requests AS a
INNER JOIN ended AS e ON e.request_id = a.request_id
ORDER BY a.request_id
