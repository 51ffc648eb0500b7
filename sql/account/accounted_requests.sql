-- The requests that an account of the slow ones has to look at.
--
-- The slow requests of every API, and those that they found unanswered on their
-- connection.
-- @materialized
-- @column request_id       BIGINT      -- the request
-- @column is_slow          BOOLEAN     -- whether it is slow itself
-- @column connection_id    BIGINT      -- its connection
-- @column api              VARCHAR     -- its API
-- @column arrival_time     TIMESTAMP   -- first byte of the request
-- @column service_start    TIMESTAMP   -- the request was read and all
--                                         earlier ones were answered
-- @column response_time    TIMESTAMP   -- first byte of the response
-- @column end_time         TIMESTAMP   -- last byte of the response
-- @column latency_ns       BIGINT      -- end_time − arrival_time
-- @column requested_wait_ns BIGINT     -- part of it that was asked for (see requested_waits)
-- @column connection_queue_ns BIGINT   -- part of it spent behind earlier
--                                         requests of the connection
-- @column is_captured      BOOLEAN     -- whether it was captured, and not only logged
-- @column time_slack_ns    BIGINT      -- how far its times may be off besides the clocks; null
--                                         when nothing tells when it was
WITH
slow AS (
    SELECT request_id, connection_id, arrival_time, end_time, requested_wait_ns
    FROM request_latencies
    WHERE is_slow
),
-- Times in which slow requests of a connection were open, one after another: so a request meets each once,
-- however many were open then.
slow_spans AS (
    SELECT connection_id, MIN(arrival_time) AS start_time, MAX(end_time) AS end_time
    FROM (
        SELECT
            connection_id, arrival_time, end_time,
            COUNT(*) FILTER (WHERE begins) OVER by_arrival AS span
        FROM (
            SELECT
                request_id, connection_id, arrival_time, end_time,
                COALESCE(arrival_time > MAX(end_time) OVER (
                    PARTITION BY connection_id
                    ORDER BY arrival_time, request_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ), TRUE) AS begins
            FROM slow
            WHERE arrival_time IS NOT NULL
                AND end_time IS NOT NULL
        )
        WINDOW by_arrival AS (
            PARTITION BY connection_id
            ORDER BY arrival_time, request_id
            ROWS UNBOUNDED PRECEDING
        )
    )
    GROUP BY connection_id, span
),
-- Whatever shared its connection with a slow request, and whatever shared it with that:
-- enough to tell when the broker could work on each.
sharing AS (
    SELECT DISTINCT r.request_id, r.connection_id, r.arrival_time, r.end_time
    FROM slow_spans AS s
    INNER JOIN recorded_requests AS r
        ON r.connection_id = s.connection_id
        AND r.arrival_time <= s.end_time
        AND s.start_time <= r.end_time
),
shared_spans AS (
    SELECT connection_id, MIN(arrival_time) AS start_time, MAX(end_time) AS end_time
    FROM (
        SELECT
            connection_id, arrival_time, end_time,
            COUNT(*) FILTER (WHERE begins) OVER by_arrival AS span
        FROM (
            SELECT
                request_id, connection_id, arrival_time, end_time,
                COALESCE(arrival_time > MAX(end_time) OVER (
                    PARTITION BY connection_id
                    ORDER BY arrival_time, request_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ), TRUE) AS begins
            FROM sharing
        )
        WINDOW by_arrival AS (
            PARTITION BY connection_id
            ORDER BY arrival_time, request_id
            ROWS UNBOUNDED PRECEDING
        )
    )
    GROUP BY connection_id, span
),
neighbours AS (
    SELECT DISTINCT
        r.request_id, r.connection_id, r.api, r.arrival_time, r.read_time, r.response_time,
        r.end_time, r.latency_ns, r.is_captured, r.time_slack_ns
    FROM shared_spans AS s
    INNER JOIN recorded_requests AS r
        ON r.connection_id = s.connection_id
        AND r.arrival_time <= s.end_time
        AND s.start_time <= r.end_time
),
ordered AS (
    SELECT
        *,
        MAX(CASE WHEN is_captured THEN end_time END) OVER (
            PARTITION BY connection_id
            ORDER BY arrival_time, request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS previous_end_time
    FROM neighbours
),
served AS (
    SELECT
        o.request_id,
        s.request_id IS NOT NULL AS is_slow,
        COALESCE(s.requested_wait_ns, 0) AS requested_wait_ns,
        o.connection_id,
        o.api,
        o.arrival_time,
        LEAST(
            o.end_time, GREATEST(o.arrival_time, o.read_time, o.previous_end_time)
        ) AS service_start,
        COALESCE(o.response_time, o.end_time) AS response_time,
        o.end_time,
        o.latency_ns,
        overlap_ns(
            o.arrival_time, o.end_time,
            o.arrival_time, COALESCE(o.previous_end_time, o.arrival_time)
        ) AS connection_queue_ns,
        o.is_captured,
        o.time_slack_ns
    FROM ordered AS o
    LEFT JOIN slow AS s ON s.request_id = o.request_id
),
latest_behind AS (
    -- Of the slow requests that came before the response to each, when the last was served.
    SELECT request_id, latest_start
    FROM (
        SELECT
            request_id,
            MAX(slow_start) OVER (
                PARTITION BY connection_id
                ORDER BY time, is_arrival
                ROWS UNBOUNDED PRECEDING
            ) AS latest_start
        FROM (
            SELECT
                request_id, connection_id, end_time AS time, FALSE AS is_arrival,
                CAST(NULL AS TIMESTAMP) AS slow_start
            FROM served
            UNION ALL
            SELECT NULL, connection_id, arrival_time, TRUE, service_start
            FROM served
            WHERE is_slow
        )
    )
    WHERE request_id IS NOT NULL
)
SELECT
    m.request_id,
    m.is_slow,
    m.connection_id,
    m.api,
    m.arrival_time,
    m.service_start,
    m.response_time,
    m.end_time,
    m.latency_ns,
    m.requested_wait_ns,
    m.connection_queue_ns,
    m.is_captured,
    m.time_slack_ns
FROM served AS m
INNER JOIN latest_behind AS b ON b.request_id = m.request_id
WHERE m.is_slow
    OR m.service_start < b.latest_start
ORDER BY m.arrival_time, m.request_id
