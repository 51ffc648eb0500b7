-- The lock waits near the accounted requests, each once, with the log that its thread
-- wrote to next.
--
-- A wait that two recordings saw is listed once, with both rows. A thread that waits for
-- a log's monitor appends to that log when it gets it: the log is that of the thread's
-- next write. Other locks are told apart by their class: Kafka's logs are guarded by a
-- plain java.lang.Object (older ones by the log itself).
-- @materialized
-- @param  slo_ms         DOUBLE = 65 -- requests at least this slow are accounted for
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
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
-- @column next_write_id  BIGINT      -- the thread's next write
-- @column topic          VARCHAR     -- topic of that write
-- @column partition      INT         -- partition of that write
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
    -- Waits and writes of one thread do not overlap, so their middles tell their order, even where the
    -- clocks of two recordings are a little apart.
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
),
followed AS (
    SELECT
        lock_wait_id,
        tid,
        MIN(write_time) OVER (
            PARTITION BY tid
            ORDER BY time DESC, lock_wait_id NULLS FIRST
            ROWS UNBOUNDED PRECEDING
        ) AS write_time
    FROM events
),
next_writes AS (
    SELECT f.lock_wait_id, MIN(w.write_id) AS write_id
    FROM followed AS f
    INNER JOIN near_writes AS w
        ON w.tid = f.tid
        AND add_ns(w.start_time, elapsed_ns(w.start_time, w.end_time) / 2) = f.write_time
    WHERE f.lock_wait_id IS NOT NULL
    GROUP BY f.lock_wait_id
)
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
    n.write_id AS next_write_id,
    n.topic,
    n.partition,
    COALESCE(
        w.lock_class = 'java.lang.Object'
        OR w.lock_class LIKE 'kafka.log.%'
        OR w.lock_class LIKE 'org.apache.kafka.storage.%',
        TRUE
    ) AS is_log_monitor
FROM waits AS w
LEFT JOIN first_twins AS t ON t.lock_wait_id = w.lock_wait_id
LEFT JOIN next_writes AS x ON x.lock_wait_id = w.lock_wait_id
LEFT JOIN near_writes AS n ON n.write_id = x.write_id
WHERE w.lock_wait_id NOT IN (SELECT twin_id FROM twins)
ORDER BY w.start_time, w.lock_wait_id
