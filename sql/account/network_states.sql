-- What the network threads near the accounted requests were recorded in, so that they
-- neither read nor sent anything: file operations (a sendfile of data that is not in the
-- page cache), other stretches in which they stood still for a file or for memory, or for a lock
-- behind one who did, waits for a CPU, and computing without a break.
--
-- States of one thread that follow each other within `handoff_ms`, or as fast as samples do,
-- are a chain. Rows with
-- no `tid` are of all network threads at once: then it does not matter which one serves
-- a connection.
-- @materialized
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @param  min_holder_ms  DOUBLE = 0.1 -- a holder at least this long is listed by itself
-- @column tid            INT         -- the thread; null for all at once
-- @column start_time     TIMESTAMP   -- start of the state
-- @column end_time       TIMESTAMP   -- its end
-- @column root           VARCHAR     -- slow_read, slow_sync, slow_write, cpu, or what a
--                                       stretch shows
-- @column reason         VARCHAR     -- sendfile; how it was in `cpu`: run_queue or computing; or
--                                       what a stretch shows (see reasons)
-- @column root_write_id  BIGINT      -- the file operation
-- @column chain_start    TIMESTAMP   -- start of the chain
-- @column chain_end      TIMESTAMP   -- its end
-- @column chain_slack_ns BIGINT      -- how much later it may have begun, and how much
--                                       longer lasted: samples are taken now and then
WITH
serving AS (
    SELECT tid
    FROM network_threads
    UNION
    SELECT tid
    FROM connection_threads
),
states AS (
    SELECT
        w.tid, w.start_time, w.end_time,
        CASE
            WHEN w.is_read THEN 'slow_read'
            WHEN w.is_sync THEN 'slow_sync'
            ELSE 'slow_write'
        END AS root,
        w.write_id AS root_write_id,
        CASE WHEN o.operation = 'sendfile' THEN 'sendfile' END AS reason,
        0 AS slack_ns
    FROM near_writes AS w
    INNER JOIN writes AS o ON o.write_id = w.write_id
    INNER JOIN serving AS t ON t.tid = w.tid
    WHERE elapsed_ns(w.start_time, w.end_time) >= $min_holder_ms * 1e6
    UNION ALL
    SELECT r.tid, r.start_time, r.end_time, 'cpu', NULL, 'run_queue', 0
    FROM near_times AS n
    INNER JOIN ready_times AS r
        ON r.start_time < n.end_time
        AND n.start_time < r.end_time
    INNER JOIN serving AS t ON t.tid = r.tid
    UNION ALL
    SELECT s.tid, s.start_time, s.end_time, s.root, NULL, s.reason, 0
    FROM near_standings AS s
    INNER JOIN serving AS t ON t.tid = s.tid
    WHERE NOT s.is_ready
        AND s.wait_class <> 'futex'
        AND s.root IS NOT NULL
    UNION ALL
    SELECT s.tid, r.start_time, r.end_time, r.root, r.root_write_id, r.reason, 0
    FROM standing_roots AS r
    INNER JOIN near_standings AS s
        ON s.standing_id = r.standing_id
        AND NOT s.is_ready
    INNER JOIN serving AS t ON t.tid = s.tid
    WHERE r.root <> 'pause'
    UNION ALL
    SELECT c.tid, c.start_time, c.end_time, 'cpu', NULL, 'computing', 2 * c.weight_ns
    FROM computing_times AS c
    INNER JOIN serving AS t ON t.tid = c.tid
),
distinct_states AS (
    SELECT
        tid, start_time, MAX(end_time) AS end_time, MIN(root) AS root,
        MIN(root_write_id) AS root_write_id, MIN(reason) AS reason, MAX(slack_ns) AS slack_ns
    FROM states
    GROUP BY tid, start_time
),
steps AS (
    SELECT
        tid, start_time, end_time, root, root_write_id, reason,
        MAX(end_time) OVER (
            PARTITION BY tid
            ORDER BY start_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time
    FROM distinct_states
    WHERE tid IN (SELECT tid FROM network_threads)
),
edges AS (
    SELECT
        root,
        root_write_id,
        reason,
        unnest([GREATEST(start_time, COALESCE(reached_time, start_time)), end_time]) AS time,
        unnest([1, -1]) AS step
    FROM steps
    WHERE reached_time IS NULL
        OR reached_time < end_time
),
counted AS (
    SELECT
        time AS start_time,
        root,
        root_write_id,
        reason,
        step,
        SUM(step) OVER (ORDER BY time, step, root_write_id ROWS UNBOUNDED PRECEDING) AS busy_count,
        LEAD(time) OVER (ORDER BY time, step, root_write_id) AS end_time
    FROM edges
),
whole AS (
    SELECT tid, start_time, end_time, root, root_write_id, reason, slack_ns
    FROM distinct_states
    UNION ALL
    -- All at once: the state of the one that came last stands for all.
    SELECT CAST(NULL AS INT), c.start_time, c.end_time, c.root, c.root_write_id, c.reason, 0
    FROM counted AS c
    INNER JOIN (
        SELECT MAX(thread_count) AS thread_count FROM network_threads WHERE is_whole
    ) AS n ON n.thread_count = c.busy_count
    WHERE c.step = 1
        AND c.start_time < c.end_time
),
numbered AS (
    SELECT
        *,
        SUM(CASE
            WHEN start_time <= add_ns(
                GREATEST(reached_time, COALESCE(reached_sample_time, reached_time)),
                CAST($handoff_ms * 1e6 AS BIGINT)
            )
                OR add_ns(start_time, -slack_ns) <= reached_time THEN 0
            ELSE 1
        END) OVER (
            PARTITION BY tid ORDER BY start_time, end_time ROWS UNBOUNDED PRECEDING
        ) AS chain
    FROM (
        SELECT
            *,
            MAX(end_time) OVER before_order AS reached_time,
            MAX(add_ns(end_time, slack_ns)) OVER before_order AS reached_sample_time
        FROM whole
        WINDOW before_order AS (
            PARTITION BY tid
            ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
    )
)
SELECT
    tid,
    start_time,
    end_time,
    root,
    CAST(reason AS VARCHAR) AS reason,
    root_write_id,
    MIN(start_time) OVER (PARTITION BY tid, chain) AS chain_start,
    MAX(end_time) OVER (PARTITION BY tid, chain) AS chain_end,
    CAST(MAX(slack_ns) OVER (PARTITION BY tid, chain) AS BIGINT) AS chain_slack_ns
FROM numbered
ORDER BY start_time, tid, end_time, root, root_write_id
