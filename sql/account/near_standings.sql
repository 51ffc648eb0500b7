-- The stretches near the accounted requests in which threads stood still, in two parts: first
-- blocked, then runnable and waiting for a CPU.
--
-- Where it was not seen when the thread was woken, all of it is blocked.
-- @materialized
-- @column standing_id    BIGINT      -- the stretch: standings.standing_id
-- @column tid            INT         -- the thread
-- @column pid            INT         -- its process
-- @column comm           VARCHAR     -- its name in the kernel
-- @column is_ready       BOOLEAN     -- the second part
-- @column start_time     TIMESTAMP   -- start of the part
-- @column end_time       TIMESTAMP   -- its end
-- @column stretch_end    TIMESTAMP   -- end of the stretch: it was on a CPU again
-- @column wait_class     VARCHAR     -- what it was blocked for; null of the second part
-- @column syscall        VARCHAR     -- the system call that it was in; null outside of one
-- @column root           VARCHAR     -- what it was in (see blame): by the system call where that
--                                       is on a file, else by its class; null where it had no work,
--                                       or the class does not tell
-- @column reason         VARCHAR     -- the mechanism (see reasons)
-- @column is_lock        BOOLEAN     -- whether whoever woke it had what it waited for
-- @column topic          VARCHAR     -- topic of the call's file
-- @column partition      INT         -- its partition
-- @column futex_address  BIGINT      -- the futex that it waited at
-- @column is_timed       BOOLEAN     -- whether that wait had a timeout; null when not recorded
-- @column waker_tid      INT         -- the thread that woke it, where its stack shows that no
--                                       interrupt did; null where it did so by a signal alone
-- @column is_woken_by_timer BOOLEAN  -- whether an interrupt did, by its stack: a timer, of a futex
-- @column ran_instead_tid INT        -- of the second part: the thread that its CPU ran last
WITH
near AS (
    SELECT
        s.standing_id, s.tid, s.pid, s.start_time, s.woken_time, s.end_time, s.partition,
        s.futex_address, s.is_timed, s.is_waker_interrupt, s.ran_instead_tid, s.is_quota_spent,
        s.inode,
        CASE WHEN g.stack_id IS NULL THEN s.waker_tid END AS waker_tid,
        CAST(s.comm AS VARCHAR) AS comm,
        CAST(s.wait_class AS VARCHAR) AS wait_class,
        CAST(s.syscall AS VARCHAR) AS syscall,
        CAST(s.topic AS VARCHAR) AS topic
    FROM standings AS s
    LEFT JOIN signal_stacks AS g ON g.stack_id = s.waker_stack_id
    WHERE s.tid IS NOT NULL
        AND EXISTS (
            SELECT 1
            FROM near_times AS n
            WHERE s.start_time < n.end_time
                AND n.start_time < s.end_time
        )
),
parts AS (
    SELECT
        n.standing_id, n.tid, n.pid, n.comm, FALSE AS is_ready,
        n.start_time, COALESCE(n.woken_time, n.end_time) AS end_time, n.end_time AS stretch_end,
        n.wait_class, n.syscall,
        CASE
            WHEN n.wait_class IN ('unknown', 'futex') THEN c.root
            WHEN n.inode IS NOT NULL OR n.syscall IN ('fsync', 'fdatasync', 'msync')
                THEN 'slow_' || file_operation(n.syscall)
            -- Whoever touches a page outside of a system call reads it.
            WHEN n.syscall IS NULL AND c.reason = 'page_lock' THEN 'slow_read'
            ELSE c.root
        END AS root,
        CASE
            WHEN n.syscall IS NULL AND n.wait_class IN ('block_read', 'folio_lock') THEN 'page_fault'
            ELSE c.reason
        END AS reason,
        COALESCE(c.is_lock, FALSE) AS is_lock,
        n.topic, n.partition, n.futex_address, n.is_timed,
        CASE WHEN NOT n.is_waker_interrupt THEN n.waker_tid END AS waker_tid,
        COALESCE(n.is_waker_interrupt, FALSE) AS is_woken_by_timer,
        CAST(NULL AS INT) AS ran_instead_tid
    FROM near AS n
    LEFT JOIN wait_classes AS c ON c.wait_class = n.wait_class
    UNION ALL
    SELECT
        standing_id, tid, pid, comm, TRUE AS is_ready, woken_time AS start_time, end_time,
        end_time AS stretch_end, NULL AS wait_class, syscall,
        CASE WHEN is_quota_spent THEN 'cpu_throttle' ELSE 'cpu' END AS root,
        CASE WHEN is_quota_spent THEN 'cpu_throttle' ELSE 'run_queue' END AS reason,
        FALSE AS is_lock, topic, partition, NULL, NULL, NULL, FALSE,
        CAST(NULLIF(ran_instead_tid, 0) AS INT) AS ran_instead_tid
    FROM near
    WHERE woken_time IS NOT NULL
)
SELECT
    standing_id, tid, pid, comm, is_ready, start_time, end_time, stretch_end, wait_class, syscall, root, reason,
    is_lock, topic, partition, futex_address, is_timed, waker_tid, is_woken_by_timer,
    ran_instead_tid
FROM parts
WHERE start_time < end_time
ORDER BY start_time, standing_id, is_ready
