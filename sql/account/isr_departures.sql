-- Which accounted requests with acks=all waited for a follower until the controller had
-- stored an in-sync set without it, by its captured answers (see isr_requests).
--
-- A request is listed where its records were there before the answer came, its response left
-- after the change was asked for, and, by their captured fetches, all other followers of the
-- stored set had its records and one that is not of it had not got them until the response.
-- A leader may read of the change in the metadata log before it has the answer: of a response
-- between the two the other followers had the records when it was asked for.
--
-- That one was of the set before, by the answer before. Where that was not captured, a set
-- may have grown as well, and the one that is behind may be none of it: then it has to be
-- the only one, and one that had stopped fetching before the request was handled; the other
-- followers had the records 20 ms before the change was asked for, so that no fetch ended the
-- wait; and the response left within 20 ms of the answer.
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
        isr_request_id, leader_id, topic, topic_id, partition, time, answered_time, version, stored_version,
        CONCAT(',', stored_isr, ',') AS stored_isr,
        array_length(string_to_array(stored_isr, ',')) AS member_count
    FROM isr_requests
    WHERE error_code = 0
        AND stored_isr IS NOT NULL
        AND answered_time IS NOT NULL
        AND topic IS NOT NULL
        -- Of this broker's own logs, where it is known which one it is.
        AND leader_id = COALESCE((SELECT MIN(broker) FROM sources), leader_id)
),
befores AS (
    -- The set before, of each answer whose own answer before was captured.
    SELECT s.isr_request_id, MAX(b.stored_isr) AS before_isr
    FROM stored AS s
    INNER JOIN stored AS b
        ON b.topic = s.topic
        AND b.partition = s.partition
        AND b.stored_version = s.version
        AND (b.topic_id IS NOT DISTINCT FROM s.topic_id)
        AND b.answered_time <= s.answered_time
    GROUP BY s.isr_request_id
),
failed AS (
    -- Of what was answered otherwise than by its followers no change ended the wait; with too few in
    -- sync it did (NOT_ENOUGH_REPLICAS_AFTER_APPEND).
    SELECT DISTINCT a.request_id
    FROM awaited_appends AS a
    INNER JOIN recorded_partitions AS p ON p.request_id = a.request_id
    WHERE p.error_code NOT IN (0, 20)
),
waiting AS (
    SELECT
        a.request_id, s.isr_request_id, s.topic, s.partition, s.time, s.answered_time, s.leader_id,
        s.stored_isr, s.member_count, b.before_isr,
        MAX(a.handled_time) AS handled_time,
        MAX(a.response_time) AS response_time,
        MAX(a.next_offset) AS next_offset
    FROM awaited_appends AS a
    INNER JOIN stored AS s
        ON s.topic = a.topic
        AND s.partition = a.partition
        AND s.answered_time >= a.handled_time
        AND s.time <= a.response_time
    LEFT JOIN befores AS b ON b.isr_request_id = s.isr_request_id
    LEFT JOIN failed AS f ON f.request_id = a.request_id
    WHERE f.request_id IS NULL
    GROUP BY
        a.request_id, s.isr_request_id, s.topic, s.partition, s.time, s.answered_time, s.leader_id,
        s.stored_isr, s.member_count, b.before_isr
),
fetches AS (
    SELECT p.topic, p.partition, f.replica_id, p.arrival_time, p.fetch_offset
    FROM (SELECT DISTINCT topic, partition FROM waiting) AS l
    INNER JOIN recorded_partitions AS p
        ON p.topic = l.topic
        AND p.partition = l.partition
    INNER JOIN recorded_requests AS f ON f.request_id = p.request_id
    WHERE f.api = 'Fetch'
        AND f.replica_id >= 0
        AND p.fetch_offset >= 0
),
candidates AS (
    SELECT
        w.*, f.replica_id,
        strpos(w.stored_isr, CONCAT(',', CAST(f.replica_id AS VARCHAR), ',')) > 0 AS is_member,
        strpos(w.before_isr, CONCAT(',', CAST(f.replica_id AS VARCHAR), ',')) > 0 AS was_member
    FROM waiting AS w
    INNER JOIN (SELECT DISTINCT topic, partition, replica_id FROM fetches) AS f
        ON f.topic = w.topic
        AND f.partition = w.partition
    WHERE f.replica_id <> w.leader_id
),
marks AS (
    SELECT
        request_id, isr_request_id, topic, partition, replica_id,
        unnest([1, 2, 3]) AS mark,
        unnest([
            add_ns(time, -20000000),
            CASE WHEN response_time >= answered_time THEN answered_time ELSE time END,
            GREATEST(response_time, answered_time)
        ]) AS mark_time
    FROM candidates
),
offsets AS (
    -- How far each follower had the log at these times.
    SELECT
        m.request_id, m.isr_request_id, m.replica_id,
        MAX(f.fetch_offset) FILTER (WHERE m.mark = 1) AS early_offset,
        MAX(f.fetch_offset) FILTER (WHERE m.mark = 2) AS seen_offset,
        MAX(f.fetch_offset) FILTER (WHERE m.mark = 3) AS last_offset
    FROM marks AS m
    ASOF JOIN fetches AS f
        MATCH_CONDITION (m.mark_time >= f.arrival_time)
        ON f.topic = m.topic
        AND f.partition = m.partition
        AND f.replica_id = m.replica_id
    GROUP BY m.request_id, m.isr_request_id, m.replica_id
),
follower_fetches AS (
    SELECT replica_id, arrival_time
    FROM recorded_requests
    WHERE api = 'Fetch'
        AND replica_id >= 0
),
silent AS (
    -- Followers that had stopped fetching, whatever log, before the request was handled.
    SELECT c.request_id, c.isr_request_id, c.replica_id
    FROM candidates AS c
    ASOF JOIN follower_fetches AS f
        MATCH_CONDITION (c.time >= f.arrival_time)
        ON f.replica_id = c.replica_id
    WHERE f.arrival_time <= c.handled_time
),
told AS (
    SELECT
        c.request_id, c.handled_time, c.response_time, c.isr_request_id, c.answered_time, c.before_isr,
        c.member_count - 1 AS follower_count,
        COUNT(*) FILTER (WHERE c.is_member AND o.early_offset >= c.next_offset) AS early_count,
        COUNT(*) FILTER (WHERE NOT c.is_member AND o.last_offset < c.next_offset) AS behind_count,
        MIN(c.replica_id) FILTER (
            WHERE NOT c.is_member AND o.last_offset < c.next_offset AND c.was_member
        ) AS left_id,
        MIN(c.replica_id) FILTER (
            WHERE NOT c.is_member AND o.last_offset < c.next_offset AND s.request_id IS NOT NULL
        ) AS silent_id
    FROM candidates AS c
    INNER JOIN offsets AS o
        ON o.request_id = c.request_id
        AND o.isr_request_id = c.isr_request_id
        AND o.replica_id = c.replica_id
    LEFT JOIN silent AS s
        ON s.request_id = c.request_id
        AND s.isr_request_id = c.isr_request_id
        AND s.replica_id = c.replica_id
    GROUP BY
        c.request_id, c.handled_time, c.response_time, c.isr_request_id, c.answered_time, c.before_isr,
        c.member_count
    -- The leader is of the set, and fetches from nobody.
    HAVING COUNT(*) FILTER (WHERE c.is_member AND o.seen_offset >= c.next_offset) = c.member_count - 1
)
SELECT
    request_id,
    handled_time,
    LEAST(answered_time, response_time) AS stored_time,
    response_time,
    isr_request_id,
    COALESCE(left_id, silent_id) AS replica_id
FROM told
WHERE left_id IS NOT NULL
    OR (
        before_isr IS NULL
        AND behind_count = 1
        AND silent_id IS NOT NULL
        AND early_count = follower_count
        AND elapsed_ns(answered_time, response_time) <= 20000000
    )
ORDER BY request_id, isr_request_id
