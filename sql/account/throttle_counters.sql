-- How long the threads of the broker's control group had had no CPU time left of their
-- quota, at each sample of it (`cpu.stat`).
--
-- The kernel counts such time, of all CPUs added up, when the threads may run again; so the
-- first sample behind a wait tells of it.
-- @materialized
-- @column time           TIMESTAMP   -- when it was sampled
-- @column throttled_ns   DOUBLE      -- time without quota since the first sample
SELECT
    time,
    SUM(value) OVER (ORDER BY time, load_sample_id ROWS UNBOUNDED PRECEDING) AS throttled_ns
FROM load_samples
WHERE metric = 'cpu_throttled'
ORDER BY time
