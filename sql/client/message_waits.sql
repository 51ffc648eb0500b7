-- Slow messages that waited in their client behind earlier requests of their connection.
--
-- A client has so many requests on the way at most, and sends the next when one of them is
-- answered. Until then a message is in its queue, or in a request that it has made and not sent:
-- it takes that for sent, and the broker gets its first byte only later. Such a request went with
-- the answer to the last before it (within 5 ms, or a tenth of the longest wait of a message in it),
-- and earlier requests of the connection were open in half of the message's wait at least.
-- @materialized
-- @column client_message_id BIGINT   -- the message
-- @column held_ns        BIGINT      -- how long earlier requests were open while it waited
-- @column unsent_ns      BIGINT      -- part of it behind the time that the client has for sent
-- @column ahead_request_id BIGINT    -- of these requests, the one that took most of it
WITH
tried AS (
    -- Its first request and its last, with the client's own time before the one, and that which the
    -- client has for the other more than the broker.
    SELECT
        s.client_message_id,
        m.connection_id,
        m.request_id,
        m.arrival_time,
        CASE WHEN m.place = 1 THEN s.queue_ns END AS queue_ns,
        CASE
            WHEN m.place = m.request_count AND m.request_count = s.attempts
                THEN GREATEST(s.sent_ns - m.latency_ns, 0)
        END AS sending_ns
    FROM slow_messages AS s
    INNER JOIN message_requests AS m ON m.client_message_id = s.client_message_id
    WHERE m.place = 1
        OR m.place = m.request_count
),
waits AS (
    SELECT
        *,
        MAX(COALESCE(queue_ns, 0) + COALESCE(sending_ns, 0)) OVER (
            PARTITION BY request_id
        ) AS longest_ns,
        COALESCE(queue_ns, 0) + COALESCE(sending_ns, 0) AS wait_ns,
        add_ns(arrival_time, -(COALESCE(queue_ns, 0) + COALESCE(sending_ns, 0))) AS begin_time,
        add_ns(arrival_time, -COALESCE(sending_ns, 0)) AS sent_time
    FROM tried
    WHERE COALESCE(queue_ns, 0) + COALESCE(sending_ns, 0) > 0
),
opened AS (
    -- What each of the earlier requests adds to the time in which one of them was open.
    SELECT
        w.client_message_id,
        w.request_id,
        w.arrival_time,
        w.wait_ns,
        w.longest_ns,
        w.sending_ns,
        w.sent_time,
        r.request_id AS ahead_request_id,
        r.end_time,
        GREATEST(
            w.begin_time,
            r.arrival_time,
            MAX(r.end_time) OVER (
                PARTITION BY w.client_message_id, w.request_id
                ORDER BY r.arrival_time, r.request_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ) AS from_time
    FROM waits AS w
    INNER JOIN requests AS r
        ON r.connection_id = w.connection_id
        AND r.arrival_time < w.arrival_time
        AND w.begin_time < r.end_time
    WHERE r.end_time <= w.arrival_time
),
added AS (
    SELECT
        *,
        GREATEST(elapsed_ns(from_time, end_time), 0) AS open_ns,
        GREATEST(elapsed_ns(GREATEST(from_time, sent_time), end_time), 0) AS open_since_sent_ns
    FROM opened
),
sums AS (
    SELECT
        *,
        SUM(open_ns) OVER one_wait AS held_ns,
        SUM(open_since_sent_ns) OVER one_wait AS held_since_sent_ns,
        elapsed_ns(MAX(end_time) OVER one_wait, arrival_time) AS behind_ns
    FROM added
    WINDOW one_wait AS (PARTITION BY client_message_id, request_id)
),
held AS (
    SELECT
        *,
        -- Where the client sent at once, an answer may have come on the way.
        CASE
            WHEN sending_ns > 5000000
                AND behind_ns <= GREATEST(5000000, sending_ns / 10)
                AND held_since_sent_ns >= sending_ns / 2 THEN held_since_sent_ns
            ELSE 0
        END AS unsent_ns,
        ROW_NUMBER() OVER (
            PARTITION BY client_message_id
            ORDER BY held_ns DESC, request_id, open_ns DESC, ahead_request_id
        ) AS place
    FROM sums
    WHERE behind_ns <= GREATEST(5000000, longest_ns / 10)
        AND held_ns >= wait_ns / 2
)
SELECT client_message_id, held_ns, unsent_ns, ahead_request_id
FROM held
WHERE place = 1
ORDER BY client_message_id
