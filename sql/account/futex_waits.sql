-- The waits near the accounted requests for something that another thread of the process
-- has: its monitors, locks and conditions, as the kernel sees them (futex), and who ended each.
--
-- The thread that woke the waiter let it go. A wait that a timer or a signal ended, and that the
-- thread goes on with at once at the same place, is one with what follows (HotSpot looks after a
-- monitor now and then; a profiler interrupts each thread many times a second). `kind`:
--   idle    a network thread woke it, which hands over a request: it had nothing to do; or a
--           timer did, or could have, at the place where it waits so
--   stop    the VM thread woke it: the JVM was stopped
--   lock    another thread woke it, at another place than where it is idle; or at any, from a
--           wait without a timeout: an idle handler looks for requests now and then
--   unsure  another thread woke it, and it may have been idle: a handler that takes a request
--           lets the next one have the queue
--   timed   a timer or a signal did, or it was not seen who
-- @materialized
-- @column standing_id    BIGINT      -- the stretch: standings.standing_id
-- @column tid            INT         -- the thread that waited
-- @column start_time     TIMESTAMP   -- start of the wait
-- @column end_time       TIMESTAMP   -- it was woken
-- @column kind           VARCHAR     -- as above
-- @column waker_tid      INT         -- who woke it
WITH
waits AS (
    SELECT standing_id, tid, start_time, end_time, stretch_end, futex_address, is_timed,
        waker_tid, is_woken_by_timer
    FROM near_standings
    WHERE wait_class = 'futex'
),
followed AS (
    SELECT
        *,
        CASE
            WHEN waker_tid IS NULL
                AND elapsed_ns(stretch_end, LEAD(start_time) OVER by_time) <= 1000000
                AND ABS(LEAD(futex_address) OVER by_time - futex_address) < 64 THEN 0
            ELSE 1
        END AS is_last
    FROM waits
    WINDOW by_time AS (PARTITION BY tid ORDER BY start_time, standing_id)
),
numbered AS (
    SELECT
        *,
        SUM(is_last) OVER (
            PARTITION BY tid ORDER BY start_time DESC, standing_id DESC ROWS UNBOUNDED PRECEDING
        ) AS run
    FROM followed
),
ended AS (
    SELECT
        standing_id, tid, start_time, end_time, futex_address, is_timed, is_woken_by_timer,
        MAX(CASE WHEN is_last = 1 THEN waker_tid END) OVER (PARTITION BY tid, run) AS waker_tid
    FROM numbered
),
network AS (
    SELECT tid FROM network_threads
    UNION
    SELECT tid FROM connection_threads
    UNION
    -- Who waits for connections, where threads have no names.
    SELECT p.tid
    FROM near_standings AS p
    WHERE p.wait_class = 'poll'
        AND p.tid NOT IN (SELECT tid FROM thread_names)
),
vm_threads AS (
    SELECT tid FROM near_standings WHERE comm = 'VM Thread'
    UNION
    SELECT tid FROM thread_names WHERE thread_name = 'VM Thread'
),
idle_places AS (
    SELECT DISTINCT e.tid, e.futex_address
    FROM ended AS e
    INNER JOIN network AS n ON n.tid = e.waker_tid
    WHERE e.futex_address IS NOT NULL
),
places AS (
    SELECT
        e.standing_id,
        COALESCE(BOOL_OR(ABS(e.futex_address - p.futex_address) < 64), FALSE) AS is_idle_place
    FROM ended AS e
    INNER JOIN idle_places AS p ON p.tid = e.tid
    GROUP BY e.standing_id
)
SELECT
    e.standing_id,
    e.tid,
    e.start_time,
    e.end_time,
    CASE
        WHEN (e.is_woken_by_timer OR e.is_timed) AND p.is_idle_place THEN 'idle'
        WHEN e.waker_tid IS NULL THEN 'timed'
        WHEN n.tid IS NOT NULL THEN 'idle'
        WHEN v.tid IS NOT NULL THEN 'stop'
        WHEN NOT e.is_timed THEN 'lock'
        WHEN p.standing_id IS NULL OR p.is_idle_place THEN 'unsure'
        ELSE 'lock'
    END AS kind,
    e.waker_tid
FROM ended AS e
LEFT JOIN network AS n ON n.tid = e.waker_tid
LEFT JOIN vm_threads AS v ON v.tid = e.waker_tid
LEFT JOIN places AS p ON p.standing_id = e.standing_id
ORDER BY e.start_time, e.standing_id
