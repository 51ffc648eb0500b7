-- What each wait of an acks=all request for its last follower was in.
--
-- A follower fetches over and over; the fetch that shows that it has the records comes
-- after the answer that brought them. So the wait (see replication) has up to three parts,
-- and the fetch and the one before it on its connection show which is which:
--   late_follower_answer  the leader had not yet answered the fetch before
--   slow_follower         the follower had that answer, and had not fetched again
--   unprocessed_fetch     its fetch was there, and the leader had not processed it
-- Without the fetch before, the time until the fetch came has no reason.
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
earlier AS (
    SELECT w.fetch_request_id, p.end_time, p.arrival_time,
        ROW_NUMBER() OVER (
            PARTITION BY w.fetch_request_id ORDER BY p.arrival_time DESC, p.request_id DESC
        ) AS place
    FROM (SELECT DISTINCT fetch_request_id, connection_id, arrival_time FROM waits) AS w
    INNER JOIN requests AS p
        ON p.connection_id = w.connection_id
        AND p.arrival_time < w.arrival_time
        AND p.arrival_time > add_ns(w.arrival_time, CAST(-60e9 AS BIGINT))
    WHERE p.api = 'Fetch'
),
parts AS (
    SELECT
        w.request_id, w.fetch_request_id, w.replica_id,
        unnest([
            CASE WHEN p.end_time IS NOT NULL THEN 'late_follower_answer' END,
            CASE WHEN p.end_time IS NOT NULL THEN 'slow_follower' END,
            'unprocessed_fetch'
        ]) AS reason,
        unnest([
            w.start_time,
            GREATEST(w.start_time, LEAST(COALESCE(p.end_time, w.start_time), w.arrival_time)),
            GREATEST(w.start_time, w.arrival_time)
        ]) AS start_time,
        unnest([
            LEAST(w.end_time, w.arrival_time, COALESCE(p.end_time, w.start_time)),
            LEAST(w.end_time, w.arrival_time),
            w.end_time
        ]) AS end_time
    FROM waits AS w
    LEFT JOIN earlier AS p
        ON p.fetch_request_id = w.fetch_request_id
        AND p.place = 1
)
SELECT request_id, start_time, end_time, reason, fetch_request_id, replica_id
FROM parts
WHERE start_time < end_time
ORDER BY request_id, start_time
