-- What each write at the root of the account was doing, cut so that nothing overlaps or
-- is left out.
--
-- Where several states cover a moment, the first of this order counts:
--   (a wait class)  its thread was blocked for it (see standings and wait_classes):
--                   journal_handle, inode_rwsem, dirty_throttle, …
--   journal_wait    its thread was in a traced function of the file system's journal
--   run_queue       its thread was runnable and waited for a CPU
--   block_io        its thread had a request at the block device
--   on_cpu          its thread was sampled on a CPU
--   journal_commit  the journal was committing, and commits cover more than half of the
--                   write: it waited for one to flush, or for a buffer of the committing
--                   transaction
--   unknown         nothing was recorded
-- @materialized
-- @column write_id       BIGINT      -- the write
-- @column start_time     TIMESTAMP   -- start of the state
-- @column end_time       TIMESTAMP   -- its end
-- @column state_ns       BIGINT      -- its length
-- @column write_state    VARCHAR     -- the state, as above
-- @column function_call_id BIGINT    -- the journal's commit or the traced function
-- @column block_io_id    BIGINT      -- the request to the block device
-- @column standing_id    BIGINT      -- the stretch in which its thread stood still
-- @column reason         VARCHAR     -- the mechanism that the state shows (see reasons)
WITH
commit_overlaps AS (
    SELECT
        w.write_id,
        c.function_call_id,
        c.start_time,
        c.end_time,
        SUM(overlap_ns(w.start_time, w.end_time, c.start_time, c.end_time))
            OVER (PARTITION BY w.write_id) AS commit_ns,
        w.duration_ns
    FROM root_writes AS w
    INNER JOIN journal_commits AS c
        ON c.start_time < w.end_time
        AND w.start_time < c.end_time
),
states AS (
    SELECT
        w.write_id, 0 AS rank, COALESCE(s.wait_class, 'run_queue') AS write_state,
        s.start_time, s.end_time, CAST(NULL AS BIGINT) AS function_call_id,
        CAST(NULL AS BIGINT) AS block_io_id, s.standing_id, s.reason
    FROM root_writes AS w
    INNER JOIN near_standings AS s
        ON s.tid = w.tid
        AND s.start_time < w.end_time
        AND w.start_time < s.end_time
    WHERE s.root IS NOT NULL
    UNION ALL BY NAME
    SELECT
        w.write_id, 0 AS rank, COALESCE(s.wait_class, 'run_queue') AS write_state,
        s.start_time, s.end_time, s.standing_id, s.reason
    FROM root_writes AS w
    INNER JOIN fetcher_standings AS s
        ON s.tid = w.tid
        AND s.start_time < w.end_time
        AND w.start_time < s.end_time
    WHERE s.root IS NOT NULL
    UNION ALL BY NAME
    SELECT
        w.write_id, 1 AS rank, 'journal_wait' AS write_state,
        f.start_time, f.end_time, f.function_call_id
    FROM root_writes AS w
    INNER JOIN function_calls AS f
        ON f.tid = w.tid
        AND f.start_time < w.end_time
        AND w.start_time < f.end_time
    WHERE f.function LIKE 'jbd2%'
        OR f.function LIKE 'ext4%'
        OR f.function LIKE 'xfs%'
        OR f.function IN ('start_this_handle', 'do_get_write_access', 'add_transaction_credits')
    UNION ALL BY NAME
    SELECT
        w.write_id, 2 AS rank, 'run_queue' AS write_state, r.start_time, r.end_time
    FROM root_writes AS w
    INNER JOIN run_queue_waits AS r
        ON r.tid = w.tid
        AND r.start_time < w.end_time
        AND w.start_time < r.end_time
    UNION ALL BY NAME
    SELECT
        w.write_id, 3 AS rank, 'block_io' AS write_state, b.start_time, b.end_time, b.block_io_id
    FROM root_writes AS w
    INNER JOIN block_io AS b
        ON b.tid = w.tid
        AND b.start_time < w.end_time
        AND w.start_time < b.end_time
    UNION ALL BY NAME
    SELECT
        w.write_id, 4 AS rank, 'on_cpu' AS write_state,
        add_ns(s.time, -COALESCE(s.weight_ns, 0)) AS start_time, s.time AS end_time
    FROM root_writes AS w
    INNER JOIN stack_samples AS s
        ON s.tid = w.tid
        AND s.time > w.start_time
        AND s.time < w.end_time
    WHERE s.state = 'on_cpu'
    UNION ALL BY NAME
    SELECT
        c.write_id, 5 AS rank, 'journal_commit' AS write_state,
        c.start_time, c.end_time, c.function_call_id
    FROM commit_overlaps AS c
    WHERE 2 * c.commit_ns > c.duration_ns
    UNION ALL BY NAME
    SELECT w.write_id, 6 AS rank, 'unknown' AS write_state, w.start_time, w.end_time
    FROM root_writes AS w
),
clipped AS (
    SELECT
        s.write_id, s.rank, s.write_state, s.function_call_id, s.block_io_id, s.standing_id, s.reason,
        GREATEST(s.start_time, w.start_time) AS start_time,
        LEAST(s.end_time, w.end_time) AS end_time
    FROM states AS s
    INNER JOIN root_writes AS w ON w.write_id = s.write_id
),
cuts AS (
    SELECT write_id, cut_time
    FROM (SELECT write_id, unnest([start_time, end_time]) AS cut_time FROM clipped)
    GROUP BY write_id, cut_time
),
pieces AS (
    SELECT
        write_id,
        cut_time AS start_time,
        LEAD(cut_time) OVER (PARTITION BY write_id ORDER BY cut_time) AS end_time
    FROM cuts
),
covered AS (
    SELECT
        p.write_id, p.start_time, p.end_time, s.write_state, s.function_call_id, s.block_io_id,
        s.standing_id, s.reason,
        ROW_NUMBER() OVER (
            PARTITION BY p.write_id, p.start_time
            ORDER BY s.rank, s.function_call_id, s.block_io_id, s.start_time, s.standing_id
        ) AS place
    FROM pieces AS p
    INNER JOIN clipped AS s
        ON s.write_id = p.write_id
        AND s.start_time < p.end_time
        AND p.start_time < s.end_time
)
SELECT
    s.write_id,
    s.start_time,
    s.end_time,
    elapsed_ns(s.start_time, s.end_time) AS state_ns,
    s.write_state,
    s.function_call_id,
    s.block_io_id,
    s.standing_id,
    CASE
        WHEN s.standing_id IS NOT NULL THEN s.reason
        WHEN s.write_state = 'journal_wait' AND NOT COALESCE(c.is_covered, FALSE) THEN 'journal_wait'
        WHEN s.write_state IN ('journal_wait', 'journal_commit') THEN 'journal_commit'
        WHEN s.write_state = 'on_cpu' THEN 'computing'
        WHEN s.write_state <> 'unknown' THEN s.write_state
    END AS reason
FROM covered AS s
LEFT JOIN (
    SELECT write_id, BOOL_OR(2 * commit_ns > duration_ns) AS is_covered
    FROM commit_overlaps
    GROUP BY write_id
) AS c ON c.write_id = s.write_id
WHERE s.place = 1
ORDER BY s.write_id, s.start_time
