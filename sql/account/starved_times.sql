-- Times in which several threads of the broker could have run, and none got a CPU.
--
-- From one sign that a thread of it ran to the next: the end of a wait for a CPU, the start or
-- end of a file operation, the start of a stretch off the CPU, a sample on one. In between
-- `starved_threads` of its threads waited for a CPU, and none of these waits ended.
-- @materialized
-- @param  starved_ms     DOUBLE = 5  -- shorter times are those of threads that take turns
-- @param  starved_threads BIGINT = 3 -- how many threads have to wait for a CPU at once
-- @column start_time     TIMESTAMP   -- that many waited
-- @column end_time       TIMESTAMP   -- the next thread of the broker ran
-- @column tid            INT         -- the thread that got a CPU then, or the first of them
-- @column standing_id    BIGINT      -- its stretch: standings.standing_id
-- @column is_throttled   BOOLEAN     -- whether the control group had no CPU time left as a
--                                       wait of them began
WITH
processes AS (
    SELECT DISTINCT w.pid
    FROM own_writes AS o
    INNER JOIN writes AS w ON w.write_id = o.write_id
    WHERE w.pid IS NOT NULL
),
waits AS (
    SELECT r.tid, r.start_time, r.end_time, r.is_throttled, r.standing_id
    FROM ready_times AS r
    WHERE r.pid IN (SELECT pid FROM processes)
        AND EXISTS (
            SELECT 1
            FROM near_times AS n
            WHERE r.start_time < n.end_time
                AND n.start_time < r.end_time
        )
),
samples AS (
    SELECT s.time
    FROM near_times AS n
    INNER JOIN stack_samples AS s
        ON s.time >= n.start_time
        AND s.time < n.end_time
    WHERE s.state = 'on_cpu'
),
signs AS (
    SELECT start_time AS time FROM near_times
    UNION
    SELECT end_time FROM waits
    UNION
    SELECT start_time FROM near_writes
    UNION
    SELECT end_time FROM near_writes
    UNION
    SELECT start_time FROM near_standings WHERE NOT is_ready
    UNION
    SELECT time FROM samples
),
gaps AS (
    SELECT time AS start_time, LEAD(time) OVER (ORDER BY time) AS end_time
    FROM signs
),
waiting AS (
    SELECT
        g.start_time AS gap_time,
        g.end_time,
        GREATEST(w.start_time, g.start_time) AS start_time,
        ROW_NUMBER() OVER (
            PARTITION BY g.start_time ORDER BY GREATEST(w.start_time, g.start_time), w.tid
        ) AS place,
        FIRST_VALUE(w.tid) OVER (PARTITION BY g.start_time ORDER BY w.end_time, w.tid) AS tid,
        FIRST_VALUE(w.standing_id) OVER (PARTITION BY g.start_time ORDER BY w.end_time, w.tid)
            AS standing_id,
        BOOL_OR(w.is_throttled) OVER (PARTITION BY g.start_time) AS is_throttled
    FROM gaps AS g
    INNER JOIN waits AS w
        ON w.start_time < g.end_time
        AND g.start_time < w.end_time
    WHERE elapsed_ns(g.start_time, g.end_time) >= $starved_ms * 1e6
)
SELECT start_time, end_time, tid, standing_id, is_throttled
FROM waiting
WHERE place = $starved_threads
    AND elapsed_ns(start_time, end_time) >= $starved_ms * 1e6
ORDER BY start_time
