-- The lock waits near the accounted requests, each once, with the log that it was for.
--
-- A wait that two recordings saw is listed once, with both rows. A thread that waits for
-- a log's monitor appends to that log when it gets it: the log is that of the thread's
-- next file operation. Kafka takes the monitor again after the append (to flush, to
-- roll, for the high watermark), so a wait can be for the log of the operation before:
-- when the monitor's address is that log's, by most waits for it; or when it follows that
-- operation at once, other threads' operations on that log cover more of the wait, and
-- the last of them ends as the wait does. Other locks are told apart by their class: Kafka's logs
-- are guarded by a plain java.lang.Object (older ones by the log itself).
-- @materialized
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @param  min_wait_ms    DOUBLE = 0.05 -- shorter waits are left out
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
-- @column next_write_id  BIGINT      -- the thread's next file operation on a log
-- @column previous_write_id BIGINT   -- the one before
-- @column topic          VARCHAR     -- topic of the log, as above
-- @column partition      INT         -- its partition
-- @column is_after       BOOLEAN     -- whether it is the log of the operation before
-- @column is_log_monitor BOOLEAN     -- whether the lock can be the log's monitor
WITH
waits AS (
    SELECT DISTINCT
        l.lock_wait_id,
        l.tid,
        l.start_time,
        l.end_time,
        l.duration_ns,
        CAST(l.lock_class AS VARCHAR) AS lock_class,
        l.lock_address,
        l.owner_tid,
        CAST(l.origin AS VARCHAR) AS origin,
        l.source_id
    FROM near_times AS n
    INNER JOIN lock_waits AS l
        ON l.start_time < n.end_time
        AND n.start_time < l.end_time
    WHERE l.kind IN ('monitor', 'park', 'native')
        AND l.tid IS NOT NULL
        AND l.duration_ns >= $min_wait_ms * 1e6
        -- A thread that polls an empty queue parks on a condition: it has nothing to do.
        AND COALESCE(l.lock_class, '') NOT LIKE '%ConditionObject'
),
twins AS (
    -- The kernel's times are exact; the JFR's row adds its owner. Of two recordings of one kind, the
    -- first counts.
    SELECT
        u.lock_wait_id,
        j.lock_wait_id AS twin_id,
        j.owner_tid
    FROM waits AS u
    INNER JOIN waits AS j
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
    FROM waits
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
placed AS (
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
        elapsed_ns(b.end_time, w.start_time) AS previous_gap_ns
    FROM waits AS w
    LEFT JOIN first_twins AS t ON t.lock_wait_id = w.lock_wait_id
    LEFT JOIN beside AS x ON x.lock_wait_id = w.lock_wait_id
    LEFT JOIN near_writes AS n ON n.write_id = x.next_id
    LEFT JOIN near_writes AS b ON b.write_id = x.previous_id
    WHERE w.lock_wait_id NOT IN (SELECT twin_id FROM twins)
),
addressed AS (
    -- A monitor's address keeps its log, at least between collections: that of most waits before appends.
    SELECT source_id, lock_address, topic, partition
    FROM (
        SELECT
            source_id, lock_address, next_topic AS topic, next_partition AS partition,
            COUNT(*) AS wait_count,
            SUM(COUNT(*)) OVER (PARTITION BY source_id, lock_address) AS all_count
        FROM placed
        WHERE lock_address IS NOT NULL
            AND next_topic IS NOT NULL
        GROUP BY source_id, lock_address, next_topic, next_partition
    )
    WHERE wait_count >= 2
        AND 2 * wait_count > all_count
),
handovers AS (
    -- Where the two logs differ: how much of the wait was another thread busy on each, and did it finish on
    -- the first as the wait ended?
    SELECT
        p.lock_wait_id,
        SUM(CASE
            WHEN w.topic = p.next_topic AND w.partition = p.next_partition
                THEN overlap_ns(w.start_time, w.end_time, p.start_time, p.end_time)
            ELSE 0
        END) AS next_ns,
        SUM(CASE
            WHEN w.topic = p.previous_topic AND w.partition = p.previous_partition
                THEN overlap_ns(w.start_time, w.end_time, p.start_time, p.end_time)
            ELSE 0
        END) AS previous_ns,
        MIN(CASE
            WHEN w.topic = p.previous_topic AND w.partition = p.previous_partition
                THEN ABS(elapsed_ns(w.end_time, p.end_time))
        END) AS handover_ns
    FROM placed AS p
    INNER JOIN near_writes AS w
        ON w.start_time < p.end_time
        AND p.start_time < w.end_time
    WHERE p.previous_topic IS NOT NULL
        AND p.previous_gap_ns <= $handoff_ms * 1e6
        AND (p.previous_topic <> p.next_topic OR p.previous_partition <> p.next_partition)
        AND w.tid <> p.tid
        AND (w.is_append OR w.is_sync)
    GROUP BY p.lock_wait_id
),
chosen AS (
    SELECT
        p.*,
        CASE
            WHEN p.next_topic IS NULL THEN p.previous_gap_ns <= $handoff_ms * 1e6
            WHEN a.topic = p.next_topic AND a.partition = p.next_partition THEN FALSE
            WHEN a.topic = p.previous_topic AND a.partition = p.previous_partition THEN TRUE
            ELSE COALESCE(h.previous_ns > h.next_ns AND h.handover_ns <= $handoff_ms * 1e6, FALSE)
        END AS is_previous
    FROM placed AS p
    LEFT JOIN handovers AS h ON h.lock_wait_id = p.lock_wait_id
    LEFT JOIN addressed AS a
        ON a.source_id = p.source_id
        AND a.lock_address = p.lock_address
)
SELECT
    lock_wait_id,
    twin_id,
    tid,
    start_time,
    end_time,
    lock_class,
    lock_address,
    source_id,
    origin,
    owner_tid,
    next_id AS next_write_id,
    previous_id AS previous_write_id,
    CASE WHEN is_previous THEN previous_topic ELSE next_topic END AS topic,
    CASE WHEN is_previous THEN previous_partition ELSE next_partition END AS partition,
    COALESCE(is_previous, FALSE) AS is_after,
    COALESCE(
        lock_class = 'java.lang.Object'
        OR lock_class LIKE 'kafka.log.%'
        OR lock_class LIKE 'org.apache.kafka.storage.%',
        TRUE
    ) AS is_log_monitor
FROM chosen
ORDER BY start_time, lock_wait_id
