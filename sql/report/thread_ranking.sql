-- The threads behind whose writes requests waited, and what these threads did otherwise.
--
-- @by_broker
-- @param  max_rows       BIGINT = 15 -- at most this many
-- @column thread_name    VARCHAR     -- name in Java, or else in the kernel
-- @column tid            INT         -- thread id of the operating system
-- @column write_count    BIGINT      -- its writes to log files
-- @column write_ms       DOUBLE      -- their time, added up
-- @column worst_write_ms DOUBLE      -- the longest of them
-- @column request_count  BIGINT      -- slow requests that waited for one of its writes
-- @column cost_ms        DOUBLE      -- time they waited, added up
WITH
writers AS (
    SELECT
        tid,
        MIN(comm) AS comm,
        COUNT(*) AS write_count,
        SUM(duration_ns) / 1e6 AS write_ms,
        MAX(duration_ns) / 1e6 AS worst_write_ms
    FROM writes
    WHERE file_kind = 'log'
        AND operation LIKE '%write%'
        AND tid IS NOT NULL
    GROUP BY tid
),
costs AS (
    SELECT w.tid, COUNT(*) AS request_count, SUM(millionths(v.waited_ms)) / 1e6 AS cost_ms
    FROM request_verdicts AS v
    INNER JOIN writes AS w ON w.write_id = v.root_write_id
    GROUP BY w.tid
)
SELECT
    COALESCE(n.thread_name, CAST(w.comm AS VARCHAR)) AS thread_name,
    w.tid,
    w.write_count,
    w.write_ms,
    w.worst_write_ms,
    COALESCE(c.request_count, 0) AS request_count,
    COALESCE(c.cost_ms, 0) AS cost_ms
FROM writers AS w
LEFT JOIN costs AS c ON c.tid = w.tid
LEFT JOIN thread_names AS n ON n.tid = w.tid
ORDER BY cost_ms DESC, w.worst_write_ms DESC, w.tid
LIMIT $max_rows
