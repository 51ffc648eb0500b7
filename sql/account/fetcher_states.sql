-- What a broker's fetcher threads were in while requests at the brokers that it follows
-- waited for it.
--
-- A fetcher appends what one answer brought before it fetches again. Only what has a row is
-- here:
--   write           a file operation of its own, of 1 ms and more
--   pause           the JVM was stopped
--   lock_wait       it waited for a monitor
--   held            it did, and another thread that had it was in this file operation
--   standing        it stood still: by the kernel's stack, or because the process was stopped
--                   by a signal
--   run_queue_wait  it could run, and had no CPU
-- States may overlap; the surer one counts.
-- @materialized
-- @column tid            INT         -- the fetcher
-- @column fetcher_id     INT         -- its number among those that follow one leader
-- @column leader_id      INT         -- the broker that it follows
-- @column start_time     TIMESTAMP   -- start of the state
-- @column end_time       TIMESTAMP   -- its end
-- @column kind           VARCHAR     -- the state, as above
-- @column row_id         BIGINT      -- the row that shows it
-- @column root           VARCHAR     -- what the time was in (see blame)
-- @column reason         VARCHAR     -- the mechanism (see reasons); null where only the states of
--                                       the write tell
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
-- @column holder_tid     INT         -- of held: that other thread
-- @column broker         INT         -- the broker whose thread it is
WITH
states AS (
    SELECT
        w.tid, w.start_time, w.end_time, 'write' AS kind, w.write_id AS row_id,
        'slow_' || file_operation(w.operation) AS root, CAST(NULL AS VARCHAR) AS reason, 0.9 AS confidence
    FROM fetchers AS f
    INNER JOIN writes AS w ON w.tid = f.tid
    WHERE w.duration_ns >= 1000000
        AND EXISTS (
            SELECT 1
            FROM fetcher_times AS t
            WHERE w.start_time < t.end_time
                AND t.start_time < w.end_time
        )
    UNION ALL BY NAME
    SELECT
        h.tid, h.start_time, h.end_time, 'held' AS kind, h.write_id AS row_id,
        'slow_' || file_operation(w.operation) AS root, h.confidence, h.holder_tid
    FROM fetcher_holders AS h
    INNER JOIN writes AS w ON w.write_id = h.write_id
    UNION ALL BY NAME
    SELECT
        f.tid, p.start_time, p.end_time, 'pause' AS kind, p.pause_id AS row_id, 'pause' AS root,
        CASE p.kind WHEN 'gc' THEN 'gc' WHEN 'vm_operation' THEN 'vm_operation' END AS reason,
        -- The stop and the collection in it are two rows, of which the one says more.
        CASE p.kind WHEN 'safepoint' THEN 0.84 ELSE 0.85 END AS confidence
    FROM fetchers AS f
    CROSS JOIN pauses AS p
    WHERE p.duration_ns >= 1000000
        AND p.kind IN ('gc', 'safepoint', 'vm_operation')
        AND EXISTS (
            SELECT 1
            FROM fetcher_times AS t
            WHERE p.start_time < t.end_time
                AND t.start_time < p.end_time
        )
    UNION ALL BY NAME
    SELECT
        tid, start_time, end_time, 'standing' AS kind, standing_id AS row_id, root, reason,
        CASE WHEN state = 'stopped' THEN 0.95 WHEN is_ready THEN 0.75 ELSE 0.8 END AS confidence
    FROM fetcher_standings
    WHERE root IS NOT NULL
        AND (is_ready OR wait_class <> 'futex')
    UNION ALL BY NAME
    SELECT
        r.tid, r.start_time, r.end_time, 'run_queue_wait' AS kind, r.run_queue_wait_id AS row_id,
        'cpu' AS root, 'run_queue' AS reason, 0.75 AS confidence
    FROM fetchers AS f
    INNER JOIN run_queue_waits AS r ON r.tid = f.tid
    WHERE EXISTS (
        SELECT 1
        FROM fetcher_times AS t
        WHERE r.start_time < t.end_time
            AND t.start_time < r.end_time
    )
    UNION ALL BY NAME
    SELECT
        l.tid, l.start_time, l.end_time, 'lock_wait' AS kind, l.lock_wait_id AS row_id,
        'lock_other' AS root, 0.7 AS confidence
    FROM fetchers AS f
    INNER JOIN lock_waits AS l ON l.tid = f.tid
    WHERE l.kind = 'monitor'
        AND EXISTS (
            SELECT 1
            FROM fetcher_times AS t
            WHERE l.start_time < t.end_time
                AND t.start_time < l.end_time
        )
)
SELECT
    s.tid, f.fetcher_id, f.leader_id, s.start_time, s.end_time, s.kind, s.row_id, s.root, s.reason, s.confidence,
    s.holder_tid,
    (SELECT MIN(broker) FROM sources) AS broker
FROM states AS s
INNER JOIN fetchers AS f ON f.tid = s.tid
ORDER BY s.start_time, s.kind, s.row_id, s.tid
