-- What began each commit of a journal, and how long it flushed file data.
--
-- A commit that begins long after the one before it was begun by the journal's timer;
-- one that follows sooner was asked for, mostly by a sync. Long is at least a second, the
-- timer's shortest setting, and at least 0.8 of the gap that nine in ten gaps do not
-- exceed; fewer than five commits tell nothing. ext4's fast commits are always asked for.
-- The phases are known when the journal's probe was on: in the phase of flushing, ext4 with
-- `data=ordered` sends the file data of the transaction to the disk.
-- @by_broker
-- @column function_call_id BIGINT    -- the commit
-- @column start_time     TIMESTAMP   -- its start
-- @column duration_ns    BIGINT      -- how long it took
-- @column gap_ns         BIGINT      -- from the start of the one of its kind
--                                       before; null for the first
-- @column began_by       VARCHAR     -- timer, or request; null when it cannot be told
-- @column flush_ratio    DOUBLE      -- share of it in the phase of flushing;
--                                       null when not recorded
-- @column device         VARCHAR     -- the journal's device, as major:minor
-- @column broker         INT         -- the broker; null when nothing tells
WITH
commits AS (
    SELECT
        function_call_id,
        start_time,
        end_time,
        duration_ns,
        tid,
        is_fast,
        device,
        broker,
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
)
SELECT
    c.function_call_id,
    c.start_time,
    c.duration_ns,
    c.gap_ns,
    CASE
        WHEN c.is_fast THEN 'request'
        WHEN u.gap_count < 4 OR c.gap_ns IS NULL THEN NULL
        WHEN c.gap_ns >= GREATEST(0.8 * u.gap_ns, 1e9) THEN 'timer'
        ELSE 'request'
    END AS began_by,
    CAST(f.flush_ns AS DOUBLE) / NULLIF(c.duration_ns, 0) AS flush_ratio,
    c.device,
    c.broker
FROM commits AS c
CROSS JOIN usual AS u
LEFT JOIN flushes AS f ON f.function_call_id = c.function_call_id
ORDER BY c.start_time, c.function_call_id
