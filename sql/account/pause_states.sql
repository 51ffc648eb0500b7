-- What happened in each stop of the JVM near the accounted requests, cut so that nothing
-- overlaps or is left out.
--
-- Where several states cover a moment, the first of this order counts:
--   pause_io            the VM thread, or a collection's, was in a file operation or a page
--                       fault, or stood still for the disk or for memory (see
--                       pause_operations): writing the GC log, for example
--   time_to_safepoint   a thread had not come to the safepoint yet, and the others waited
--   gc                  a collection
--   vm_operation        whatever else it was for
-- A moment that several rows tell (a collection inside of its safepoint, or one stop seen
-- by two recorders) is told once, of the row with the lowest `pause_id`, as in
-- `service_segments`.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  handoff_ms     DOUBLE = 1  -- a thread comes to a safepoint this soon after a
--                                       wait, or within a hundredth of what that took
-- @column pause_id       BIGINT      -- the pause
-- @column start_time     TIMESTAMP   -- start of the state
-- @column end_time       TIMESTAMP   -- its end
-- @column state_ns       BIGINT      -- its length
-- @column state          VARCHAR     -- the state, as above
-- @column name           VARCHAR     -- of the collection or the operation
-- @column gc_cause       VARCHAR     -- what the collection was for
-- @column write_id       BIGINT      -- the file operation
-- @column write_state    VARCHAR     -- what that was doing (see write_states), or what the
--                                       thread stood still for: all those that came late, where
--                                       it was the same
-- @column function_call_id BIGINT    -- the journal's commit or function that it was in, or
--                                       the page fault
-- @column block_io_id    BIGINT      -- the request to the block device that it was in
-- @column standing_id    BIGINT      -- the stretch in which its thread stood still; of threads
--                                       that came late the one that ended last
-- @column tid            INT         -- whose operation it was; or who came late to the
--                                       safepoint: the one thread that waited for a CPU, or
--                                       was in a page fault, from before it began until the
--                                       last thread had come
WITH
near AS (
    SELECT
        p.pause_id,
        CAST(p.kind AS VARCHAR) AS kind,
        CAST(p.name AS VARCHAR) AS name,
        CAST(p.cause AS VARCHAR) AS cause,
        p.start_time,
        p.end_time
    FROM pauses AS p
    WHERE p.kind IN ('gc', 'safepoint', 'safepoint_sync', 'vm_operation')
        AND EXISTS (
            SELECT 1
            FROM near_times AS n
            WHERE p.start_time < n.end_time
                AND n.start_time < p.end_time
        )
),
late_waits AS (
    -- A thread in a system call does not keep a safepoint from beginning.
    SELECT
        p.pause_id, w.tid, w.wait_class, w.standing_id,
        ROW_NUMBER() OVER (
            PARTITION BY p.pause_id ORDER BY w.standing_id IS NULL, w.end_time DESC, w.standing_id
        ) AS place
    FROM near AS p
    INNER JOIN (
        SELECT
            pid, tid, start_time, end_time, 'cpu' AS wait_class,
            CAST(NULL AS BIGINT) AS standing_id
        FROM run_queue_waits
        UNION ALL
        SELECT pid, tid, start_time, end_time, NULL, NULL
        FROM page_faults
        UNION ALL
        SELECT
            pid, tid, start_time, end_time, CASE WHEN is_ready THEN 'cpu' ELSE wait_class END,
            standing_id
        FROM near_standings
        WHERE syscall IS NULL
            AND (is_ready OR reason IN ('page_fault', 'memory_reclaim', 'swap'))
    ) AS w
        ON w.start_time < p.end_time
        AND p.start_time < w.end_time
    WHERE p.kind = 'safepoint_sync'
        AND elapsed_ns(p.start_time, p.end_time) >= 10 * $handoff_ms * 1e6
        AND w.tid IS NOT NULL
        AND (w.pid IS NULL OR w.pid IN (SELECT pid FROM broker_processes))
        AND w.start_time <= add_ns(p.start_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
        -- Those that were late all run at once then, and need a CPU first.
        AND elapsed_ns(w.end_time, p.end_time)
            BETWEEN -$clock_slack_ms * 1e6
            AND GREATEST($handoff_ms * 1e6, 0.01 * elapsed_ns(p.start_time, p.end_time))
),
late AS (
    SELECT
        pause_id,
        tid,
        wait_class,
        -- Of several stretches the one that ended last.
        CASE WHEN wait_class IS NOT NULL THEN standing_id END AS standing_id
    FROM (
        SELECT
            pause_id,
            CASE WHEN COUNT(DISTINCT tid) = 1 THEN MIN(tid) END AS tid,
            -- What all of them were in.
            CASE
                WHEN MIN(wait_class) = MAX(wait_class)
                    AND MIN(wait_class) <> 'cpu'
                    AND COUNT(DISTINCT tid) = COUNT(DISTINCT tid) FILTER (WHERE wait_class IS NOT NULL)
                    THEN MIN(wait_class)
            END AS wait_class,
            MIN(standing_id) FILTER (WHERE place = 1) AS standing_id
        FROM late_waits
        GROUP BY pause_id
    )
),
states AS (
    SELECT
        1 AS rank, 'pause_io' AS state, o.thread_name AS name, CAST(NULL AS VARCHAR) AS gc_cause,
        COALESCE(s.start_time, o.start_time) AS start_time,
        COALESCE(s.end_time, o.end_time) AS end_time,
        o.write_id, COALESCE(s.write_state, o.wait_class) AS write_state,
        COALESCE(s.function_call_id, o.function_call_id) AS function_call_id,
        s.block_io_id, COALESCE(s.standing_id, o.standing_id) AS standing_id, o.tid, CAST(NULL AS BIGINT) AS pause_id
    FROM pause_operations AS o
    LEFT JOIN write_states AS s ON s.write_id = o.write_id
    WHERE NOT o.is_throttled
    UNION ALL BY NAME
    SELECT
        2 AS rank, 'time_to_safepoint' AS state, p.name, p.start_time, p.end_time,
        l.wait_class AS write_state, l.standing_id, l.tid, p.pause_id
    FROM near AS p
    LEFT JOIN late AS l ON l.pause_id = p.pause_id
    WHERE p.kind = 'safepoint_sync'
    UNION ALL BY NAME
    SELECT
        3 AS rank, 'gc' AS state, name, cause AS gc_cause, start_time, end_time, pause_id
    FROM near
    WHERE kind = 'gc'
    UNION ALL BY NAME
    SELECT
        CASE kind WHEN 'vm_operation' THEN 4 ELSE 5 END AS rank, 'vm_operation' AS state,
        CASE WHEN lower(name) = 'safepoint' THEN COALESCE(cause, name) ELSE name END AS name,
        start_time, end_time, pause_id
    FROM near
    WHERE kind IN ('vm_operation', 'safepoint')
),
cuts AS (
    SELECT start_time AS cut_time FROM near
    UNION
    SELECT end_time AS cut_time FROM near
    UNION
    SELECT start_time AS cut_time FROM states
    UNION
    SELECT end_time AS cut_time FROM states
),
pieces AS (
    SELECT
        cut_time AS start_time,
        LEAD(cut_time) OVER (ORDER BY cut_time) AS end_time
    FROM cuts
),
stopped AS (
    SELECT c.start_time, c.end_time, MIN(p.pause_id) AS pause_id
    FROM pieces AS c
    INNER JOIN near AS p
        ON p.start_time < c.end_time
        AND c.start_time < p.end_time
    WHERE p.kind IN ('gc', 'safepoint')
    GROUP BY c.start_time, c.end_time
),
covered AS (
    SELECT
        c.pause_id, c.start_time, c.end_time,
        s.state, s.name, s.gc_cause, s.write_id, s.write_state, s.function_call_id,
        s.block_io_id, s.standing_id, s.tid,
        ROW_NUMBER() OVER (
            PARTITION BY c.start_time
            ORDER BY
                s.rank, s.start_time, s.write_id, s.function_call_id, s.standing_id, s.pause_id
        ) AS place
    FROM stopped AS c
    INNER JOIN states AS s
        ON s.start_time < c.end_time
        AND c.start_time < s.end_time
)
SELECT
    pause_id,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) AS state_ns,
    state,
    name,
    gc_cause,
    write_id,
    write_state,
    function_call_id,
    block_io_id,
    standing_id,
    tid
FROM covered
WHERE place = 1
ORDER BY start_time
