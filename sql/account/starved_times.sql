-- Times in which several threads of the broker could have run, and none got a CPU.
--
-- From one sign that a thread of it ran to the next: the end of a wait for a CPU, the start or
-- end of a file operation, of a stretch off the CPU or of a wait for a lock, a sample on one, a
-- response that left. In between `starved_threads` of its threads waited for a CPU, and none of
-- these waits ended; and the CPU that ended it had not been another of its threads'. The JVM's
-- own threads do not count: a collection's, or those of the compiler, take turns on the CPUs.
-- @materialized
-- @param  starved_ms     DOUBLE = 5  -- shorter times are those of threads that take turns
-- @param  starved_threads BIGINT = 3 -- how many threads have to wait for a CPU at once
-- @column first_time     TIMESTAMP   -- the first of them waited
-- @column start_time     TIMESTAMP   -- that many waited
-- @column end_time       TIMESTAMP   -- the next sign that a thread of the broker ran
-- @column tid            INT         -- the thread whose wait was over first
-- @column standing_id    BIGINT      -- its stretch: standings.standing_id
-- @column is_throttled   BOOLEAN     -- whether the control group had no CPU time left as a
--                                       wait of them began
WITH
ready AS (
    SELECT
        r.tid, r.start_time, r.end_time, r.is_throttled, r.standing_id, r.ran_instead_tid,
        COALESCE(
            r.comm IN ('VM Thread', 'VM Periodic Tas')
                OR is_collection_thread(r.comm)
                OR r.comm LIKE 'G1 %'
                OR r.comm LIKE 'C1 Compiler%'
                OR r.comm LIKE 'C2 Compiler%',
            FALSE
        ) AS is_jvms_own
    FROM ready_times AS r
    WHERE r.pid IN (SELECT pid FROM broker_processes)
        AND EXISTS (
            SELECT 1
            FROM near_times AS n
            WHERE r.start_time < n.end_time
                AND n.start_time < r.end_time
        )
),
-- What two recordings have of one wait is one.
waits AS (
    SELECT
        tid,
        start_time,
        MAX(end_time) AS end_time,
        BOOL_OR(is_throttled) AS is_throttled,
        MIN(standing_id) AS standing_id,
        MIN(ran_instead_tid) AS ran_instead_tid,
        BOOL_OR(is_jvms_own) AS is_jvms_own
    FROM ready
    GROUP BY tid, start_time
),
samples AS (
    SELECT s.time
    FROM near_times AS n
    INNER JOIN stack_samples AS s
        ON s.time >= n.start_time
        AND s.time < n.end_time
    WHERE s.state = 'on_cpu'
),
responses AS (
    SELECT r.response_time AS time
    FROM near_times AS n
    INNER JOIN recorded_requests AS r
        ON r.response_time >= n.start_time
        AND r.response_time < n.end_time
),
signs AS (
    SELECT start_time AS time FROM near_times
    UNION
    SELECT end_time FROM near_times
    UNION
    SELECT end_time FROM waits
    UNION
    SELECT start_time FROM near_writes
    UNION
    SELECT end_time FROM near_writes
    UNION
    SELECT start_time FROM near_waits
    UNION
    SELECT end_time FROM near_waits
    UNION
    SELECT start_time FROM near_standings WHERE NOT is_ready
    UNION
    SELECT stretch_end FROM near_standings WHERE NOT is_ready
    UNION
    SELECT time FROM samples
    UNION
    SELECT time FROM responses
),
gaps AS (
    SELECT time AS start_time, LEAD(time) OVER (ORDER BY time) AS end_time
    FROM signs
),
waiting AS (
    SELECT
        g.start_time AS gap_time,
        g.end_time,
        w.tid,
        MIN(GREATEST(w.start_time, g.start_time)) AS start_time,
        MIN(w.end_time) AS wait_end,
        MIN(w.standing_id) AS standing_id,
        BOOL_OR(w.is_throttled) AS is_throttled,
        MIN(w.ran_instead_tid) FILTER (WHERE w.end_time = g.end_time) AS ran_instead_tid
    FROM gaps AS g
    INNER JOIN waits AS w
        ON w.start_time < g.end_time
        AND g.start_time < w.end_time
    WHERE elapsed_ns(g.start_time, g.end_time) >= $starved_ms * 1e6
        AND NOT w.is_jvms_own
    GROUP BY g.start_time, g.end_time, w.tid
),
placed AS (
    SELECT
        w.*,
        ROW_NUMBER() OVER (PARTITION BY gap_time ORDER BY start_time, w.tid) AS place,
        MIN(start_time) OVER (PARTITION BY gap_time) AS first_time,
        FIRST_VALUE(w.tid) OVER (PARTITION BY gap_time ORDER BY wait_end, w.tid) AS first_tid,
        FIRST_VALUE(w.standing_id) OVER (PARTITION BY gap_time ORDER BY wait_end, w.tid)
            AS first_standing_id,
        -- Of those that waited all the time.
        BOOL_OR(w.is_throttled) OVER (
            PARTITION BY gap_time ORDER BY start_time, w.tid ROWS UNBOUNDED PRECEDING
        ) AS is_any_throttled,
        BOOL_OR(b.tid IS NOT NULL) OVER (PARTITION BY gap_time) AS is_after_own
    FROM waiting AS w
    LEFT JOIN (SELECT DISTINCT tid FROM ready) AS b ON b.tid = w.ran_instead_tid
)
SELECT
    first_time,
    start_time,
    end_time,
    first_tid AS tid,
    first_standing_id AS standing_id,
    is_any_throttled AS is_throttled
FROM placed
WHERE place = $starved_threads
    AND NOT is_after_own
    AND elapsed_ns(start_time, end_time) >= $starved_ms * 1e6
ORDER BY start_time
