-- When the responses of lines without a time were sent, as far as the broker's writes tell.
--
-- Of logs that have such lines (see untimed_logs). A line of a produce request has offsets, and the
-- log segments tell which write(2) carried them. That write lies in the stage in which the
-- handler was at work, and so does the wait for a lock that its thread came from, where the
-- stage is long enough for both: the stages behind it tell the latest and the earliest end.
-- Lines are written as responses are sent, so that any other line lies between those before and
-- behind it that are known. Only times that are known within 5 ms are told.
-- @materialized
-- @column broker_request_id BIGINT   -- the line
-- @column end_time       TIMESTAMP   -- its response was sent
-- @column slack_ns       BIGINT      -- how far that may be off
WITH
lines AS (
    SELECT
        s.broker_request_id, s.source_id, s.logged_time, s.local_ns,
        s.remote_ns + s.throttle_ns + s.response_queue_ns + s.send_ns AS behind_ns
    FROM untimed_logs AS l
    INNER JOIN line_stages AS s ON s.source_id = l.source_id
),
appends AS (
    SELECT
        p.broker_request_id, w.tid, w.start_time, w.end_time,
        add_ns(w.start_time, -1000000) AS earliest_time,
        add_ns(w.start_time, 200000) AS latest_time
    FROM untimed_logs AS l
    INNER JOIN broker_request_partitions AS p ON p.source_id = l.source_id
    LEFT JOIN (
        SELECT topic_id, MIN(topic) AS topic
        FROM topics
        GROUP BY topic_id
    ) AS n ON n.topic_id = p.topic_id
    INNER JOIN writes AS w
        ON w.topic = COALESCE(p.topic, n.topic)
        AND w.partition = p.partition
        AND w.base_offset = p.base_offset
        AND w.bytes = p.records_bytes
    WHERE p.base_offset >= 0
        AND w.file_kind = 'log'
        AND file_operation(w.operation) = 'write'
),
waits AS (
    -- The wait for a lock that each of them came from.
    SELECT a.broker_request_id, a.start_time, MIN(k.start_time) AS wait_start
    FROM appends AS a
    INNER JOIN lock_waits AS k
        ON k.tid = a.tid
        AND k.end_time >= a.earliest_time
        AND k.end_time <= a.latest_time
    WHERE k.kind = 'monitor'
    GROUP BY a.broker_request_id, a.start_time
),
worked AS (
    SELECT
        a.broker_request_id,
        MIN(a.start_time) AS start_time,
        MIN(COALESCE(w.wait_start, a.start_time)) AS wait_start,
        MAX(a.end_time) AS end_time
    FROM appends AS a
    LEFT JOIN waits AS w
        ON w.broker_request_id = a.broker_request_id
        AND w.start_time = a.start_time
    GROUP BY a.broker_request_id
),
bounds AS (
    SELECT
        l.broker_request_id, l.source_id, l.logged_time,
        add_ns(w.end_time, l.behind_ns) AS lower_time,
        add_ns(
            CASE
                WHEN elapsed_ns(w.wait_start, w.end_time) <= l.local_ns + 1000000 THEN w.wait_start
                ELSE w.start_time
            END,
            l.local_ns + l.behind_ns
        ) AS upper_time
    FROM lines AS l
    LEFT JOIN worked AS w
        ON w.broker_request_id = l.broker_request_id
        AND elapsed_ns(w.start_time, w.end_time) <= l.local_ns + 1000000
),
known AS (
    SELECT
        *,
        COALESCE(
            logged_time,
            CASE
                WHEN elapsed_ns(lower_time, upper_time) <= 10000000
                    THEN add_ns(lower_time, elapsed_ns(lower_time, upper_time) / 2)
            END
        ) AS known_time
    FROM bounds
),
reached AS (
    SELECT
        *,
        GREATEST(
            lower_time,
            MAX(known_time) OVER (
                PARTITION BY source_id ORDER BY broker_request_id ROWS UNBOUNDED PRECEDING
            )
        ) AS first_time,
        LEAST(
            upper_time,
            MIN(known_time) OVER (
                PARTITION BY source_id
                ORDER BY broker_request_id
                ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
            )
        ) AS last_time
    FROM known
)
SELECT
    broker_request_id,
    COALESCE(known_time, add_ns(first_time, elapsed_ns(first_time, last_time) / 2)) AS end_time,
    CASE
        WHEN known_time IS NOT NULL THEN ABS(elapsed_ns(lower_time, upper_time)) / 2
        ELSE ABS(elapsed_ns(first_time, last_time)) / 2
    END AS slack_ns
FROM reached
WHERE logged_time IS NULL
    AND (
        known_time IS NOT NULL
        OR elapsed_ns(first_time, last_time) BETWEEN -10000000 AND 10000000
    )
ORDER BY broker_request_id
