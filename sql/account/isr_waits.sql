-- How long accounted requests with acks=all waited for a follower that then left the
-- in-sync set.
--
-- When a follower is to leave, the leader's log tells how far the follower's log went, and
-- its own (see isr_changes). Records in between had waited for that follower until then, and
-- wait on until the smaller set is stored. A request is listed where that was logged before
-- its response left; else it was answered for another reason, such as the follower's next
-- fetch of that log: where that was processed before the set was stored (see replication), it
-- ended the wait. Where several left, the last one counts. Before Kafka 2.5 the log tells too little.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- end of its handler's work on it
-- @column end_time       TIMESTAMP   -- the set without the follower was stored
-- @column isr_change_id  BIGINT      -- the change by which the follower left, in the log
-- @column isr_request_id BIGINT      -- or what the leader had asked the controller for
-- @column replica_id     INT         -- the follower: its broker id
WITH
left_behind AS (
    SELECT
        a.request_id, a.handled_time, a.response_time,
        i.isr_change_id, i.source_id, i.time, a.topic, a.partition, a.next_offset, i.replica_id
    FROM awaited_appends AS a
    INNER JOIN isr_changes AS i
        ON i.topic = a.topic
        AND i.partition = a.partition
        AND i.time >= add_ns(a.appended_time, CAST(-$clock_slack_ms * 1e6 AS BIGINT) - 1000000)
        AND i.time <= add_ns(a.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
    WHERE i.change = 'shrink'
        -- In the leader's log, and neither committed nor, as far as the leader knew, in the follower's.
        AND i.end_offset >= a.next_offset
        AND i.high_watermark < a.next_offset
        AND i.replica_end_offset < a.next_offset
),
stored AS (
    SELECT
        l.request_id, l.handled_time, l.response_time, l.isr_change_id, l.replica_id,
        l.topic, l.partition, l.next_offset, MIN(u.time) AS stored_time
    FROM left_behind AS l
    INNER JOIN isr_changes AS u
        ON u.topic = l.topic
        AND u.partition = l.partition
        AND u.source_id = l.source_id
        AND u.time >= l.time
        AND u.time <= add_ns(l.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
    WHERE u.change = 'updated'
        AND u.isr_change_id > l.isr_change_id
        AND strpos(',' || u.isr || ',', ',' || CAST(l.replica_id AS VARCHAR) || ',') = 0
    GROUP BY
        l.request_id, l.handled_time, l.response_time, l.isr_change_id, l.replica_id,
        l.topic, l.partition, l.next_offset
),
fetched AS (
    SELECT w.request_id, w.end_time, f.replica_id, p.topic, p.partition, p.fetch_offset
    FROM replication AS w
    INNER JOIN recorded_requests AS f ON f.request_id = w.fetch_request_id
    INNER JOIN recorded_partitions AS p ON p.request_id = w.fetch_request_id
),
logged AS (
    SELECT
        s.request_id, s.handled_time, s.response_time, s.isr_change_id, s.replica_id, s.stored_time
    FROM stored AS s
    LEFT JOIN fetched AS f
        ON f.request_id = s.request_id
        AND f.replica_id = s.replica_id
        AND f.topic = s.topic
        AND f.partition = s.partition
        AND f.fetch_offset >= s.next_offset
    WHERE COALESCE(f.end_time >= s.stored_time, TRUE)
),
told AS (
    SELECT
        request_id, handled_time, response_time, stored_time, isr_change_id,
        CAST(NULL AS BIGINT) AS isr_request_id, replica_id
    FROM logged
    UNION ALL
    SELECT
        request_id, handled_time, response_time, stored_time, CAST(NULL AS BIGINT),
        isr_request_id, replica_id
    FROM isr_departures
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY request_id ORDER BY stored_time DESC, isr_change_id, isr_request_id
        ) AS place
    FROM told
)
SELECT
    request_id,
    LEAST(handled_time, response_time) AS start_time,
    GREATEST(LEAST(handled_time, response_time), LEAST(stored_time, response_time)) AS end_time,
    isr_change_id,
    isr_request_id,
    replica_id
FROM placed
WHERE place = 1
ORDER BY request_id
