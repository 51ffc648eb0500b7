-- File operations and page faults of the JVM's own threads near its stops, what else they
-- stood still for, and when they had no CPU time left of their quota: of the VM thread, which
-- runs what the threads were stopped for, and of a collection's threads.
--
-- A thread is known by its name in the kernel, or else in thread dumps and JFR recordings,
-- and belongs to the process that appended for the accounted requests. While the VM thread
-- is in such an operation the stop cannot end. Those of a collection's threads count where
-- they take more than half of it (one operation, or all of a thread's times without quota):
-- the others may do a thread's work meanwhile. A thread waits for the quota, too, that waits
-- for a lock whose holder does. Waits for a CPU that others had are no operations of a stop:
-- those others are the collection's own threads, mostly.
-- @materialized
-- @column write_id       BIGINT      -- the file operation; null when it was none
-- @column function_call_id BIGINT    -- or the page fault
-- @column standing_id    BIGINT      -- or the stretch in which the thread stood still for the
--                                       disk or for memory, or in which it, or who had the lock
--                                       that it waited for, had no CPU
-- @column wait_class     VARCHAR     -- what for (see wait_classes)
-- @column is_throttled   BOOLEAN     -- whether it had no CPU because of the quota
-- @column tid            INT         -- the thread
-- @column thread_name    VARCHAR     -- its name
-- @column start_time     TIMESTAMP   -- start of the operation
-- @column end_time       TIMESTAMP   -- its end
WITH
stops AS (
    SELECT p.kind, p.start_time, p.end_time, p.duration_ns
    FROM pauses AS p
    WHERE p.kind IN ('gc', 'safepoint')
        AND EXISTS (
            SELECT 1
            FROM near_times AS n
            WHERE p.start_time < n.end_time
                AND n.start_time < p.end_time
        )
),
without_cpu AS (
    -- By the group's counter: its rise from one sample to another is that of all waits between.
    SELECT
        r.*,
        a.throttled_ns - b.throttled_ns AS risen_ns,
        SUM(elapsed_ns(r.start_time, r.end_time)) OVER (PARTITION BY r.tid, b.time, a.time)
            AS waited_ns
    FROM ready_times AS r
    ASOF JOIN throttle_counters AS b MATCH_CONDITION (r.start_time >= b.time)
    ASOF JOIN throttle_counters AS a MATCH_CONDITION (r.end_time <= a.time)
),
operations AS (
    SELECT
        w.write_id, CAST(NULL AS BIGINT) AS function_call_id, CAST(NULL AS BIGINT) AS standing_id,
        CAST(NULL AS VARCHAR) AS wait_class, FALSE AS is_throttled, w.pid, w.tid,
        CAST(w.comm AS VARCHAR) AS comm, w.start_time, w.end_time
    FROM writes AS w
    -- Here too, since each branch is run by itself: there may be millions elsewhere.
    WHERE EXISTS (
            SELECT 1
            FROM stops AS s
            WHERE w.start_time < s.end_time
                AND s.start_time < w.end_time
        )
    UNION ALL BY NAME
    SELECT function_call_id, FALSE AS is_throttled, pid, tid, comm, start_time, end_time
    FROM page_faults
    UNION ALL BY NAME
    SELECT standing_id, TRUE AS is_throttled, pid, tid, comm, start_time, end_time
    FROM without_cpu
    WHERE is_throttled
        OR 2 * risen_ns >= waited_ns
    UNION ALL BY NAME
    -- Who ended its wait for a lock had none.
    SELECT
        r.root_standing_id AS standing_id, TRUE AS is_throttled, f.pid, f.tid, f.comm, r.start_time,
        r.end_time
    FROM standing_roots AS r
    INNER JOIN near_standings AS f
        ON f.standing_id = r.standing_id
        AND NOT f.is_ready
    WHERE r.root = 'cpu_throttle'
    UNION ALL BY NAME
    SELECT standing_id, wait_class, FALSE AS is_throttled, pid, tid, comm, start_time, end_time
    FROM near_standings
    WHERE root IN ('slow_write', 'slow_sync', 'slow_read', 'memory')
),
named AS (
    SELECT
        o.write_id, o.function_call_id, o.standing_id, o.wait_class,
        o.is_throttled, o.tid, o.start_time, o.end_time,
        COALESCE(o.comm, t.thread_name) AS thread_name,
        s.kind, s.start_time AS stop_time, s.duration_ns,
        overlap_ns(o.start_time, o.end_time, s.start_time, s.end_time) AS stopped_ns
    FROM stops AS s
    INNER JOIN operations AS o
        ON o.start_time < s.end_time
        AND s.start_time < o.end_time
    LEFT JOIN thread_names AS t
        ON t.tid = o.tid
        AND t.name_count = 1
    WHERE o.pid IS NULL
        OR o.pid IN (SELECT pid FROM broker_processes)
),
counted AS (
    SELECT
        *,
        CASE
            WHEN is_throttled THEN SUM(stopped_ns) OVER (PARTITION BY tid, kind, stop_time, is_throttled)
            ELSE stopped_ns
        END AS counted_ns
    FROM named
)
SELECT
    write_id,
    function_call_id,
    standing_id,
    wait_class,
    is_throttled,
    tid,
    MIN(thread_name) AS thread_name,
    start_time,
    end_time
FROM counted
WHERE thread_name = 'VM Thread'
    OR (
        kind = 'gc'
        AND 2 * counted_ns > duration_ns
        AND is_collection_thread(thread_name)
    )
GROUP BY
    write_id, function_call_id, standing_id, wait_class, is_throttled, tid, start_time, end_time
ORDER BY start_time, write_id, function_call_id, standing_id
