-- Who held the lock during each lock wait near the accounted requests, one holder after another.
--
-- In a convoy several threads hold a lock one after another; each has a row with its part of the wait.
-- `rule` says how the holder is known, strongest first:
--   recorded_owner   the recording names the thread, and it was in this file operation
--   same_log         the thread appended to the same log, and an append runs under the log's monitor
--   owner_waited     the recording names the thread, and it was itself in this lock wait
--   acquired_before  the thread took the same lock before, nobody else did since, and it was itself in
--                    this lock wait, for another lock
-- @materialized
-- @param  slo_ms         DOUBLE = 65 -- requests at least this slow are accounted for
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column lock_wait_id   BIGINT      -- the wait
-- @column start_time     TIMESTAMP   -- start of this holder's part of it
-- @column end_time       TIMESTAMP   -- its end
-- @column held_ns        BIGINT      -- its length
-- @column holder_tid     INT         -- the holder
-- @column holder_write_id BIGINT     -- the file operation that the holder was in
-- @column holder_wait_id BIGINT      -- or the lock wait that it was in itself
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
acquisitions AS (
    -- While somebody waits for a lock, whoever took it last holds it until the next one takes it.
    SELECT
        source_id,
        lock_address,
        tid,
        end_time AS start_time,
        LEAD(end_time) OVER (
            PARTITION BY source_id, lock_address ORDER BY end_time, lock_wait_id
        ) AS end_time
    FROM near_waits
    WHERE lock_address IS NOT NULL
),
acquirer_waits AS (
    SELECT
        l.lock_wait_id,
        GREATEST(l.start_time, a.start_time, o.start_time) AS start_time,
        LEAST(l.end_time, a.end_time, o.end_time) AS end_time,
        o.tid AS holder_tid,
        o.lock_wait_id AS holder_wait_id
    FROM near_waits AS l
    INNER JOIN acquisitions AS a
        ON a.source_id = l.source_id
        AND a.lock_address = l.lock_address
        AND a.start_time < l.end_time
        AND l.start_time < a.end_time
    INNER JOIN near_waits AS o
        ON o.tid = a.tid
        AND o.start_time < a.end_time
        AND a.start_time < o.end_time
    WHERE a.tid <> l.tid
        AND (
            o.lock_class <> l.lock_class
            OR (
                o.lock_address <> l.lock_address
                AND o.source_id = l.source_id
                AND l.origin = 'usdt'
            )
        )
),
holders AS (
    SELECT
        lock_wait_id, start_time, end_time, holder_tid, holder_write_id,
        CAST(NULL AS BIGINT) AS holder_wait_id,
        CASE WHEN holder_tid = owner_tid THEN 'recorded_owner' ELSE 'same_log' END AS rule,
        CASE
            WHEN holder_tid = owner_tid THEN 0.98
            WHEN owner_tid IS NOT NULL AND place_from_end = 1 THEN 0.6
            ELSE 0.9
        END AS confidence
    FROM appends
    UNION ALL
    SELECT
        lock_wait_id, start_time, end_time, holder_tid, holder_write_id,
        CAST(NULL AS BIGINT) AS holder_wait_id, 'recorded_owner' AS rule, 0.9 AS confidence
    FROM owned
    UNION ALL
    SELECT
        lock_wait_id, start_time, end_time, holder_tid,
        CAST(NULL AS BIGINT) AS holder_write_id, holder_wait_id,
        'owner_waited' AS rule, 0.9 AS confidence
    FROM owner_waits
    UNION ALL
    SELECT
        lock_wait_id, start_time, end_time, holder_tid,
        CAST(NULL AS BIGINT) AS holder_write_id, holder_wait_id,
        'acquired_before' AS rule, 0.8 AS confidence
    FROM acquirer_waits
    WHERE start_time < end_time
)
SELECT
    lock_wait_id,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) AS held_ns,
    holder_tid,
    holder_write_id,
    holder_wait_id,
    rule,
    confidence
FROM holders
ORDER BY start_time, lock_wait_id, holder_write_id, holder_wait_id, rule
