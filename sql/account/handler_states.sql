-- What the request handlers near the accounted requests were recorded in: file
-- operations, lock waits (also during pauses), other stretches in which they stood still,
-- waits for a CPU, and computing without a break.
--
-- A wait that only the kernel saw counts where it cannot be an idle handler's.
-- Only for pools of handlers of which all are known (see request_handlers).
-- @materialized
-- @column pool           VARCHAR     -- the handler's pool
-- @column handler_count  BIGINT      -- handlers in it
-- @column tid            INT         -- the handler
-- @column start_time     TIMESTAMP   -- start of the state
-- @column end_time       TIMESTAMP   -- its end
-- @column rank           INT         -- the lowest of one moment counts
-- @column root           VARCHAR     -- slow_write, slow_sync, slow_read, pause,
--                                       lock_other or cpu
-- @column reason         VARCHAR     -- how it was in `cpu`: run_queue or computing; or what a
--                                       stretch shows (see reasons)
-- @column root_write_id  BIGINT      -- the file operation that it was in or behind
WITH
handlers AS (
    SELECT tid, pool, handler_count
    FROM request_handlers
    WHERE is_whole
),
states AS (
    SELECT
        tid, start_time, end_time, 1 AS rank,
        CASE
            WHEN is_sync THEN 'slow_sync'
            WHEN is_read THEN 'slow_read'
            ELSE 'slow_write'
        END AS root,
        write_id AS root_write_id, NULL AS reason
    FROM near_writes
    UNION ALL
    SELECT
        l.tid, r.start_time, r.end_time,
        CASE WHEN r.root_write_id IS NULL OR r.rule = 'flush_held' THEN 4 ELSE 2 END,
        r.root, r.root_write_id, CASE r.root WHEN 'cpu' THEN 'run_queue' END
    FROM near_waits AS l
    INNER JOIN wait_roots AS r ON r.lock_wait_id = l.lock_wait_id
    UNION ALL
    -- Whoever holds the lock outside of file operations stands still.
    SELECT
        l.tid, GREATEST(l.start_time, p.start_time), LEAST(l.end_time, p.end_time), 3, 'pause', NULL,
        NULL
    FROM near_waits AS l
    INNER JOIN pauses AS p
        ON p.start_time < l.end_time
        AND l.start_time < p.end_time
    WHERE p.kind IN ('gc', 'safepoint')
    UNION ALL
    SELECT
        l.tid, GREATEST(l.start_time, s.start_time), LEAST(l.end_time, s.end_time), 3, 'pause', NULL,
        'process_stopped'
    FROM (
        SELECT tid, start_time, end_time FROM near_waits
        UNION ALL
        SELECT tid, start_time, end_time FROM futex_waits
    ) AS l
    INNER JOIN stopped_times AS s
        ON s.start_time < l.end_time
        AND l.start_time < s.end_time
    UNION ALL
    SELECT tid, start_time, end_time, 5, 'lock_other', NULL, NULL
    FROM near_waits
    UNION ALL
    SELECT tid, start_time, end_time, 4, root, NULL, reason
    FROM near_standings
    WHERE NOT is_ready
        AND wait_class <> 'futex'
        AND root IS NOT NULL
    UNION ALL
    -- What the one that ended it was in explains a part of a wait; the handler stood there all the time.
    SELECT f.tid, f.start_time, f.end_time, 5, 'lock_other', NULL, NULL
    FROM futex_waits AS f
    WHERE f.kind = 'lock'
        OR f.standing_id IN (SELECT standing_id FROM own_standings)
    UNION ALL
    SELECT f.tid, r.start_time, r.end_time, 4, r.root, r.root_write_id, r.reason
    FROM futex_waits AS f
    INNER JOIN standing_roots AS r ON r.standing_id = f.standing_id
    WHERE f.kind = 'lock'
        OR f.standing_id IN (SELECT standing_id FROM own_standings)
    UNION ALL
    SELECT tid, start_time, end_time, 7, 'cpu', NULL, 'computing'
    FROM computing_times
    UNION ALL
    SELECT
        r.tid, r.start_time, r.end_time, 6,
        CASE WHEN r.is_throttled THEN 'cpu_throttle' ELSE 'cpu' END, NULL,
        CASE WHEN r.is_throttled THEN 'cpu_throttle' ELSE 'run_queue' END
    FROM near_times AS n
    INNER JOIN ready_times AS r
        ON r.start_time < n.end_time
        AND n.start_time < r.end_time
)
SELECT
    h.pool,
    h.handler_count,
    h.tid,
    s.start_time,
    s.end_time,
    CAST(s.rank AS INT) AS rank,
    s.root,
    CAST(s.reason AS VARCHAR) AS reason,
    s.root_write_id
FROM handlers AS h
INNER JOIN states AS s ON s.tid = h.tid
WHERE s.start_time < s.end_time
ORDER BY start_time, tid, rank, end_time, root_write_id
