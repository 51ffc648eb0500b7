-- Which file operation another thread was in while a fetcher waited for the lock that it had.
--
-- A fetcher takes the monitor of a log to append to it, so the log is that of its operation right
-- after the wait. The monitor was with a thread that was in an operation on this log meanwhile and
-- done with the last one as the wait ended: a flush or a roll. Reads take no monitor. Where a
-- recorder knows the owner, or the kernel saw who ended the wait, it is that thread and no other. An
-- msync tells no file: its log is that of the sync that its thread did before, with no operation on
-- another file between.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @param  min_holder_ms  DOUBLE = 0.1 -- a holder at least this long is listed by itself
-- @column tid            INT         -- the fetcher
-- @column start_time     TIMESTAMP   -- start of the common time
-- @column end_time       TIMESTAMP   -- its end
-- @column write_id       BIGINT      -- the other thread's operation
-- @column holder_tid     INT         -- that thread
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH
waits AS (
    SELECT
        'lock_wait' AS kind, l.lock_wait_id AS row_id, l.tid, l.start_time, l.end_time,
        l.end_time AS ran_time, l.owner_tid AS known_tid
    FROM fetchers AS f
    INNER JOIN lock_waits AS l ON l.tid = f.tid
    WHERE l.kind = 'monitor'
        AND EXISTS (
            SELECT 1
            FROM fetcher_times AS t
            WHERE l.start_time < t.end_time
                AND t.start_time < l.end_time
        )
    UNION ALL
    SELECT
        'standing' AS kind, standing_id AS row_id, tid, start_time, end_time,
        stretch_end AS ran_time, waker_tid AS known_tid
    FROM fetcher_standings
    WHERE wait_class = 'futex'
        AND waker_tid IS NOT NULL
        AND waker_tid <> tid
),
next_times AS (
    SELECT w.kind, w.row_id, MIN(o.start_time) AS time
    FROM waits AS w
    INNER JOIN writes AS o ON o.tid = w.tid
    -- Recordings of locks and of files may be apart by the clocks' slack.
    WHERE o.start_time >= add_ns(w.ran_time, CAST(-$clock_slack_ms * 1e6 AS BIGINT))
        AND o.start_time <= add_ns(w.ran_time, CAST(($handoff_ms + $clock_slack_ms) * 1e6 AS BIGINT))
        AND o.start_time > w.start_time
        AND o.topic IS NOT NULL
    GROUP BY w.kind, w.row_id
),
logs AS (
    SELECT DISTINCT
        w.kind, w.row_id, w.tid, w.start_time, w.end_time, w.known_tid,
        CAST(o.topic AS VARCHAR) AS topic, o.partition
    FROM waits AS w
    INNER JOIN next_times AS n
        ON n.kind = w.kind
        AND n.row_id = w.row_id
    INNER JOIN writes AS o
        ON o.tid = w.tid
        AND o.start_time = n.time
    WHERE o.topic IS NOT NULL
),
others AS (
    -- What other threads did meanwhile, on whatever file.
    SELECT
        l.kind, l.row_id, l.tid, l.known_tid, l.topic, l.partition, o.write_id, o.tid AS holder_tid,
        GREATEST(l.start_time, o.start_time) AS start_time,
        LEAST(l.end_time, o.end_time) AS end_time,
        o.start_time AS operation_time, o.end_time AS operation_end,
        COALESCE(o.topic = l.topic AND o.partition = l.partition, FALSE) AS is_on_log,
        COALESCE(file_operation(o.operation), '') AS operation,
        o.topic IS NULL AND COALESCE(o.operation, '') = 'msync' AS follows,
        elapsed_ns(o.end_time, l.end_time) AS left_ns,
        o.duration_ns
    FROM logs AS l
    INNER JOIN writes AS o
        ON o.start_time < l.end_time
        AND l.start_time < o.end_time
    WHERE o.tid <> l.tid
        AND COALESCE(l.known_tid, o.tid) = o.tid
),
grouped AS (
    -- A group is an operation, and the msyncs that follow it.
    SELECT
        *,
        SUM(CASE WHEN follows THEN 0 ELSE 1 END) OVER (
            PARTITION BY kind, row_id, topic, partition, holder_tid
            ORDER BY operation_time, operation_end, write_id
            ROWS UNBOUNDED PRECEDING
        ) AS group_number
    FROM others
),
led AS (
    SELECT
        *,
        BOOL_OR(is_on_log AND operation = 'sync') OVER (
            PARTITION BY kind, row_id, topic, partition, holder_tid, group_number
        ) AS is_led
    FROM grouped
),
operations AS (
    SELECT
        kind, row_id, tid, known_tid, write_id, holder_tid, start_time, end_time, operation_time,
        is_on_log, left_ns, duration_ns
    FROM led
    WHERE (is_on_log AND operation <> 'read')
        OR (follows AND is_led)
),
holders AS (
    SELECT kind, row_id, holder_tid, MIN(operation_time) FILTER (WHERE is_on_log) AS first_time
    FROM operations
    GROUP BY kind, row_id, holder_tid
    HAVING BOOL_OR(is_on_log)
        AND MIN(ABS(left_ns)) <= ($handoff_ms + $clock_slack_ms) * 1e6
)
SELECT
    o.tid, o.start_time, o.end_time, o.write_id, o.holder_tid,
    CASE WHEN o.known_tid IS NULL THEN 0.8 ELSE 0.9 END AS confidence
FROM operations AS o
INNER JOIN holders AS h
    ON h.kind = o.kind
    AND h.row_id = o.row_id
    AND h.holder_tid = o.holder_tid
    AND h.first_time <= o.operation_time
WHERE o.duration_ns >= $min_holder_ms * 1e6
    AND o.start_time < o.end_time
ORDER BY o.start_time, o.write_id, o.tid, o.kind, o.row_id
