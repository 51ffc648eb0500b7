-- The journal commits at the root of slow requests, with what tells the changes to a
-- journal apart.
--
-- A commit that begins long after the one before it was begun by the journal's timer;
-- one that follows sooner was asked for, mostly by a sync. Long is at least a second, the
-- timer's shortest setting, and at least 0.8 of the gap that nine in ten gaps do not
-- exceed; fewer than five commits tell nothing. ext4's fast commits are always asked for. The phases are known when the journal's
-- probe was on: in the phase of flushing, ext4 with `data=ordered` sends the file data of
-- the transaction to the disk.
-- @column function_call_id BIGINT    -- the commit
-- @column start_time     TIMESTAMP   -- its start
-- @column duration_ms    DOUBLE      -- how long it took
-- @column gap_ms         DOUBLE      -- from the start of the one of its kind
--                                       before; null for the first
-- @column began_by       VARCHAR     -- timer, or request; null when it cannot be told
-- @column flush_ratio    DOUBLE      -- share of it in the phase of flushing;
--                                       null when not recorded
-- @column request_count  BIGINT      -- slow requests behind it
WITH
commits AS (
    SELECT
        function_call_id,
        start_time,
        end_time,
        duration_ns,
        tid,
        is_fast,
        elapsed_ns(
            LAG(start_time) OVER (
                PARTITION BY COALESCE(device, comm), is_fast
                ORDER BY start_time, function_call_id
            ),
            start_time
        ) AS gap_ns
    FROM journal_commits
),
usual AS (
    SELECT
        COUNT(gap_ns) AS gap_count,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY CAST(gap_ns AS DOUBLE)) AS gap_ns
    FROM commits
    WHERE NOT is_fast
),
flushes AS (
    SELECT
        c.function_call_id,
        SUM(overlap_ns(c.start_time, c.end_time, f.start_time, f.end_time)) AS flush_ns
    FROM commits AS c
    INNER JOIN function_calls AS f
        ON f.tid = c.tid
        AND f.start_time < c.end_time
        AND c.start_time < f.end_time
    WHERE f.function = 'jbd2_commit_flushing'
    GROUP BY c.function_call_id
),
roots AS (
    SELECT root_id, COUNT(*) AS request_count
    FROM episode_requests
    WHERE kind = 'journal_commit'
    GROUP BY root_id
)
SELECT
    c.function_call_id,
    c.start_time,
    c.duration_ns / 1e6 AS duration_ms,
    c.gap_ns / 1e6 AS gap_ms,
    CASE
        WHEN c.is_fast THEN 'request'
        WHEN u.gap_count < 4 OR c.gap_ns IS NULL THEN NULL
        WHEN c.gap_ns >= GREATEST(0.8 * u.gap_ns, 1e9) THEN 'timer'
        ELSE 'request'
    END AS began_by,
    CAST(f.flush_ns AS DOUBLE) / NULLIF(c.duration_ns, 0) AS flush_ratio,
    r.request_count
FROM roots AS r
INNER JOIN commits AS c ON c.function_call_id = r.root_id
CROSS JOIN usual AS u
LEFT JOIN flushes AS f ON f.function_call_id = c.function_call_id
ORDER BY c.start_time, c.function_call_id
