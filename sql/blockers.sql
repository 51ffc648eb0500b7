-- What cost the slow requests most: single writes, journal commits, locks and threads.
--
-- `cost_ms` is the time of slow requests that was spent in or behind it. One moment of a
-- request may count for a write, for the commit over it, for the lock and for the
-- thread: compare within a kind.
-- @by_broker
-- @terminal kind name thread cost_ms request_count | start_time duration_ms worst_ms
-- @param  top_count      BIGINT = 20 -- at most this many of each kind
-- @column kind           VARCHAR     -- write, journal, lock or thread
-- @column place          BIGINT      -- 1 for the most costly of its kind
-- @column cost_ms        DOUBLE      -- request time spent in or behind it
-- @column request_count  BIGINT      -- slow requests concerned
-- @column worst_ms       DOUBLE      -- the most that one request spent
-- @column name           VARCHAR     -- file, journal function,
--                                       class and log of the lock, or thread
-- @column thread         VARCHAR     -- the thread of the write or of the call
-- @column start_time     TIMESTAMP   -- start of the write or call;
--                                       else the first time it was waited for
-- @column duration_ms    DOUBLE      -- length of the write or call
-- @column id             BIGINT      -- id of the write or call, or the thread's tid
-- @column broker         INT         -- the broker where it is; null when nothing tells
WITH
costs AS (
    SELECT
        'write' AS kind, root_write_id AS id, CAST(NULL AS VARCHAR) AS lock,
        request_id, start_time, segment_ns
    FROM request_segments
    WHERE root_write_id IS NOT NULL
    UNION ALL
    SELECT 'journal', function_call_id, NULL, request_id, start_time, segment_ns
    FROM request_segments
    WHERE function_call_id IS NOT NULL
    UNION ALL
    SELECT
        'lock', CAST(NULL AS BIGINT),
        COALESCE(lock_class, 'monitor')
            || COALESCE(' of ' || topic || '-' || CAST(partition AS VARCHAR), ''),
        request_id, start_time, segment_ns
    FROM request_segments
    WHERE lock_wait_id IS NOT NULL
    UNION ALL
    SELECT
        'thread', COALESCE(w.tid, s.blocker_tid), NULL,
        s.request_id, s.start_time, s.segment_ns
    FROM request_segments AS s
    LEFT JOIN root_writes AS w ON w.write_id = s.root_write_id
    WHERE COALESCE(w.tid, s.blocker_tid) IS NOT NULL
),
by_request AS (
    SELECT kind, id, lock, request_id, MIN(start_time) AS start_time, SUM(segment_ns) AS cost_ns
    FROM costs
    GROUP BY kind, id, lock, request_id
),
ranked AS (
    SELECT
        kind,
        id,
        lock,
        MIN(start_time) AS first_time,
        SUM(cost_ns) AS cost_ns,
        COUNT(*) AS request_count,
        MAX(cost_ns) AS worst_ns,
        ROW_NUMBER() OVER (
            PARTITION BY kind ORDER BY SUM(cost_ns) DESC, id, lock
        ) AS place
    FROM by_request
    GROUP BY kind, id, lock
)
SELECT
    k.kind,
    CAST(k.place AS BIGINT) AS place,
    k.cost_ns / 1e6 AS cost_ms,
    k.request_count,
    k.worst_ns / 1e6 AS worst_ms,
    CASE k.kind
        WHEN 'write' THEN w.path
        WHEN 'journal' THEN f.function
            || COALESCE(', transaction ' || CAST(f.transaction AS VARCHAR), '')
        WHEN 'lock' THEN k.lock
        ELSE COALESCE(t.thread_name, CAST(k.id AS VARCHAR))
    END AS name,
    CASE
        WHEN k.kind IN ('write', 'journal')
            THEN COALESCE(t.thread_name, w.comm, f.comm, CAST(COALESCE(w.tid, f.tid) AS VARCHAR))
    END AS thread,
    COALESCE(w.start_time, f.start_time, k.first_time) AS start_time,
    COALESCE(w.duration_ns, f.duration_ns) / 1e6 AS duration_ms,
    k.id,
    (SELECT MIN(broker) FROM sources) AS broker
FROM ranked AS k
LEFT JOIN root_writes AS w
    ON w.write_id = k.id
    AND k.kind = 'write'
LEFT JOIN function_calls AS f
    ON f.function_call_id = k.id
    AND k.kind = 'journal'
LEFT JOIN thread_names AS t
    ON t.tid = CASE k.kind WHEN 'thread' THEN k.id ELSE COALESCE(w.tid, f.tid) END
WHERE k.place <= $top_count
ORDER BY
    CASE k.kind WHEN 'write' THEN 1 WHEN 'journal' THEN 2 WHEN 'lock' THEN 3 ELSE 4 END,
    place
