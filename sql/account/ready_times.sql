-- Waits of threads for a CPU: of the run-queue probe, and near the accounted requests what the
-- standing probe has besides.
-- @column tid            INT         -- the thread
-- @column pid            INT         -- its process
-- @column comm           VARCHAR     -- its name in the kernel
-- @column start_time     TIMESTAMP   -- it became runnable
-- @column end_time       TIMESTAMP   -- it got a CPU
-- @column is_throttled   BOOLEAN     -- whether its control group had no CPU time left as it began
-- @column standing_id    BIGINT      -- the stretch: standings.standing_id
-- @column ran_instead_tid INT        -- the thread that its CPU ran last
SELECT
    tid,
    pid,
    CAST(comm AS VARCHAR) AS comm,
    start_time,
    end_time,
    FALSE AS is_throttled,
    CAST(NULL AS BIGINT) AS standing_id,
    CAST(NULL AS INT) AS ran_instead_tid
FROM run_queue_waits
UNION ALL
SELECT tid, pid, comm, start_time, end_time, is_throttled, standing_id, ran_instead_tid
FROM ready_standings
