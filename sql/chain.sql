-- What one slow request waited for, and what that waited for, as a tree.
--
-- A line under another is what the one above waited for, only while it did. Take a
-- request_id from blame: kcorr query chain --param request_id=30000000012
-- @terminal wait_ms tree thread | start_time rule confidence
-- @param  request_id     BIGINT      -- the request
-- @param  min_ms         DOUBLE = 0.1 -- waits shorter than this are left out
-- @column wait_ms        DOUBLE      -- how long the line above waited for it
-- @column tree           VARCHAR     -- what it is,
--                                       two spaces deeper than what waited for it
-- @column thread         VARCHAR     -- its thread
-- @column start_time     TIMESTAMP   -- start of the wait
-- @column end_time       TIMESTAMP   -- its end
-- @column rule           VARCHAR     -- what shows it
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
-- @column depth          INT         -- 0 for the request
-- @column kind           VARCHAR     -- request, lock_wait, write, pause, standing,
--                                       function_call or block_io
-- @column id             BIGINT      -- its id
-- @column broker         INT         -- the broker where it is; null when nothing tells
WITH RECURSIVE
nodes AS (
    SELECT
        CAST(0 AS INT) AS depth,
        'request' AS kind,
        request_id AS id,
        arrival_time AS start_time,
        end_time,
        latency_ns AS wait_ns,
        CAST(NULL AS INT) AS tid,
        CAST(NULL AS VARCHAR) AS rule,
        CAST(NULL AS DOUBLE) AS confidence,
        '' AS path
    FROM accounted_requests
    WHERE request_id = $request_id
    UNION ALL
    SELECT
        CAST(n.depth + 1 AS INT) AS depth,
        e.blocker_kind AS kind,
        e.blocker_id AS id,
        GREATEST(n.start_time, e.start_time) AS start_time,
        LEAST(n.end_time, e.end_time) AS end_time,
        LEAST(
            e.wait_ns,
            overlap_ns(n.start_time, n.end_time, e.start_time, e.end_time)
        ) AS wait_ns,
        e.blocker_tid AS tid,
        e.rule,
        e.confidence,
        n.path
            || '/' || CAST(CAST(GREATEST(n.start_time, e.start_time) AS BIGINT) AS VARCHAR)
            || ' ' || e.blocker_kind
            || ' ' || CAST(e.blocker_id AS VARCHAR) AS path
    FROM nodes AS n
    INNER JOIN wait_edges AS e
        ON e.waiter_kind = n.kind
        AND e.waiter_id = n.id
        AND e.start_time < n.end_time
        AND n.start_time < e.end_time
    WHERE n.depth < 10
        AND overlap_ns(n.start_time, n.end_time, e.start_time, e.end_time) >= $min_ms * 1e6
        AND strpos(n.path, e.blocker_kind || ' ' || CAST(e.blocker_id AS VARCHAR)) = 0
)
SELECT
    n.wait_ns / 1e6 AS wait_ms,
    repeat('  ', n.depth) || CASE n.kind
        WHEN 'request' THEN r.api || ' request of ' || COALESCE(r.client_address, '?')
            || ', correlation id ' || COALESCE(CAST(r.correlation_id AS VARCHAR), '?')
        WHEN 'lock_wait' THEN 'wait for ' || COALESCE(l.lock_class, 'a lock')
        WHEN 'write' THEN w.operation || ' of '
            || COALESCE(CAST(w.bytes AS VARCHAR), '?') || ' bytes to '
            || COALESCE(
                NULLIF(concat_ws('/', w.directory, w.file), ''),
                w.topic || '-' || CAST(w.partition AS VARCHAR),
                'a file'
            )
        WHEN 'function_call' THEN f.function
            || COALESCE(', transaction ' || CAST(f.transaction AS VARCHAR), '')
        WHEN 'pause' THEN p.kind || ' pause: ' || p.name
        WHEN 'standing' THEN 'stood still: '
            || CASE
                WHEN s.state IN ('runnable', 'preempted')
                    THEN s.wait_class || COALESCE(', after ' || s.ran_instead_comm || ' on that CPU', '')
                ELSE COALESCE(s.wait_mechanism, s.wait_class)
                    || ' (' || s.wait_class || ')'
                    || COALESCE(
                        ', woken by ' || COALESCE(a.thread_name, CAST(s.waker_comm AS VARCHAR)), ''
                    )
            END
        ELSE 'request to block device ' || COALESCE(b.device, '?')
    END AS tree,
    COALESCE(
        t.thread_name,
        w.comm,
        f.comm,
        s.comm,
        CAST(COALESCE(n.tid, l.tid, w.tid, f.tid, s.tid) AS VARCHAR)
    ) AS thread,
    n.start_time,
    n.end_time,
    n.rule,
    n.confidence,
    n.depth,
    n.kind,
    n.id,
    x.broker
FROM nodes AS n
LEFT JOIN recorded_requests AS r
    ON r.request_id = n.id
    AND n.kind = 'request'
LEFT JOIN lock_waits AS l
    ON l.lock_wait_id = n.id
    AND n.kind = 'lock_wait'
LEFT JOIN writes AS w
    ON w.write_id = n.id
    AND n.kind = 'write'
LEFT JOIN function_calls AS f
    ON f.function_call_id = n.id
    AND n.kind = 'function_call'
LEFT JOIN pauses AS p
    ON p.pause_id = n.id
    AND n.kind = 'pause'
LEFT JOIN block_io AS b
    ON b.block_io_id = n.id
    AND n.kind = 'block_io'
LEFT JOIN standings AS s
    ON s.standing_id = n.id
    AND n.kind = 'standing'
LEFT JOIN sources AS x
    ON x.source_id = COALESCE(
        l.source_id, w.source_id, f.source_id, s.source_id, p.source_id, b.source_id, r.source_id
    )
LEFT JOIN thread_names AS t
    ON t.tid = COALESCE(n.tid, l.tid, w.tid, f.tid, s.tid)
    AND t.broker IS NOT DISTINCT FROM x.broker
LEFT JOIN thread_names AS a
    ON a.tid = s.waker_tid
    AND a.broker IS NOT DISTINCT FROM x.broker
ORDER BY n.path
