-- Who waited for whom, as pairs of slices: the arrows of a timeline viewer.
--
-- Kinds and ids are those of `trace_slices`. A pair is listed once, with its time over all slow requests.
-- @param  slo_ms         DOUBLE = 65 -- requests at least this slow
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column flow_id        BIGINT      -- number of the pair, from 1
-- @column waiter_kind    VARCHAR     -- request, lock_wait or write
-- @column waiter_id      BIGINT      -- its id
-- @column blocker_kind   VARCHAR     -- request, lock_wait, write, function_call or pause
-- @column blocker_id     BIGINT      -- its id
-- @column wait_ms        DOUBLE      -- how long it waited for it
WITH
root_writes AS (
    SELECT DISTINCT root_write_id
    FROM request_segments
    WHERE root_write_id IS NOT NULL
),
edges AS (
    SELECT
        'request' AS waiter_kind, request_id AS waiter_id,
        'request' AS blocker_kind, ahead_request_id AS blocker_id, segment_ns AS wait_ns
    FROM request_segments
    WHERE ahead_request_id IS NOT NULL
    UNION ALL
    SELECT
        'request' AS waiter_kind, request_id AS waiter_id,
        'lock_wait' AS blocker_kind, lock_wait_id AS blocker_id, segment_ns AS wait_ns
    FROM request_segments
    WHERE lock_wait_id IS NOT NULL
        AND ahead_request_id IS NULL
    UNION ALL
    SELECT
        'request' AS waiter_kind, request_id AS waiter_id,
        'write' AS blocker_kind, root_write_id AS blocker_id, segment_ns AS wait_ns
    FROM request_segments
    WHERE root_write_id IS NOT NULL
        AND lock_wait_id IS NULL
        AND ahead_request_id IS NULL
    UNION ALL
    SELECT
        'request' AS waiter_kind, request_id AS waiter_id,
        'pause' AS blocker_kind, pause_id AS blocker_id, segment_ns AS wait_ns
    FROM request_segments
    WHERE pause_id IS NOT NULL
    UNION ALL
    SELECT
        'lock_wait' AS waiter_kind, lock_wait_id AS waiter_id,
        'write' AS blocker_kind, holder_write_id AS blocker_id, held_ns AS wait_ns
    FROM wait_holders
    UNION ALL
    SELECT
        'write' AS waiter_kind, w.write_id AS waiter_id,
        'function_call' AS blocker_kind, f.function_call_id AS blocker_id,
        overlap_ns(w.start_time, w.end_time, f.start_time, f.end_time) AS wait_ns
    FROM root_writes AS r
    INNER JOIN writes AS w ON w.write_id = r.root_write_id
    INNER JOIN function_calls AS f
        ON f.start_time < w.end_time
        AND w.start_time < f.end_time
    WHERE f.function LIKE 'jbd2%commit%'
        AND w.duration_ns > 1000000
)
SELECT
    ROW_NUMBER() OVER (ORDER BY waiter_kind, waiter_id, blocker_kind, blocker_id) AS flow_id,
    waiter_kind,
    waiter_id,
    blocker_kind,
    blocker_id,
    SUM(wait_ns) / 1e6 AS wait_ms
FROM edges
GROUP BY waiter_kind, waiter_id, blocker_kind, blocker_id
ORDER BY flow_id
