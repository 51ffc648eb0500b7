-- The lock waits near the accounted requests, each once, between the file operations on
-- logs that their threads did before and after.
--
-- A wait that two recordings saw is listed once, with both rows: the kernel's times are
-- exact, and the JFR's row adds the lock's owner. How far the operations are from the wait is
-- told in time that the thread could run: while it waits for a CPU it is between the same two.
-- @materialized
-- @column lock_wait_id   BIGINT      -- the wait
-- @column twin_id        BIGINT      -- the same wait in another recording
-- @column tid            INT         -- the waiting thread
-- @column start_time     TIMESTAMP   -- start of the wait
-- @column end_time       TIMESTAMP   -- its end
-- @column lock_class     VARCHAR     -- class of the lock
-- @column lock_address   BIGINT      -- address of the lock
-- @column source_id      BIGINT      -- the recording that the address is of
-- @column origin         VARCHAR     -- what saw it: jfr or usdt
-- @column owner_tid      INT         -- who held it last, where a recorder knows
-- @column next_id        BIGINT      -- the thread's next file operation on a log
-- @column previous_id    BIGINT      -- the one before
-- @column next_topic     VARCHAR     -- topic of the log of the next
-- @column next_partition INT         -- its partition
-- @column previous_topic VARCHAR     -- topic of the log of the one before
-- @column previous_partition INT     -- its partition
-- @column next_gap_ns    BIGINT      -- time from the wait to the next, less its waits for a CPU
-- @column previous_gap_ns BIGINT     -- time from the one before to the wait, less the same
WITH
twins AS (
    -- Of two recordings of one kind, the first counts.
    SELECT
        u.lock_wait_id,
        j.lock_wait_id AS twin_id,
        j.owner_tid
    FROM recorded_waits AS u
    INNER JOIN recorded_waits AS j
        ON j.tid = u.tid
        AND j.start_time < u.end_time
        AND u.start_time < j.end_time
    WHERE (
            (u.origin = 'usdt' AND j.origin <> 'usdt')
            OR (u.origin = j.origin AND u.source_id < j.source_id)
        )
        AND 2 * overlap_ns(u.start_time, u.end_time, j.start_time, j.end_time) > j.duration_ns
),
first_twins AS (
    SELECT
        lock_wait_id,
        MIN(twin_id) AS twin_id,
        MIN(owner_tid) AS owner_tid
    FROM twins
    GROUP BY lock_wait_id
),
events AS (
    -- Waits and operations of one thread do not overlap, so their middles tell their order, even where
    -- the clocks of two recordings are a little apart.
    SELECT
        tid,
        add_ns(start_time, elapsed_ns(start_time, end_time) / 2) AS time,
        lock_wait_id,
        CAST(NULL AS TIMESTAMP) AS write_time
    FROM recorded_waits
    UNION ALL
    SELECT
        tid,
        add_ns(start_time, elapsed_ns(start_time, end_time) / 2) AS time,
        CAST(NULL AS BIGINT) AS lock_wait_id,
        add_ns(start_time, elapsed_ns(start_time, end_time) / 2) AS write_time
    FROM near_writes
    WHERE topic IS NOT NULL
),
neighbours AS (
    SELECT
        lock_wait_id,
        tid,
        MIN(write_time) OVER (
            PARTITION BY tid
            ORDER BY time DESC, lock_wait_id NULLS FIRST
            ROWS UNBOUNDED PRECEDING
        ) AS next_time,
        MAX(write_time) OVER (
            PARTITION BY tid
            ORDER BY time, lock_wait_id NULLS FIRST
            ROWS UNBOUNDED PRECEDING
        ) AS previous_time
    FROM events
),
beside AS (
    -- The operations before and after each wait, of its thread.
    SELECT
        f.lock_wait_id,
        MIN(CASE
            WHEN add_ns(w.start_time, elapsed_ns(w.start_time, w.end_time) / 2) = f.next_time
                THEN w.write_id
        END) AS next_id,
        MIN(CASE
            WHEN add_ns(w.start_time, elapsed_ns(w.start_time, w.end_time) / 2) = f.previous_time
                THEN w.write_id
        END) AS previous_id
    FROM neighbours AS f
    INNER JOIN near_writes AS w
        ON w.tid = f.tid
        AND w.start_time <= COALESCE(f.next_time, f.previous_time)
        AND COALESCE(f.previous_time, f.next_time) <= w.end_time
    WHERE f.lock_wait_id IS NOT NULL
        AND w.topic IS NOT NULL
    GROUP BY f.lock_wait_id
),
found AS (
    SELECT
        w.lock_wait_id,
        t.twin_id,
        w.tid,
        w.start_time,
        w.end_time,
        w.lock_class,
        w.lock_address,
        w.source_id,
        w.origin,
        COALESCE(w.owner_tid, t.owner_tid) AS owner_tid,
        x.next_id,
        x.previous_id,
        n.topic AS next_topic,
        n.partition AS next_partition,
        b.topic AS previous_topic,
        b.partition AS previous_partition,
        n.start_time AS next_start,
        b.end_time AS previous_end
    FROM recorded_waits AS w
    LEFT JOIN first_twins AS t ON t.lock_wait_id = w.lock_wait_id
    LEFT JOIN beside AS x ON x.lock_wait_id = w.lock_wait_id
    LEFT JOIN near_writes AS n ON n.write_id = x.next_id
    LEFT JOIN near_writes AS b ON b.write_id = x.previous_id
    WHERE w.lock_wait_id NOT IN (SELECT twin_id FROM twins)
)
SELECT
    f.lock_wait_id,
    f.twin_id,
    f.tid,
    f.start_time,
    f.end_time,
    f.lock_class,
    f.lock_address,
    f.source_id,
    f.origin,
    f.owner_tid,
    f.next_id,
    f.previous_id,
    f.next_topic,
    f.next_partition,
    f.previous_topic,
    f.previous_partition,
    elapsed_ns(f.end_time, f.next_start) - COALESCE(SUM(
        CASE WHEN r.end_time > f.end_time
            THEN overlap_ns(f.end_time, f.next_start, r.start_time, r.end_time)
        END
    ), 0) AS next_gap_ns,
    elapsed_ns(f.previous_end, f.start_time) - COALESCE(SUM(
        CASE WHEN r.start_time < f.start_time
            THEN overlap_ns(f.previous_end, f.start_time, r.start_time, r.end_time)
        END
    ), 0) AS previous_gap_ns
FROM found AS f
LEFT JOIN ready_times AS r
    ON r.tid = f.tid
    AND r.start_time < COALESCE(f.next_start, f.start_time)
    AND COALESCE(f.previous_end, f.end_time) < r.end_time
GROUP BY
    f.lock_wait_id, f.twin_id, f.tid, f.start_time, f.end_time, f.lock_class, f.lock_address, f.source_id,
    f.origin, f.owner_tid, f.next_id, f.previous_id, f.next_topic, f.next_partition, f.previous_topic,
    f.previous_partition, f.next_start, f.previous_end
ORDER BY f.start_time, f.lock_wait_id
