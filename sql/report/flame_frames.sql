-- The stacks of the write path as the frames of a flame graph.
--
-- The write path is every stack with a frame of an append to Kafka's log, of write(2) or
-- of a file system. One row is a frame under its callers; frames of less than
-- `min_ratio` of their graph are left out. States are `on_cpu` (samples of running
-- threads), `off_cpu` (time that the kernel had put a thread aside) and `wall` (samples
-- of threads whether they ran or waited). Of a JFR that samples CPU time too, execution
-- samples are left out: both are of the same time.
-- @param  min_ratio    DOUBLE = 0.002 -- frames with a smaller share
--                                        of their state are left out
-- @param  max_depth    BIGINT = 80    -- frames deeper than this are left out
-- @column state        VARCHAR        -- on_cpu, off_cpu, wall or lock
-- @column depth        BIGINT         -- 1 is the outermost frame
-- @column frame        VARCHAR        -- name
-- @column start_ms     DOUBLE         -- where it begins: time of the stacks left of it
-- @column weight_ms    DOUBLE         -- time of the stacks that contain it
-- @column weight_ratio DOUBLE         -- its share of all the state's
--                                        stacks of the write path
-- @column sample_count BIGINT         -- samples
WITH
cpu_time_sources AS (
    SELECT DISTINCT source_id
    FROM stack_samples
    WHERE sampler = 'jdk.CPUTimeSample'
),
folded AS (
    SELECT
        CAST(x.state AS VARCHAR) AS state,
        array_reverse(s.frames) AS frames,
        array_to_string(array_reverse(s.frames), chr(1)) AS sort_key,
        SUM(COALESCE(x.weight_ns, 0)) AS weight_ns,
        SUM(x.sample_count) AS sample_count
    FROM stack_samples AS x
    INNER JOIN stacks AS s ON s.stack_id = x.stack_id
    -- Two samplers of one recorder see the same time: CPU time is the better measure.
    LEFT JOIN cpu_time_sources AS c ON c.source_id = x.source_id
    WHERE c.source_id IS NULL
        OR COALESCE(CAST(x.sampler AS VARCHAR), '') <> 'jdk.ExecutionSample'
    GROUP BY x.state, s.frames
),
placed AS (
    SELECT
        *,
        SUM(weight_ns) OVER (PARTITION BY state ORDER BY sort_key) - weight_ns
            AS start_ns,
        SUM(weight_ns) OVER (PARTITION BY state) AS state_ns
    FROM folded
    WHERE sort_key LIKE '%kafka.log.%.append%'
        OR sort_key LIKE '%storage.internals.log.%.append%'
        OR sort_key LIKE '%ReplicaManager.append%'
        OR sort_key LIKE '%vfs_write%'
        OR sort_key LIKE '%sys_write%'
        OR sort_key LIKE '%ext4\_%'
        OR sort_key LIKE '%xfs\_%'
        OR sort_key LIKE '%btrfs\_%'
        OR sort_key LIKE '%jbd2\_%'
),
stacked AS (
    SELECT
        *,
        unnest(range(1, LEAST(CAST(array_length(frames) AS BIGINT), $max_depth) + 1))
            AS depth
    FROM placed
    WHERE state_ns > 0
),
framed AS (
    SELECT
        state,
        depth,
        array_to_string(array_slice(frames, 1, depth), ';') AS path,
        array_element(frames, depth) AS frame,
        start_ns,
        weight_ns,
        state_ns,
        sample_count
    FROM stacked
)
SELECT
    state,
    depth,
    frame,
    MIN(start_ns) / 1e6 AS start_ms,
    SUM(weight_ns) / 1e6 AS weight_ms,
    CAST(SUM(weight_ns) AS DOUBLE) / state_ns AS weight_ratio,
    SUM(sample_count) AS sample_count
FROM framed
GROUP BY state, depth, path, frame, state_ns
HAVING SUM(weight_ns) >= $min_ratio * state_ns
ORDER BY state, depth, start_ms, frame
