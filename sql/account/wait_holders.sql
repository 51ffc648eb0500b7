-- Who held the lock during each lock wait near the accounted requests, one holder after
-- another.
--
-- In a convoy several threads hold a lock one after another; each has a row with its
-- part of the wait. `rule` says how the holder is known, strongest first:
--   recorded_owner   the recording names the thread, and it was in this file operation
--   same_log         the thread appended to the same log, and an append runs under the
--                    log's monitor
--   same_log_sync    the thread synced the same log, right after or before its own append
--                    to it, which is under the monitor; or else the wait ended, or the
--                    next append began, within `handoff_ms` of the end of its syncs
--   flush_held       the same, after its sync: it was in the same flush still, for no longer
--                    than its syncs had taken until then, or until the broker's own log has it done
--                    with its request, where the wait ended then
--   owner_waited     the recording names the thread, and it was itself in this lock wait
--   acquired_before  the thread took the same lock before, nobody else did since, it has not
--                    appended to that log (where the lock is a log's), or turned to another, and it
--                    was itself in this lock wait, for another lock, or waited for a CPU
--   append_returned  the thread waits for a CPU since its own append to the log returned
--   same_log_run     threads appended to the same log one right after another; holders
--                    of less than `min_holder_ms` are not told apart, so that a convoy
--                    of thousands stays small
-- @materialized
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @param  min_holder_ms  DOUBLE = 0.1 -- a holder at least this long is listed by itself
-- @column lock_wait_id   BIGINT      -- the wait
-- @column start_time     TIMESTAMP   -- start of this holder's part of it
-- @column end_time       TIMESTAMP   -- its end
-- @column held_ns        BIGINT      -- its length
-- @column holder_tid     INT         -- the holder; null in a run
-- @column holder_write_id BIGINT     -- the file operation that the holder was in
-- @column holder_wait_id BIGINT      -- or the lock wait that it was in itself
-- @column is_ready       BOOLEAN     -- or whether it waited for a CPU
-- @column rule           VARCHAR     -- how the holder is known, as above
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH
appends AS (
    SELECT
        l.lock_wait_id,
        GREATEST(l.start_time, w.start_time) AS start_time,
        LEAST(l.end_time, w.end_time) AS end_time,
        w.tid AS holder_tid,
        w.write_id AS holder_write_id,
        l.owner_tid,
        ROW_NUMBER() OVER (
            PARTITION BY l.lock_wait_id ORDER BY w.end_time DESC, w.write_id DESC
        ) AS place_from_end
    FROM near_waits AS l
    INNER JOIN near_writes AS w
        ON w.topic = l.topic
        AND w.partition = l.partition
        AND w.start_time < l.end_time
        AND l.start_time < w.end_time
    WHERE w.tid <> l.tid
        AND w.is_append
        AND l.is_log_monitor
        AND elapsed_ns(w.start_time, w.end_time) >= $min_holder_ms * 1e6
),
chains AS (
    -- Consecutive syncs of one thread on one log. One that follows the thread's own append to the log at
    -- once, or is followed by one, is under the monitor as the append is.
    SELECT
        s.tid,
        s.topic,
        s.partition,
        s.chain_start,
        MAX(s.end_time) AS chain_end,
        MAX(s.thread_next_start) AS next_start,
        MAX(s.log_next_append_time) AS log_next_time,
        COALESCE(BOOL_OR(
            p.is_append
            AND p.start_time = s.previous_append_time
            AND p.end_time >= add_ns(s.chain_start, CAST(-$handoff_ms * 1e6 AS BIGINT))
        ), FALSE) AS follows_append,
        COALESCE(BOOL_OR(
            p.is_append
            AND p.start_time = s.next_append_time
            AND p.start_time <= add_ns(s.end_time, CAST($handoff_ms * 1e6 AS BIGINT))
        ), FALSE) AS leads_append
    FROM near_writes AS s
    LEFT JOIN near_writes AS p
        ON p.tid = s.tid
        AND p.topic = s.topic
        AND p.partition = s.partition
        AND p.start_time <= COALESCE(s.next_append_time, s.previous_append_time)
        AND COALESCE(s.previous_append_time, s.next_append_time) <= p.end_time
    WHERE s.is_sync
        AND s.topic IS NOT NULL
    GROUP BY s.tid, s.topic, s.partition, s.chain_start
),
chain_syncs AS (
    SELECT
        s.write_id,
        s.tid,
        s.topic,
        s.partition,
        s.start_time,
        s.end_time,
        LEAD(s.start_time) OVER (
            PARTITION BY s.tid, s.chain_start ORDER BY s.start_time, s.write_id
        ) AS next_sync_time,
        c.chain_start,
        c.chain_end,
        c.next_start,
        c.log_next_time,
        c.follows_append,
        c.follows_append OR c.leads_append AS is_under_monitor,
        a.response_time,
        CASE WHEN s.start_time >= g.local_start THEN LEAST(g.remote_start, n.start_time) END AS logged_end,
        g.slack_ns AS logged_slack_ns
    FROM chains AS c
    INNER JOIN near_writes AS s
        ON s.tid = c.tid
        AND s.chain_start = c.chain_start
        AND s.topic = c.topic
        AND s.partition = c.partition
    LEFT JOIN own_operations AS o ON o.write_id = s.write_id
    LEFT JOIN accounted_requests AS a ON a.request_id = o.request_id
    LEFT JOIN request_stages AS g ON g.request_id = o.request_id
    LEFT JOIN (
        -- A thread that waits for a lock is done with the flush.
        SELECT previous_write_id, MIN(start_time) AS start_time
        FROM near_waits
        GROUP BY previous_write_id
    ) AS n ON n.previous_write_id = s.write_id
),
syncs AS (
    -- Other syncs held the monitor when the wait ended, or somebody appended, as soon as they were done.
    -- A flush goes on after its last recorded sync (msyncs of the indexes, often not traced) until
    -- somebody else has the monitor, its thread does something else, or its request is answered, but is
    -- believed for no longer than what was recorded of it, unless the wait ended as the broker's log has its
    -- handler done with the request.
    SELECT
        l.lock_wait_id,
        l.start_time,
        l.end_time,
        w.start_time AS sync_start,
        w.end_time AS sync_end,
        GREATEST(
            w.end_time,
            CASE
                WHEN w.next_sync_time IS NOT NULL OR w.follows_append THEN LEAST(
                    GREATEST(
                        add_ns(w.end_time, elapsed_ns(w.chain_start, w.end_time)),
                        CASE
                            WHEN ABS(elapsed_ns(w.logged_end, l.end_time))
                                    <= $handoff_ms * 1e6 + w.logged_slack_ns
                                THEN w.logged_end
                            ELSE w.end_time
                        END
                    ),
                    COALESCE(w.next_sync_time, w.next_start, l.end_time),
                    COALESCE(w.response_time, l.end_time),
                    COALESCE(w.log_next_time, l.end_time)
                )
                ELSE w.end_time
            END
        ) AS held_end,
        w.tid AS holder_tid,
        w.write_id AS holder_write_id,
        l.owner_tid,
        CASE WHEN w.is_under_monitor THEN 0.85 ELSE 0.7 END AS confidence
    FROM near_waits AS l
    INNER JOIN chain_syncs AS w
        ON w.topic = l.topic
        AND w.partition = l.partition
        AND w.start_time < l.end_time
        AND l.start_time < w.end_time
    WHERE w.tid <> l.tid
        AND l.is_log_monitor
        AND elapsed_ns(w.chain_start, w.chain_end) >= $min_holder_ms * 1e6
        AND (
            w.is_under_monitor
            OR elapsed_ns(w.chain_end, l.end_time)
                BETWEEN -$handoff_ms * 1e6 AND $handoff_ms * 1e6
            OR elapsed_ns(w.chain_end, w.log_next_time) BETWEEN 0 AND $handoff_ms * 1e6
        )
),
sync_parts AS (
    SELECT *
    FROM (
        SELECT
            lock_wait_id, holder_tid, holder_write_id, owner_tid,
            unnest([GREATEST(start_time, sync_start), sync_end]) AS part_start,
            unnest([LEAST(end_time, sync_end), LEAST(end_time, held_end)]) AS part_end,
            unnest(['same_log_sync', 'flush_held']) AS rule,
            unnest([confidence, 0.9 * confidence]) AS confidence
        FROM syncs
    )
    WHERE rule = 'flush_held'
        OR owner_tid IS NULL
        OR owner_tid <> holder_tid
),
runs AS (
    SELECT topic, partition, run_start AS start_time, MAX(end_time) AS end_time, COUNT(*) AS append_count
    FROM near_writes
    WHERE is_append
    GROUP BY topic, partition, run_start
),
run_waits AS (
    SELECT
        l.lock_wait_id,
        GREATEST(l.start_time, r.start_time) AS start_time,
        LEAST(l.end_time, r.end_time) AS end_time
    FROM near_waits AS l
    INNER JOIN runs AS r
        ON r.topic = l.topic
        AND r.partition = l.partition
        AND r.start_time < l.end_time
        AND l.start_time < r.end_time
    WHERE l.is_log_monitor
        AND r.append_count > 1
),
owned AS (
    -- The recorded owner is the last one: whoever held the lock when the wait ended.
    SELECT
        l.lock_wait_id,
        GREATEST(l.start_time, w.start_time) AS start_time,
        LEAST(l.end_time, w.end_time) AS end_time,
        w.tid AS holder_tid,
        w.write_id AS holder_write_id
    FROM near_waits AS l
    INNER JOIN near_writes AS w
        ON w.tid = l.owner_tid
        AND w.start_time < l.end_time
        AND l.start_time < w.end_time
    WHERE l.owner_tid <> l.tid
        AND NOT (w.is_append AND l.is_log_monitor AND w.topic = l.topic AND w.partition = l.partition)
),
owner_waits AS (
    SELECT
        l.lock_wait_id,
        GREATEST(l.start_time, o.start_time) AS start_time,
        LEAST(l.end_time, o.end_time) AS end_time,
        o.tid AS holder_tid,
        o.lock_wait_id AS holder_wait_id
    FROM near_waits AS l
    INNER JOIN near_waits AS o
        ON o.tid = l.owner_tid
        AND o.start_time < l.end_time
        AND l.start_time < o.end_time
    WHERE l.owner_tid <> l.tid
        AND (
            o.lock_class <> l.lock_class
            -- In a JFR the address of one lock changes when the collector moves it.
            OR (
                o.lock_address <> l.lock_address
                AND o.source_id = l.source_id
                AND l.origin = 'usdt'
            )
        )
),
log_turns AS (
    -- When each thread appended to a log, or began to wait for its monitor; with when it next did so of another
    -- log, and until when its append was under the monitor, unless it synced the log then.
    SELECT
        tid, start_time, topic, partition,
        MIN(CASE WHEN is_other THEN start_time END) OVER (
            PARTITION BY tid
            ORDER BY start_time, end_time, topic, partition
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS other_log_time,
        MIN(CASE WHEN is_append AND NOT is_synced THEN appended_until END) OVER (
            PARTITION BY tid
            ORDER BY start_time, end_time, topic, partition
            ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS appended_until
    FROM (
        SELECT
            t.tid, t.start_time, t.end_time, t.topic, t.partition, t.is_append,
            add_ns(t.end_time, CAST($handoff_ms * 1e6 AS BIGINT)) AS appended_until,
            y.tid IS NOT NULL AS is_synced,
            COALESCE(
                LAG(t.topic) OVER by_time <> t.topic OR LAG(t.partition) OVER by_time <> t.partition, TRUE
            ) AS is_other
        FROM (
            SELECT tid, start_time, end_time, topic, partition, TRUE AS is_append
            FROM near_writes
            WHERE is_append
            UNION ALL
            -- Nobody who has a log's monitor waits for another log's.
            SELECT tid, start_time, end_time, topic, partition, FALSE AS is_append
            FROM near_waits
            WHERE is_log_monitor
                AND is_before
                AND topic IS NOT NULL
        ) AS t
        LEFT JOIN (
            SELECT DISTINCT tid, topic, partition, previous_append_time
            FROM near_writes
            WHERE is_sync
                AND topic IS NOT NULL
        ) AS y
            ON y.tid = t.tid
            AND y.topic = t.topic
            AND y.partition = t.partition
            AND y.previous_append_time = t.start_time
            AND t.is_append
        WINDOW by_time AS (
            PARTITION BY t.tid ORDER BY t.start_time, t.end_time, t.topic, t.partition
        )
    )
),
taken AS (
    SELECT
        source_id,
        lock_address,
        lock_class,
        tid,
        CASE WHEN is_log_monitor THEN topic END AS topic,
        CASE WHEN is_log_monitor THEN partition END AS partition,
        end_time AS start_time,
        LEAD(end_time) OVER (
            PARTITION BY source_id, lock_address ORDER BY end_time, lock_wait_id
        ) AS end_time
    FROM near_waits
    WHERE lock_address IS NOT NULL
),
acquisitions AS (
    -- While somebody waits for a lock, whoever took it last holds it until the next one takes it; or, where it is
    -- a log's, until its append to that has returned, or it turns to another log.
    SELECT
        a.source_id, a.lock_address, a.lock_class, a.tid, a.start_time,
        LEAST(
            a.end_time,
            CASE
                WHEN a.topic IS NULL THEN NULL
                WHEN w.topic = a.topic AND w.partition = a.partition
                    THEN LEAST(w.other_log_time, w.appended_until)
                ELSE w.start_time
            END
        ) AS end_time
    FROM taken AS a
    ASOF JOIN log_turns AS w
        MATCH_CONDITION (a.start_time <= w.start_time)
        ON w.tid = a.tid
),
nested AS (
    SELECT
        a.source_id,
        a.lock_address,
        a.tid,
        GREATEST(a.start_time, o.start_time) AS start_time,
        LEAST(a.end_time, o.end_time) AS end_time,
        o.lock_wait_id AS holder_wait_id
    FROM acquisitions AS a
    INNER JOIN near_waits AS o
        ON o.tid = a.tid
        AND o.start_time < a.end_time
        AND a.start_time < o.end_time
    WHERE o.lock_class <> a.lock_class
        OR (
            o.lock_address <> a.lock_address
            AND o.source_id = a.source_id
            AND o.origin = 'usdt'
        )
),
acquirer_waits AS (
    SELECT
        l.lock_wait_id,
        GREATEST(l.start_time, a.start_time) AS start_time,
        LEAST(l.end_time, a.end_time) AS end_time,
        a.tid AS holder_tid,
        a.holder_wait_id
    FROM near_waits AS l
    INNER JOIN nested AS a
        ON a.source_id = l.source_id
        AND a.lock_address = l.lock_address
        AND a.start_time < l.end_time
        AND l.start_time < a.end_time
    WHERE a.tid <> l.tid
),
held_runs AS (
    -- As its append returned, the thread lost its CPU: it has the monitor still.
    SELECT w.topic, w.partition, r.tid, r.start_time, r.end_time
    FROM near_writes AS w
    INNER JOIN ready_times AS r
        ON r.tid = w.tid
        AND r.start_time >= w.end_time
        AND r.start_time <= add_ns(w.end_time, 10000)
    WHERE w.is_append
),
run_holders AS (
    SELECT
        l.lock_wait_id,
        GREATEST(l.start_time, r.start_time) AS start_time,
        LEAST(l.end_time, r.end_time) AS end_time,
        r.tid AS holder_tid,
        'append_returned' AS rule
    FROM near_waits AS l
    INNER JOIN held_runs AS r
        ON r.topic = l.topic
        AND r.partition = l.partition
        AND r.start_time < l.end_time
        AND l.start_time < r.end_time
    WHERE r.tid <> l.tid
        AND l.is_log_monitor
    UNION ALL
    SELECT
        l.lock_wait_id,
        GREATEST(l.start_time, a.start_time, r.start_time),
        LEAST(l.end_time, a.end_time, r.end_time),
        a.tid,
        'acquired_before'
    FROM near_waits AS l
    INNER JOIN acquisitions AS a
        ON a.source_id = l.source_id
        AND a.lock_address = l.lock_address
        AND a.start_time < l.end_time
        AND l.start_time < a.end_time
    INNER JOIN ready_times AS r
        ON r.tid = a.tid
        AND r.start_time < l.end_time
        AND l.start_time < r.end_time
    WHERE a.tid <> l.tid
        AND r.start_time < a.end_time
        AND a.start_time < r.end_time
),
holders AS (
    SELECT
        lock_wait_id, start_time, end_time, holder_tid, holder_write_id,
        CAST(NULL AS BIGINT) AS holder_wait_id, FALSE AS is_ready,
        CASE WHEN holder_tid = owner_tid THEN 'recorded_owner' ELSE 'same_log' END AS rule,
        CASE
            WHEN holder_tid = owner_tid THEN 0.98
            WHEN owner_tid IS NOT NULL AND place_from_end = 1 THEN 0.6
            ELSE 0.9
        END AS confidence
    FROM appends
    UNION ALL
    SELECT
        lock_wait_id, part_start, part_end, holder_tid, holder_write_id,
        CAST(NULL AS BIGINT) AS holder_wait_id, FALSE AS is_ready, rule, confidence
    FROM sync_parts
    UNION ALL
    SELECT
        lock_wait_id, start_time, end_time, holder_tid, holder_write_id,
        CAST(NULL AS BIGINT) AS holder_wait_id, FALSE AS is_ready, 'recorded_owner' AS rule, 0.9 AS confidence
    FROM owned
    UNION ALL
    SELECT
        lock_wait_id, start_time, end_time, holder_tid,
        CAST(NULL AS BIGINT) AS holder_write_id, holder_wait_id, FALSE AS is_ready,
        'owner_waited' AS rule, 0.9 AS confidence
    FROM owner_waits
    UNION ALL
    SELECT
        lock_wait_id, start_time, end_time, holder_tid,
        CAST(NULL AS BIGINT) AS holder_write_id, holder_wait_id, FALSE AS is_ready,
        'acquired_before' AS rule, 0.8 AS confidence
    FROM acquirer_waits
    UNION ALL
    SELECT
        lock_wait_id, start_time, end_time, CAST(NULL AS INT) AS holder_tid,
        CAST(NULL AS BIGINT) AS holder_write_id, CAST(NULL AS BIGINT) AS holder_wait_id,
        FALSE AS is_ready, 'same_log_run' AS rule, 0.8 AS confidence
    FROM run_waits
    UNION ALL
    SELECT
        lock_wait_id, start_time, end_time, holder_tid,
        CAST(NULL AS BIGINT) AS holder_write_id, CAST(NULL AS BIGINT) AS holder_wait_id,
        TRUE AS is_ready, rule, 0.8 AS confidence
    FROM run_holders
)
SELECT
    lock_wait_id,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) AS held_ns,
    holder_tid,
    holder_write_id,
    holder_wait_id,
    is_ready,
    rule,
    confidence
FROM holders
WHERE start_time < end_time
ORDER BY start_time, lock_wait_id, holder_write_id, holder_wait_id, is_ready, rule
