-- Waits of threads for a CPU near the accounted requests that the standing probe has, and
-- the run-queue probe has not.
-- @materialized
-- @column tid            INT         -- the thread
-- @column pid            INT         -- its process
-- @column comm           VARCHAR     -- its name in the kernel
-- @column start_time     TIMESTAMP   -- it became runnable
-- @column end_time       TIMESTAMP   -- it got a CPU
-- @column is_throttled   BOOLEAN     -- whether its control group had no CPU time left as it began
-- @column standing_id    BIGINT      -- the stretch: standings.standing_id
-- @column ran_instead_tid INT        -- the thread that its CPU ran last
WITH
probed AS (
    SELECT DISTINCT s.standing_id
    FROM near_standings AS s
    INNER JOIN run_queue_waits AS r
        ON r.tid = s.tid
        AND r.start_time < s.end_time
        AND s.start_time < r.end_time
    WHERE s.is_ready
)
SELECT
    s.tid,
    s.pid,
    s.comm,
    s.start_time,
    s.end_time,
    s.root = 'cpu_throttle' AS is_throttled,
    s.standing_id,
    s.ran_instead_tid
FROM near_standings AS s
LEFT JOIN probed AS p ON p.standing_id = s.standing_id
WHERE s.is_ready
    AND p.standing_id IS NULL
ORDER BY s.start_time, s.standing_id
