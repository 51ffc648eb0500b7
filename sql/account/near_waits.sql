-- The lock waits near the accounted requests, each once, with the log that it was for.
--
-- A thread that waits for a log's monitor appends to that log when it gets it, and takes
-- it again after the append (to flush, to roll, for the high watermark). So the waits for
-- one address tell whose it is, by the operations right after and before them: the log that
-- has most of these, two or more, or three times the ones right after of any other; else,
-- in one stretch of contention, the log that has most of the ones right after. Then it is that log's
-- for all of them, as of a handler that processes a follower's fetch, and writes nothing.
-- An address with many waits, few of them beside any one log's operations, is no log's.
--
-- Where the address tells nothing, the log is that of the thread's next file operation; or
-- of the one before, when the wait follows that at once, other threads' operations on that
-- log cover more of the wait, and the last of them ends as the wait does. Other locks are
-- told apart by their class: Kafka's logs are guarded by a plain java.lang.Object (older
-- ones by the log itself).
-- @materialized
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
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
-- @column previous_gap_ns BIGINT     -- time from that one, less waits for a CPU
-- @column topic          VARCHAR     -- topic of the log, as above
-- @column partition      INT         -- its partition
-- @column is_before      BOOLEAN     -- whether it can be for the next operation: not when
--                                       the lock is another log's
-- @column is_after       BOOLEAN     -- whether it is the log of the operation before
-- @column is_log_monitor BOOLEAN     -- whether the lock can be the log's monitor
WITH
reached AS (
    SELECT
        *,
        MAX(end_time) OVER (
            PARTITION BY source_id, lock_address, lock_class
            ORDER BY start_time, end_time, lock_wait_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time
    FROM wait_neighbours
    WHERE lock_address IS NOT NULL
),
contended AS (
    -- While one wait follows another without a break, the lock is the same.
    SELECT
        lock_wait_id, source_id, lock_address, lock_class, next_topic, next_partition, next_gap_ns,
        previous_topic, previous_partition, previous_gap_ns,
        SUM(CASE WHEN start_time <= reached_time THEN 0 ELSE 1 END) OVER (
            PARTITION BY source_id, lock_address, lock_class
            ORDER BY start_time, end_time, lock_wait_id
            ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM reached
),
beside_logs AS (
    SELECT lock_wait_id, source_id, lock_address, lock_class, stretch, topic, partition, is_next
    FROM (
        SELECT
            lock_wait_id, source_id, lock_address, lock_class, stretch,
            unnest([next_topic, previous_topic]) AS topic,
            unnest([next_partition, previous_partition]) AS partition,
            unnest([TRUE, FALSE]) AS is_next,
            unnest([
                next_gap_ns <= $handoff_ms * 1e6,
                previous_gap_ns <= $handoff_ms * 1e6
                    AND NOT COALESCE(
                        next_gap_ns <= $handoff_ms * 1e6
                            AND next_topic = previous_topic
                            AND next_partition = previous_partition,
                        FALSE
                    )
            ]) AS is_beside
        FROM contended
    )
    WHERE is_beside
),
stretch_logs AS (
    SELECT
        source_id, lock_address, lock_class, stretch, topic, partition,
        COUNT(*) AS log_count,
        SUM(COUNT(*)) OVER (PARTITION BY source_id, lock_address, lock_class, stretch) AS all_count
    FROM beside_logs
    WHERE is_next
    GROUP BY source_id, lock_address, lock_class, stretch, topic, partition
),
address_logs AS (
    SELECT
        *,
        SUM(log_count) OVER (PARTITION BY source_id, lock_address, lock_class) AS all_count,
        LEAD(append_count) OVER address_order AS next_append_count,
        ROW_NUMBER() OVER address_order AS place
    FROM (
        SELECT
            source_id, lock_address, lock_class, topic, partition,
            COUNT(*) AS log_count,
            SUM(CASE WHEN is_next THEN 1 ELSE 0 END) AS append_count
        FROM beside_logs
        GROUP BY source_id, lock_address, lock_class, topic, partition
    )
    WINDOW address_order AS (
        PARTITION BY source_id, lock_address, lock_class
        ORDER BY append_count DESC, log_count DESC, topic, partition
    )
),
named AS (
    SELECT
        *,
        (log_count >= 2 AND 2 * log_count > all_count)
            OR (append_count >= 3 AND append_count >= 3 * COALESCE(next_append_count, 0))
            AS is_known
    FROM address_logs
    WHERE place = 1
),
addressed AS (
    SELECT
        c.lock_wait_id,
        CASE WHEN l.is_known THEN l.topic ELSE s.topic END AS topic,
        CASE WHEN l.is_known THEN l.partition ELSE s.partition END AS partition,
        c.wait_count >= 4 AND 4 * COALESCE(l.log_count, 0) < c.wait_count AS is_other
    FROM (
        SELECT
            *,
            COUNT(*) OVER (PARTITION BY source_id, lock_address, lock_class) AS wait_count
        FROM contended
    ) AS c
    LEFT JOIN stretch_logs AS s
        ON s.source_id = c.source_id
        AND s.lock_address = c.lock_address
        AND s.lock_class = c.lock_class
        AND s.stretch = c.stretch
        AND 2 * s.log_count > s.all_count
    LEFT JOIN named AS l
        ON l.source_id = c.source_id
        AND l.lock_address = c.lock_address
        AND l.lock_class = c.lock_class
),
placed AS (
    SELECT
        p.*,
        CASE WHEN NOT a.is_other THEN a.topic END AS address_topic,
        CASE WHEN NOT a.is_other THEN a.partition END AS address_partition,
        COALESCE(a.is_other, FALSE) AS is_other
    FROM wait_neighbours AS p
    LEFT JOIN addressed AS a ON a.lock_wait_id = p.lock_wait_id
),
between_logs AS (
    -- Waits whose two logs differ.
    SELECT
        lock_wait_id, tid, start_time, end_time, previous_topic, previous_partition,
        next_topic, next_partition,
        add_ns(end_time, CAST(-$handoff_ms * 1e6 AS BIGINT)) AS before_end,
        add_ns(end_time, CAST($handoff_ms * 1e6 AS BIGINT) + 1) AS behind_end
    FROM wait_neighbours
    WHERE previous_topic IS NOT NULL
        AND previous_gap_ns <= $handoff_ms * 1e6
        AND (previous_topic <> next_topic OR previous_partition <> next_partition)
),
handed_over AS (
    -- Those at whose end another thread finished on the first: few, however many wait at once.
    SELECT DISTINCT
        p.lock_wait_id, p.tid, p.start_time, p.end_time, p.previous_topic, p.previous_partition,
        p.next_topic, p.next_partition
    FROM between_logs AS p
    INNER JOIN (
        SELECT topic, partition, tid, start_time, end_time, add_ns(end_time, 1) AS behind_end
        FROM near_writes
        WHERE is_append
            OR is_sync
    ) AS w
        ON w.topic = p.previous_topic
        AND w.partition = p.previous_partition
        AND w.end_time < p.behind_end
        AND p.before_end < w.behind_end
    WHERE w.tid <> p.tid
        AND w.start_time < p.end_time
        AND p.start_time < w.end_time
),
handovers AS (
    -- How much of the wait was another thread busy on each log?
    SELECT
        p.lock_wait_id,
        SUM(CASE
            WHEN p.is_next THEN overlap_ns(w.start_time, w.end_time, p.start_time, p.end_time)
            ELSE 0
        END) AS next_ns,
        SUM(CASE
            WHEN NOT p.is_next THEN overlap_ns(w.start_time, w.end_time, p.start_time, p.end_time)
            ELSE 0
        END) AS previous_ns
    FROM (
        SELECT
            lock_wait_id, tid, start_time, end_time,
            unnest([TRUE, FALSE]) AS is_next,
            unnest([next_topic, previous_topic]) AS topic,
            unnest([next_partition, previous_partition]) AS partition
        FROM handed_over
    ) AS p
    INNER JOIN near_writes AS w
        ON w.topic = p.topic
        AND w.partition = p.partition
        AND w.start_time < p.end_time
        AND p.start_time < w.end_time
    WHERE w.tid <> p.tid
        AND (w.is_append OR w.is_sync)
    GROUP BY p.lock_wait_id
),
chosen AS (
    SELECT
        p.*,
        CASE
            WHEN p.address_topic = p.next_topic AND p.address_partition = p.next_partition
                THEN COALESCE(
                    p.previous_topic = p.next_topic
                        AND p.previous_partition = p.next_partition
                        AND p.previous_gap_ns <= $handoff_ms * 1e6
                        AND p.next_gap_ns > $handoff_ms * 1e6,
                    FALSE
                )
            WHEN p.address_topic = p.previous_topic AND p.address_partition = p.previous_partition
                THEN p.previous_gap_ns <= $handoff_ms * 1e6
            WHEN p.address_topic IS NOT NULL THEN FALSE
            WHEN p.next_topic IS NULL THEN p.previous_gap_ns <= $handoff_ms * 1e6
            ELSE COALESCE(h.previous_ns > h.next_ns, FALSE)
        END AS is_previous
    FROM placed AS p
    LEFT JOIN handovers AS h ON h.lock_wait_id = p.lock_wait_id
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
    previous_gap_ns,
    CASE
        WHEN address_topic IS NOT NULL THEN address_topic
        WHEN is_previous THEN previous_topic
        ELSE next_topic
    END AS topic,
    CASE
        WHEN address_topic IS NOT NULL THEN address_partition
        WHEN is_previous THEN previous_partition
        ELSE next_partition
    END AS partition,
    COALESCE(NOT is_previous AND (
        address_topic IS NULL
        OR (address_topic = next_topic AND address_partition = next_partition)
    ), FALSE) AS is_before,
    COALESCE(is_previous, FALSE) AS is_after,
    NOT is_other AND COALESCE(
        lock_class = 'java.lang.Object'
        OR lock_class LIKE 'kafka.log.%'
        OR lock_class LIKE 'org.apache.kafka.storage.%',
        TRUE
    ) AS is_log_monitor
FROM chosen
ORDER BY start_time, lock_wait_id
