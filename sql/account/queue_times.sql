-- When all request handlers were busy at once, and what most of them were in: only then
-- does a request that was read wait in the request queue.
--
-- Any free handler takes the next request of the one queue, so what a single handler did
-- proves nothing about it. Each handler has to be in a recorded file operation or lock wait,
-- to wait for a CPU, or to compute without a break; the root of most of them counts, of
-- equals the one that a file operation shows.
-- @materialized
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @column pool           VARCHAR     -- the pool of handlers
-- @column start_time     TIMESTAMP   -- start of the stretch
-- @column end_time       TIMESTAMP   -- its end
-- @column root           VARCHAR     -- what most handlers were in (see handler_states)
-- @column reason         VARCHAR     -- how those of `cpu` were in it
-- @column root_count     BIGINT      -- so many of them
-- @column handler_count  BIGINT      -- handlers in the pool
-- @column root_write_id  BIGINT      -- the file operation that most of those
--                                       were in or behind
WITH
edges AS (
    -- A handler in two states at once is one busy handler: only where it begins and ends to be busy counts.
    SELECT
        pool, handler_count, tid, start_time, end_time,
        MAX(end_time) OVER (
            PARTITION BY pool, tid
            ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time
    FROM (
        -- Between rows that follow each other at once, the handler was at the same work or at the next.
        SELECT
            pool, handler_count, tid, start_time,
            CASE
                WHEN elapsed_ns(end_time, LEAD(start_time) OVER thread_order)
                    BETWEEN 0 AND $handoff_ms * 1e6
                    THEN LEAD(start_time) OVER thread_order
                ELSE end_time
            END AS end_time
        FROM handler_states
        WINDOW thread_order AS (PARTITION BY pool, tid ORDER BY start_time, end_time)
    )
),
steps AS (
    SELECT
        pool,
        handler_count,
        unnest([GREATEST(start_time, COALESCE(reached_time, start_time)), end_time]) AS time,
        unnest([1, -1]) AS step
    FROM edges
    WHERE reached_time IS NULL
        OR reached_time < end_time
),
counted AS (
    SELECT
        pool,
        handler_count,
        time AS start_time,
        SUM(step) OVER (
            PARTITION BY pool ORDER BY time, step ROWS UNBOUNDED PRECEDING
        ) AS busy_count,
        LEAD(time) OVER (PARTITION BY pool ORDER BY time, step) AS end_time
    FROM steps
),
full_times AS (
    SELECT pool, handler_count, start_time, end_time
    FROM counted
    WHERE busy_count = handler_count
        AND start_time < end_time
),
states AS (
    SELECT
        f.pool, f.handler_count, f.start_time, f.end_time, s.tid, s.root, s.root_write_id, s.reason,
        s.rank,
        ROW_NUMBER() OVER (
            PARTITION BY f.pool, f.start_time, s.tid
            ORDER BY
                overlap_ns(f.start_time, f.end_time, s.start_time, s.end_time) DESC,
                s.rank, s.root_write_id
        ) AS place
    FROM full_times AS f
    INNER JOIN handler_states AS s
        ON s.pool = f.pool
        AND s.start_time < f.end_time
        AND f.start_time < s.end_time
),
operations AS (
    SELECT
        pool, handler_count, start_time, end_time, root, reason, root_write_id,
        SUM(COUNT(*)) OVER (PARTITION BY pool, start_time, root) AS root_count,
        MIN(MIN(rank)) OVER (PARTITION BY pool, start_time, root) AS root_rank,
        COUNT(*) AS write_count
    FROM states
    WHERE place = 1
    GROUP BY pool, handler_count, start_time, end_time, root, reason, root_write_id
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY pool, start_time
            ORDER BY root_count DESC, root_rank, root, write_count DESC, root_write_id, reason
        ) AS place
    FROM operations
)
SELECT
    pool,
    start_time,
    end_time,
    root,
    reason,
    root_count,
    handler_count,
    root_write_id
FROM placed
WHERE place = 1
ORDER BY pool, start_time
