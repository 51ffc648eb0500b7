-- Which accounted requests with acks=all waited for a follower until the controller had
-- stored an in-sync set without it, by its captured answers (see isr_requests).
--
-- A request is listed where its records were there before the answer came, its response left
-- after that, and, by their captured fetches before the answer, all other followers of that
-- set had its records and one that is not of the set had not. That one was of the set
-- before, by an earlier answer; or it is the only such follower, and the response left
-- at most 20 ms after the answer. A leader may read of the change in the metadata log before
-- it has the answer: a response may leave between the two where the other followers had the
-- records before it asked.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column handled_time   TIMESTAMP   -- end of its handler's work on it
-- @column stored_time    TIMESTAMP   -- the controller's answer, or the response before it: the set
--                                       is stored
-- @column response_time  TIMESTAMP   -- first byte of the request's response
-- @column isr_request_id BIGINT      -- what the leader had asked the controller for
-- @column replica_id     INT         -- the follower: its broker id
WITH
stored AS (
    SELECT
        isr_request_id, leader_id, topic, partition, time, answered_time, version, stored_version,
        CONCAT(',', stored_isr, ',') AS stored_isr,
        array_length(string_to_array(stored_isr, ',')) AS member_count
    FROM isr_requests
    WHERE error_code = 0
        AND stored_isr IS NOT NULL
        AND answered_time IS NOT NULL
        AND topic IS NOT NULL
),
waiting AS (
    SELECT
        a.request_id, a.handled_time, a.response_time, a.next_offset,
        s.isr_request_id, s.answered_time, s.leader_id, s.stored_isr, s.member_count
    FROM awaited_appends AS a
    INNER JOIN stored AS s
        ON s.topic = a.topic
        AND s.partition = a.partition
        AND s.answered_time >= a.handled_time
        AND s.time <= a.response_time
),
fetched AS (
    -- How far each follower had a log when the change was asked for, and when the answer came.
    SELECT
        s.isr_request_id, f.replica_id,
        MAX(p.fetch_offset) FILTER (WHERE p.arrival_time <= s.time) AS asked_offset,
        MAX(p.fetch_offset) AS answered_offset
    FROM stored AS s
    INNER JOIN recorded_partitions AS p
        ON p.topic = s.topic
        AND p.partition = s.partition
        AND p.arrival_time <= s.answered_time
    INNER JOIN recorded_requests AS f ON f.request_id = p.request_id
    WHERE f.api = 'Fetch'
        AND f.replica_id >= 0
        AND p.fetch_offset >= 0
    GROUP BY s.isr_request_id, f.replica_id
),
were_members AS (
    SELECT DISTINCT s.isr_request_id, f.replica_id
    FROM stored AS s
    INNER JOIN stored AS b
        ON b.topic = s.topic
        AND b.partition = s.partition
        AND b.stored_version = s.version
    INNER JOIN fetched AS f
        ON f.isr_request_id = s.isr_request_id
        AND strpos(b.stored_isr, CONCAT(',', CAST(f.replica_id AS VARCHAR), ',')) > 0
),
compared AS (
    SELECT
        w.request_id, w.handled_time, w.response_time, w.isr_request_id, w.answered_time, w.member_count,
        f.replica_id,
        f.answered_offset < w.next_offset AS is_behind,
        CASE
            WHEN w.response_time >= w.answered_time THEN f.answered_offset
            ELSE f.asked_offset
        END >= w.next_offset AS has_records,
        strpos(w.stored_isr, CONCAT(',', CAST(f.replica_id AS VARCHAR), ',')) > 0 AS is_member,
        m.replica_id IS NOT NULL AS was_member
    FROM waiting AS w
    INNER JOIN fetched AS f ON f.isr_request_id = w.isr_request_id
    LEFT JOIN were_members AS m
        ON m.isr_request_id = w.isr_request_id
        AND m.replica_id = f.replica_id
    WHERE f.replica_id <> w.leader_id
),
told AS (
    SELECT
        request_id, handled_time, response_time, isr_request_id, answered_time,
        COUNT(*) FILTER (WHERE NOT is_member AND is_behind) AS behind_count,
        MIN(replica_id) FILTER (WHERE NOT is_member AND is_behind) AS behind_id,
        MIN(replica_id) FILTER (WHERE NOT is_member AND is_behind AND was_member) AS left_id
    FROM compared
    GROUP BY request_id, handled_time, response_time, isr_request_id, answered_time, member_count
    -- The leader is of the set, and fetches from nobody.
    HAVING COUNT(*) FILTER (WHERE is_member AND has_records) = member_count - 1
)
SELECT
    request_id,
    handled_time,
    LEAST(answered_time, response_time) AS stored_time,
    response_time,
    isr_request_id,
    COALESCE(left_id, behind_id) AS replica_id
FROM told
WHERE left_id IS NOT NULL
    OR (behind_count = 1 AND elapsed_ns(answered_time, response_time) <= 20000000)
ORDER BY request_id, isr_request_id
