-- The locks that threads waited for longest while requests were recorded.
--
-- A wait that two recorders saw counts once for each: they have rows of their own.
-- @by_broker
-- @param  max_rows       BIGINT = 15 -- at most this many
-- @column lock_class     VARCHAR     -- class of the lock
-- @column kind           VARCHAR     -- monitor, monitor_wait, park or native
-- @column origin         VARCHAR     -- what saw the waits: jfr or usdt
-- @column wait_count     BIGINT      -- waits
-- @column thread_count   BIGINT      -- threads that waited
-- @column total_ms       DOUBLE      -- time waited, added up
-- @column worst_ms       DOUBLE      -- longest wait
-- @column request_count  BIGINT      -- slow requests whose time such a wait took
WITH
waits AS (
    SELECT
        COALESCE(CAST(l.lock_class AS VARCHAR), '(unknown)') AS lock_class,
        CAST(l.kind AS VARCHAR) AS kind,
        CAST(l.origin AS VARCHAR) AS origin,
        l.lock_wait_id,
        l.tid,
        l.duration_ns
    FROM lock_waits AS l
    CROSS JOIN time_axis AS a
    WHERE l.start_time < a.end_time
        AND l.end_time > a.start_time
),
blocked AS (
    SELECT w.lock_class, w.kind, w.origin, COUNT(DISTINCT h.request_id) AS request_count
    FROM request_segments AS h
    INNER JOIN waits AS w ON w.lock_wait_id = h.lock_wait_id
    GROUP BY w.lock_class, w.kind, w.origin
),
ranked AS (
    SELECT
        lock_class,
        kind,
        origin,
        COUNT(*) AS wait_count,
        COUNT(DISTINCT tid) AS thread_count,
        SUM(duration_ns) / 1e6 AS total_ms,
        MAX(duration_ns) / 1e6 AS worst_ms
    FROM waits
    GROUP BY lock_class, kind, origin
)
SELECT
    r.lock_class,
    r.kind,
    r.origin,
    r.wait_count,
    r.thread_count,
    r.total_ms,
    r.worst_ms,
    COALESCE(b.request_count, 0) AS request_count
FROM ranked AS r
LEFT JOIN blocked AS b
    ON b.lock_class = r.lock_class
    AND b.kind = r.kind
    AND b.origin = r.origin
ORDER BY request_count DESC, total_ms DESC, r.lock_class, r.kind, r.origin
LIMIT $max_rows
