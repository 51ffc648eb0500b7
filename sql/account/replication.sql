-- How long each accounted request with acks=all, or of which a coordinator keeps a record,
-- waited for its followers.
--
-- A follower has a record when it asks for the offset behind it. The wait ends when the
-- leader has processed the fetch of the last of the followers that asked before the
-- response was sent: at that fetch's answer, at the request's own, or at that of another
-- request with acks=all for the same or later records of the log, whichever is first.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- end of its handler's work on it
-- @column end_time       TIMESTAMP   -- the last follower's fetch was processed
-- @column fetch_time     TIMESTAMP   -- that fetch arrived: the wait was not over before
-- @column fetch_request_id BIGINT    -- with this fetch
-- @column follower_count BIGINT      -- followers seen
WITH
answered AS (
    -- When an answer told that the followers had all up to an offset, and so what is before it.
    SELECT
        topic,
        partition,
        next_offset,
        MIN(response_time) OVER (
            PARTITION BY topic, partition
            ORDER BY next_offset DESC
            RANGE UNBOUNDED PRECEDING
        ) AS answered_time
    FROM (
        SELECT
            p.topic,
            p.partition,
            p.base_offset + COALESCE(p.record_count, 1) AS next_offset,
            MIN(r.response_time) AS response_time
        FROM near_times AS n
        INNER JOIN recorded_partitions AS p
            ON p.arrival_time >= n.start_time
            AND p.arrival_time < n.end_time
        INNER JOIN recorded_requests AS r ON r.request_id = p.request_id
        WHERE r.api = 'Produce'
            AND r.acks = -1
            AND p.base_offset >= 0
        GROUP BY p.topic, p.partition, p.base_offset + COALESCE(p.record_count, 1)
    )
),
committed AS (
    SELECT a.request_id, MAX(w.answered_time) AS answered_time
    FROM awaited_appends AS a
    INNER JOIN answered AS w
        ON w.topic = a.topic
        AND w.partition = a.partition
        AND w.next_offset = a.next_offset
    GROUP BY a.request_id
    HAVING MIN(elapsed_ns(a.appended_time, w.answered_time)) >= 0
),
fetched AS (
    SELECT
        f.request_id,
        f.replica_id,
        f.arrival_time,
        COALESCE(f.response_time, f.end_time) AS answer_time,
        p.topic,
        p.partition,
        p.fetch_offset
    FROM near_times AS n
    INNER JOIN recorded_partitions AS p
        ON p.arrival_time >= n.start_time
        AND p.arrival_time < n.end_time
    INNER JOIN recorded_requests AS f ON f.request_id = p.request_id
    WHERE f.api = 'Fetch'
        AND f.replica_id >= 0
        AND p.fetch_offset >= 0
),
caught_up AS (
    SELECT
        a.request_id,
        a.topic,
        a.partition,
        f.replica_id,
        MIN(a.handled_time) AS handled_time,
        MIN(a.response_time) AS response_time,
        MIN(f.arrival_time) AS arrival_time
    FROM awaited_appends AS a
    INNER JOIN fetched AS f
        ON f.topic = a.topic
        AND f.partition = a.partition
        AND f.fetch_offset >= a.next_offset
        AND f.arrival_time >= a.appended_time
        AND f.arrival_time <= add_ns(a.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
    GROUP BY a.request_id, a.topic, a.partition, f.replica_id
),
last_followers AS (
    SELECT
        request_id,
        MAX(handled_time) AS start_time,
        MAX(response_time) AS response_time,
        MAX(arrival_time) AS arrival_time,
        COUNT(DISTINCT replica_id) AS follower_count
    FROM caught_up
    GROUP BY request_id
)
SELECT
    l.request_id,
    l.start_time,
    GREATEST(l.start_time, LEAST(
        l.response_time,
        COALESCE(MIN(f.answer_time), l.response_time),
        COALESCE(MIN(m.answered_time), l.response_time)
    )) AS end_time,
    LEAST(l.arrival_time, l.response_time) AS fetch_time,
    MIN(f.request_id) AS fetch_request_id,
    l.follower_count
FROM last_followers AS l
INNER JOIN caught_up AS c
    ON c.request_id = l.request_id
    AND c.arrival_time = l.arrival_time
INNER JOIN fetched AS f
    ON f.topic = c.topic
    AND f.partition = c.partition
    AND f.replica_id = c.replica_id
    AND f.arrival_time = c.arrival_time
LEFT JOIN committed AS m ON m.request_id = l.request_id
GROUP BY l.request_id, l.start_time, l.response_time, l.arrival_time, l.follower_count
ORDER BY l.request_id
