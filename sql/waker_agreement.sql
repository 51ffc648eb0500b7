-- Whether who woke a thread is who had the lock: the standing probe beside recorders that
-- name a lock's owner.
--
-- Both saw a wait where a thread stood in a futex while it waited for a lock. The last such
-- stretch tells who ended it, the recorder who had the lock before: the same thread, where both
-- are right, and the waiter had the lock at once. One that waited for a CPU first may have found
-- the lock taken and let go by others; it is not compared. `kcorr verify` prints the share.
-- The row `any` is for all.
-- @by_broker
-- @param  min_shared_ms  DOUBLE = 1  -- shorter waits are left out: of those the probe has no rows
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @column kind             VARCHAR   -- kind of the wait, and what recorded its owner
-- @column wait_count       BIGINT    -- waits with an owner
-- @column compared_count   BIGINT    -- those of which it was seen who ended them, too
-- @column agreed_count     BIGINT    -- those where both name the same thread
-- @column agreed_ratio     DOUBLE    -- their share of the compared
-- @column example_lock_wait_id BIGINT -- a wait where they do not
-- @column example_standing_id BIGINT -- the stretch in it
WITH
waits AS (
    SELECT
        lock_wait_id, tid, start_time, end_time, owner_tid,
        CAST(origin AS VARCHAR) || ' ' || CAST(kind AS VARCHAR) AS kind
    FROM lock_waits
    WHERE owner_tid IS NOT NULL
        AND tid IS NOT NULL
        AND owner_tid <> tid
        AND duration_ns >= $min_shared_ms * 1e6
),
parts AS (
    SELECT standing_id, tid, start_time, woken_time AS end_time, waker_tid
    FROM standings AS s
    LEFT ANTI JOIN signal_stacks AS g ON g.stack_id = s.waker_stack_id
    WHERE wait_class = 'futex'
        AND tid IS NOT NULL
        AND NOT is_waker_interrupt
        AND start_time < woken_time
),
pairs AS (
    SELECT
        w.lock_wait_id, w.kind, w.owner_tid, p.waker_tid, p.standing_id,
        ROW_NUMBER() OVER (
            PARTITION BY w.lock_wait_id ORDER BY p.end_time DESC, p.standing_id
        ) AS place
    FROM waits AS w
    INNER JOIN parts AS p
        ON p.tid = w.tid
        AND p.start_time < w.end_time
        AND w.start_time < p.end_time
    WHERE 2 * overlap_ns(w.start_time, w.end_time, p.start_time, p.end_time)
        > elapsed_ns(p.start_time, p.end_time)
        AND elapsed_ns(p.end_time, w.end_time) <= $handoff_ms * 1e6
),
compared AS (
    SELECT w.kind, w.lock_wait_id, p.standing_id, w.owner_tid, p.waker_tid
    FROM waits AS w
    LEFT JOIN pairs AS p
        ON p.lock_wait_id = w.lock_wait_id
        AND p.place = 1
),
counted AS (
    SELECT 'any' AS kind, lock_wait_id, standing_id, owner_tid, waker_tid
    FROM compared
    UNION ALL
    SELECT kind, lock_wait_id, standing_id, owner_tid, waker_tid
    FROM compared
)
SELECT
    kind,
    COUNT(*) AS wait_count,
    COUNT(waker_tid) AS compared_count,
    COUNT(*) FILTER (WHERE waker_tid = owner_tid) AS agreed_count,
    CAST(COUNT(*) FILTER (WHERE waker_tid = owner_tid) AS DOUBLE)
        / NULLIF(COUNT(waker_tid), 0) AS agreed_ratio,
    MIN(lock_wait_id) FILTER (WHERE waker_tid <> owner_tid) AS example_lock_wait_id,
    MIN(standing_id) FILTER (WHERE waker_tid <> owner_tid) AS example_standing_id
FROM counted
GROUP BY kind
ORDER BY CASE kind WHEN 'any' THEN 1 ELSE 2 END, kind
