-- Slow messages that waited in their client behind earlier requests of their connection.
--
-- A client has so many requests on the way at most, and sends the next when one of them is
-- answered. Until then a message is in its queue, or in a request that it has made and not sent:
-- it takes that for sent, and the broker gets its first byte only later. How many it may have is
-- not told: a message is taken for held only while as many were open as its connection ever had at
-- once, if they were for nine tenths of the wait at least. Of a message that the client itself was
-- late with (`disturbed_by`) there is no row. What it has for sent longer than the broker had it
-- may also be behind the answer: it is before the first byte only if no more requests came of the
-- connection meanwhile than may have been made before it.
-- @materialized
-- @column client_message_id BIGINT   -- the message
-- @column held_ns        BIGINT      -- how long as many as ever were open while it waited
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
    INNER JOIN client_messages AS c ON c.client_message_id = s.client_message_id
    INNER JOIN message_requests AS m ON m.client_message_id = s.client_message_id
    WHERE (m.place = 1 OR m.place = m.request_count)
        AND COALESCE(CAST(c.disturbed_by AS VARCHAR), '') <> 'client'
),
waits AS (
    SELECT
        *,
        COALESCE(queue_ns, 0) + COALESCE(sending_ns, 0) AS wait_ns,
        add_ns(arrival_time, -(COALESCE(queue_ns, 0) + COALESCE(sending_ns, 0))) AS begin_time,
        add_ns(arrival_time, -COALESCE(sending_ns, 0)) AS sent_time
    FROM tried
    WHERE COALESCE(queue_ns, 0) + COALESCE(sending_ns, 0) > 0
),
changes AS (
    SELECT connection_id, arrival_time AS time, 1 AS change
    FROM requests
    WHERE end_time > arrival_time
        AND connection_id IN (SELECT connection_id FROM waits)
    UNION ALL BY NAME
    SELECT connection_id, end_time AS time, -1 AS change
    FROM requests
    WHERE end_time > arrival_time
        AND connection_id IN (SELECT connection_id FROM waits)
),
levels AS (
    -- How many were open since then, and until when.
    SELECT
        connection_id,
        time,
        LEAD(time) OVER (PARTITION BY connection_id ORDER BY time) AS until_time,
        SUM(change) OVER (
            PARTITION BY connection_id ORDER BY time
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS open_count
    FROM (
        SELECT connection_id, time, SUM(change) AS change
        FROM changes
        GROUP BY connection_id, time
    )
),
most AS (
    SELECT connection_id, MAX(open_count) AS most_count
    FROM levels
    GROUP BY connection_id
),
full_times AS (
    SELECT
        w.client_message_id,
        w.request_id,
        SUM(
            elapsed_ns(GREATEST(l.time, w.begin_time), LEAST(l.until_time, w.arrival_time))
        ) AS full_ns,
        SUM(
            GREATEST(
                elapsed_ns(
                    GREATEST(l.time, w.sent_time), LEAST(l.until_time, w.arrival_time)
                ),
                0
            )
        ) AS full_since_sent_ns
    FROM waits AS w
    INNER JOIN most AS m ON m.connection_id = w.connection_id
    INNER JOIN levels AS l
        ON l.connection_id = w.connection_id
        AND l.time < w.arrival_time
        AND w.begin_time < l.until_time
    WHERE l.open_count = m.most_count
    GROUP BY w.client_message_id, w.request_id
),
begun AS (
    -- Requests of its connection that began while the client had it for sent.
    SELECT w.client_message_id, w.request_id, COUNT(*) AS begun_count
    FROM waits AS w
    INNER JOIN requests AS r
        ON r.connection_id = w.connection_id
        AND r.arrival_time < w.arrival_time
        AND w.sent_time < r.arrival_time
    GROUP BY w.client_message_id, w.request_id
),
opened AS (
    -- What each of the earlier requests adds to the time in which one of them was open.
    SELECT
        w.client_message_id,
        w.connection_id,
        w.request_id,
        w.wait_ns,
        w.queue_ns,
        w.sending_ns,
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
held AS (
    SELECT
        o.client_message_id,
        o.ahead_request_id,
        o.queue_ns,
        f.full_ns AS held_ns,
        -- Where the client sent at once, an answer may have come on the way.
        CASE
            WHEN o.sending_ns > 5000000
                AND f.full_since_sent_ns * 10 >= o.sending_ns * 9
                AND COALESCE(b.begun_count, 0) < m.most_count THEN f.full_since_sent_ns
            ELSE 0
        END AS unsent_ns,
        ROW_NUMBER() OVER (
            PARTITION BY o.client_message_id
            ORDER BY
                f.full_ns DESC,
                o.request_id,
                GREATEST(elapsed_ns(o.from_time, o.end_time), 0) DESC,
                o.ahead_request_id
        ) AS place
    FROM opened AS o
    INNER JOIN most AS m ON m.connection_id = o.connection_id
    INNER JOIN full_times AS f
        ON f.client_message_id = o.client_message_id
        AND f.request_id = o.request_id
    LEFT JOIN begun AS b
        ON b.client_message_id = o.client_message_id
        AND b.request_id = o.request_id
    WHERE f.full_ns * 10 >= o.wait_ns * 9
)
SELECT client_message_id, held_ns, unsent_ns, ahead_request_id
FROM held
WHERE place = 1
    AND (queue_ns > 0 OR unsent_ns > 0)
ORDER BY client_message_id
