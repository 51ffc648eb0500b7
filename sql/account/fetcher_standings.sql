-- What a broker's fetcher threads stood still for while requests at the brokers that it
-- follows waited for it, in two parts as in near_standings: first blocked, then runnable and
-- waiting for a CPU.
--
-- The requests are at other brokers, so near_standings need not have them.
-- @materialized
-- @column standing_id    BIGINT      -- the stretch: standings.standing_id
-- @column tid            INT         -- the fetcher
-- @column is_ready       BOOLEAN     -- the second part
-- @column start_time     TIMESTAMP   -- start of the part
-- @column end_time       TIMESTAMP   -- its end
-- @column state          VARCHAR     -- state in which it left the CPU; null of the second part
-- @column wait_class     VARCHAR     -- what it was blocked for; null of the second part
-- @column root           VARCHAR     -- what it was in (see near_standings)
-- @column reason         VARCHAR     -- the mechanism (see reasons)
-- @column stretch_end    TIMESTAMP   -- end of the stretch: it was on a CPU again
-- @column waker_tid      INT         -- of the first part: the thread that woke it, where no interrupt
--                                       did, and not by a signal alone
WITH
stood AS (
    SELECT
        s.standing_id, s.tid, s.start_time, s.woken_time, s.end_time, s.is_quota_spent, s.inode,
        CASE WHEN NOT s.is_waker_interrupt AND g.stack_id IS NULL THEN s.waker_tid END AS waker_tid,
        CAST(s.state AS VARCHAR) AS state,
        CAST(s.wait_class AS VARCHAR) AS wait_class,
        CAST(s.syscall AS VARCHAR) AS syscall
    FROM fetchers AS f
    INNER JOIN standings AS s ON s.tid = f.tid
    LEFT JOIN signal_stacks AS g ON g.stack_id = s.waker_stack_id
    WHERE EXISTS (
        SELECT 1
        FROM fetcher_times AS t
        WHERE s.start_time < t.end_time
            AND t.start_time < s.end_time
    )
),
parts AS (
    SELECT
        n.standing_id, n.tid, FALSE AS is_ready,
        n.start_time, COALESCE(n.woken_time, n.end_time) AS end_time,
        n.state, n.wait_class,
        CASE
            WHEN n.state = 'stopped' THEN 'pause'
            WHEN n.wait_class IN ('unknown', 'futex') THEN c.root
            WHEN n.inode IS NOT NULL OR n.syscall IN ('fsync', 'fdatasync', 'msync')
                THEN 'slow_' || file_operation(n.syscall)
            WHEN n.syscall IS NULL AND c.reason = 'page_lock' THEN 'slow_read'
            ELSE c.root
        END AS root,
        CASE
            WHEN n.state = 'stopped' THEN 'process_stopped'
            WHEN n.syscall IS NULL AND n.wait_class IN ('block_read', 'folio_lock') THEN 'page_fault'
            ELSE c.reason
        END AS reason,
        n.end_time AS stretch_end, n.waker_tid
    FROM stood AS n
    LEFT JOIN wait_classes AS c ON c.wait_class = n.wait_class
    UNION ALL
    SELECT
        standing_id, tid, TRUE, woken_time, end_time, NULL, NULL,
        CASE WHEN is_quota_spent THEN 'cpu_throttle' ELSE 'cpu' END,
        CASE WHEN is_quota_spent THEN 'cpu_throttle' ELSE 'run_queue' END,
        end_time AS stretch_end, CAST(NULL AS INT) AS waker_tid
    FROM stood
    WHERE woken_time IS NOT NULL
)
SELECT standing_id, tid, is_ready, start_time, end_time, state, wait_class, root, reason, stretch_end, waker_tid
FROM parts
WHERE start_time < end_time
ORDER BY start_time, standing_id, is_ready
