-- When the threads near the accounted requests computed without a break, by samples that
-- follow each other.
--
-- A sample stands for its weight of CPU time, whenever that was. Only samples that follow
-- each other as fast as those of a thread that does not stop (two weights) show that it
-- did not stop in between.
-- @materialized
-- @column tid            INT         -- the thread
-- @column start_time     TIMESTAMP   -- start of the time that a sample stands for
-- @column end_time       TIMESTAMP   -- when it was taken
-- @column weight_ns      BIGINT      -- CPU time between two samples
SELECT
    tid,
    add_ns(time, -LEAST(since_ns, weight_ns)) AS start_time,
    time AS end_time,
    weight_ns
FROM (
    SELECT
        s.tid,
        s.time,
        s.weight_ns,
        elapsed_ns(LAG(s.time) OVER (PARTITION BY s.tid ORDER BY s.time), s.time) AS since_ns
    FROM near_times AS n
    INNER JOIN stack_samples AS s
        ON s.time >= n.start_time
        AND s.time < n.end_time
    WHERE s.state = 'on_cpu'
        AND s.weight_ns > 0
)
WHERE since_ns <= 2 * weight_ns
ORDER BY start_time, tid, end_time
