-- What each wait of an acks=all request for its last follower was in.
--
-- A follower fetches over and over on one connection; the fetch that shows that it has the
-- records comes after the answer that brought them. So the wait (see replication) is cut by
-- the fetches of that connection:
--   late_follower_answer  one of them was there, and the leader had not yet answered it
--   slow_follower         the follower had the answer to one, and had not fetched again
--   unprocessed_fetch     the last fetch was there, and the leader had not processed it
-- Before the first fetch that was captured, a part has no reason. In the leader's turns, the
-- last two, a stretch of 50 ms and more in which it answered nobody and began no append is
-- left out where no pauses were recorded: it may have stood still as a whole, and then
-- waited for no follower.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the part
-- @column end_time       TIMESTAMP   -- its end
-- @column reason         VARCHAR     -- the part, as above
-- @column fetch_request_id BIGINT    -- the fetch that ended the wait
-- @column replica_id     INT         -- the follower: its broker id
-- @column broker         INT         -- the leader; null when nothing tells
WITH
waits AS (
    SELECT
        w.request_id, w.start_time, w.end_time, w.fetch_request_id, f.connection_id, f.replica_id,
        f.arrival_time
    FROM replication AS w
    INNER JOIN recorded_requests AS f ON f.request_id = w.fetch_request_id
),
fetches AS (
    SELECT
        c.connection_id, p.arrival_time, p.end_time,
        LAG(p.end_time) OVER (
            PARTITION BY c.connection_id ORDER BY p.arrival_time, p.request_id
        ) AS previous_end_time,
        ROW_NUMBER() OVER (
            PARTITION BY c.connection_id ORDER BY p.arrival_time, p.request_id
        ) AS place,
        c.first_time
    FROM (
        SELECT
            connection_id,
            add_ns(MIN(start_time), CAST(-60e9 AS BIGINT)) AS first_time,
            MAX(arrival_time) AS last_time
        FROM waits
        GROUP BY connection_id
    ) AS c
    INNER JOIN recorded_requests AS p
        ON p.connection_id = c.connection_id
        AND p.arrival_time >= c.first_time
        AND p.arrival_time <= c.last_time
    WHERE p.api = 'Fetch'
),
turns AS (
    -- The follower's turn, from an answer to its next fetch, and the leader's.
    SELECT connection_id, 'slow_follower' AS reason, previous_end_time AS start_time,
        arrival_time AS end_time
    FROM fetches
    WHERE previous_end_time < arrival_time
    UNION ALL
    SELECT connection_id, NULL, first_time, arrival_time
    FROM fetches
    WHERE place = 1
    UNION ALL
    SELECT connection_id, 'late_follower_answer', arrival_time, end_time
    FROM fetches
    WHERE arrival_time < end_time
),
parts AS (
    SELECT
        w.request_id, w.fetch_request_id, w.replica_id, t.reason,
        GREATEST(w.start_time, t.start_time) AS start_time,
        LEAST(w.end_time, w.arrival_time, t.end_time) AS end_time
    FROM waits AS w
    INNER JOIN turns AS t
        ON t.connection_id = w.connection_id
        AND t.start_time < w.end_time
        AND w.start_time < t.end_time
    UNION ALL
    SELECT
        request_id, fetch_request_id, replica_id, 'unprocessed_fetch',
        GREATEST(start_time, arrival_time), end_time
    FROM waits
),
leader_parts AS (
    SELECT
        request_id, fetch_request_id, replica_id, reason, start_time, end_time,
        ROW_NUMBER() OVER (ORDER BY request_id, start_time, reason) AS part
    FROM parts
    WHERE reason IN ('late_follower_answer', 'unprocessed_fetch')
        AND start_time < end_time
),
works AS (
    -- Answers to anyone, and appends to any log.
    SELECT DISTINCT COALESCE(r.response_time, r.end_time) AS time
    FROM near_times AS n
    INNER JOIN recorded_requests AS r
        ON r.arrival_time >= n.start_time
        AND r.arrival_time < n.end_time
    UNION ALL
    SELECT DISTINCT w.start_time
    FROM near_times AS n
    INNER JOIN writes AS w
        ON w.start_time >= n.start_time
        AND w.start_time < n.end_time
    WHERE w.topic IS NOT NULL
),
moments AS (
    SELECT part, start_time AS time
    FROM leader_parts
    UNION ALL
    SELECT l.part, w.time
    FROM leader_parts AS l
    INNER JOIN works AS w
        ON w.time > l.start_time
        AND w.time < l.end_time
    UNION ALL
    SELECT part, end_time
    FROM leader_parts
),
stretches AS (
    SELECT
        part,
        LAG(time) OVER (PARTITION BY part ORDER BY time) AS start_time,
        time AS end_time
    FROM moments
),
numbered_stretches AS (
    SELECT
        part, start_time, end_time,
        is_at_work,
        SUM(CASE WHEN is_at_work THEN 0 ELSE 1 END) OVER (
            PARTITION BY part ORDER BY end_time
        ) AS stop_count
    FROM (
        SELECT
            s.part, s.start_time, s.end_time,
            p.pause_count > 0 OR elapsed_ns(s.start_time, s.end_time) < 50000000 AS is_at_work
        FROM stretches AS s
        CROSS JOIN (SELECT COUNT(*) AS pause_count FROM pauses) AS p
        WHERE s.start_time IS NOT NULL
    )
),
at_work AS (
    SELECT part, MIN(start_time) AS start_time, MAX(end_time) AS end_time
    FROM numbered_stretches
    WHERE is_at_work
    GROUP BY part, stop_count
)
SELECT
    request_id, start_time, end_time, reason, fetch_request_id, replica_id,
    (SELECT MIN(broker) FROM sources) AS broker
FROM parts
WHERE start_time < end_time
    AND (reason IS NULL OR reason = 'slow_follower')
UNION ALL
SELECT l.request_id, w.start_time, w.end_time, l.reason, l.fetch_request_id, l.replica_id,
    (SELECT MIN(broker) FROM sources) AS broker
FROM at_work AS w
INNER JOIN leader_parts AS l ON l.part = w.part
ORDER BY request_id, start_time
