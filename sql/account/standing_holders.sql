-- What the thread that ended a wait was in while another stood still for it: its file
-- operations, and what it stood still for itself.
--
-- The waker of a thread that waited for a lock, of the process or of the kernel, is who let
-- it go. Before that it had it, or waited for it itself, behind another: `wait_standing_id`
-- says so, and `standing_roots` goes on there. So each holder of a convoy has its part.
-- @materialized
-- @param  min_holder_ms  DOUBLE = 0.1 -- a holder at least this long is listed by itself
-- @column standing_id    BIGINT      -- the wait: standings.standing_id
-- @column start_time     TIMESTAMP   -- start of this part of it
-- @column end_time       TIMESTAMP   -- its end
-- @column holder_tid     INT         -- the thread that ended the wait
-- @column holder_write_id BIGINT     -- the file operation that it was in
-- @column holder_standing_id BIGINT  -- or the stretch in which it stood still
-- @column wait_standing_id BIGINT    -- that, where it was a wait for a lock of the process
-- @column root           VARCHAR     -- what it was in (see blame); null of such a wait
-- @column reason         VARCHAR     -- the mechanism, where its stretch shows it (see reasons)
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH
waits AS (
    SELECT standing_id, start_time, end_time, waker_tid, 0.9 AS confidence
    FROM futex_waits
    WHERE kind IN ('lock', 'unsure')
    UNION ALL
    SELECT standing_id, start_time, end_time, waker_tid, 0.9 AS confidence
    FROM near_standings
    WHERE is_lock
        AND wait_class <> 'futex'
        AND waker_tid IS NOT NULL
        AND waker_tid <> tid
),
holders AS (
    SELECT
        w.standing_id,
        GREATEST(w.start_time, o.start_time) AS start_time,
        LEAST(w.end_time, o.end_time) AS end_time,
        o.tid AS holder_tid,
        o.write_id AS holder_write_id,
        CAST(NULL AS BIGINT) AS holder_standing_id,
        CAST(NULL AS BIGINT) AS wait_standing_id,
        CASE
            WHEN o.is_sync THEN 'slow_sync'
            WHEN o.is_read THEN 'slow_read'
            ELSE 'slow_write'
        END AS root,
        CAST(NULL AS VARCHAR) AS reason,
        w.confidence
    FROM waits AS w
    INNER JOIN near_writes AS o
        ON o.tid = w.waker_tid
        AND o.start_time < w.end_time
        AND w.start_time < o.end_time
    WHERE elapsed_ns(o.start_time, o.end_time) >= $min_holder_ms * 1e6
    UNION ALL BY NAME
    SELECT
        w.standing_id,
        GREATEST(w.start_time, s.start_time) AS start_time,
        LEAST(w.end_time, s.end_time) AS end_time,
        s.tid AS holder_tid,
        s.standing_id AS holder_standing_id,
        s.root,
        s.reason,
        0.95 * w.confidence AS confidence
    FROM waits AS w
    INNER JOIN near_standings AS s
        ON s.tid = w.waker_tid
        AND s.start_time < w.end_time
        AND w.start_time < s.end_time
    WHERE s.root IS NOT NULL
        AND s.wait_class IS DISTINCT FROM 'futex'
    UNION ALL BY NAME
    SELECT
        w.standing_id,
        GREATEST(w.start_time, f.start_time) AS start_time,
        LEAST(w.end_time, f.end_time) AS end_time,
        f.tid AS holder_tid,
        f.standing_id AS holder_standing_id,
        CASE WHEN f.kind <> 'stop' THEN f.standing_id END AS wait_standing_id,
        CASE WHEN f.kind = 'stop' THEN 'pause' END AS root,
        w.confidence
    FROM waits AS w
    INNER JOIN futex_waits AS f
        ON f.tid = w.waker_tid
        AND f.start_time < w.end_time
        AND w.start_time < f.end_time
    WHERE f.kind IN ('lock', 'stop')
        -- It ran as it woke the other, so no chain comes back to where it began.
        AND f.end_time < w.end_time
)
SELECT
    standing_id, start_time, end_time, holder_tid, holder_write_id, holder_standing_id,
    wait_standing_id, root, reason, confidence
FROM holders
WHERE start_time < end_time
ORDER BY start_time, standing_id, holder_write_id, holder_standing_id
