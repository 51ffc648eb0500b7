-- What each wait of an acks=all request for its last follower was in.
--
-- A follower fetches over and over on one connection; the fetch that shows that it has the
-- records comes after the answer that brought them. So the wait (see replication) is cut by
-- the fetches of that connection:
--   late_follower_answer  one of them was there, and the leader had not yet answered it
--   slow_follower         the follower had the answer to one, and had not fetched again
--   unprocessed_fetch     the last fetch was there, and the leader had not processed it
-- Before the first fetch that was captured, a part has no reason.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the part
-- @column end_time       TIMESTAMP   -- its end
-- @column reason         VARCHAR     -- the part, as above
-- @column fetch_request_id BIGINT    -- the fetch that ended the wait
-- @column replica_id     INT         -- the follower: its broker id
WITH
waits AS (
    SELECT
        w.request_id, w.start_time, w.end_time, w.fetch_request_id, f.connection_id, f.replica_id,
        f.arrival_time
    FROM replication AS w
    INNER JOIN requests AS f ON f.request_id = w.fetch_request_id
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
    INNER JOIN requests AS p
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
)
SELECT request_id, start_time, end_time, reason, fetch_request_id, replica_id
FROM parts
WHERE start_time < end_time
ORDER BY request_id, start_time
