-- Who waited for whom: the links of the wait chains of the slow requests.
--
-- One row is a waiter, what it waited for, and when. Waiters are requests, lock waits,
-- writes and pauses; what they waited for are requests, lock waits, writes, pauses, block IO
-- and function calls (journal commits and waits). `chain` follows the links from one
-- request.
-- @column waiter_kind    VARCHAR     -- request, lock_wait, write or pause
-- @column waiter_id      BIGINT      -- its id
-- @column start_time     TIMESTAMP   -- start of the time that they have in common
-- @column end_time       TIMESTAMP   -- its end
-- @column wait_ns        BIGINT      -- time in it that counts as
--                                       this wait in the account
-- @column blocker_kind   VARCHAR     -- request, lock_wait, write, pause,
--                                       function_call or block_io
-- @column blocker_id     BIGINT      -- its id
-- @column blocker_tid    INT         -- its thread
-- @column rule           VARCHAR     -- what shows it
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH
served AS (
    SELECT
        request_id,
        start_time,
        end_time,
        CASE
            WHEN lock_wait_id IS NOT NULL THEN 'lock_wait'
            WHEN root_write_id IS NOT NULL THEN 'write'
            WHEN pause_id IS NOT NULL THEN 'pause'
            WHEN other_request_id IS NOT NULL THEN 'request'
        END AS blocker_kind,
        COALESCE(lock_wait_id, root_write_id, pause_id, other_request_id) AS blocker_id,
        CASE WHEN lock_wait_id IS NULL THEN blocker_tid END AS blocker_tid,
        rule,
        confidence
    FROM service_segments
),
edges AS (
    SELECT
        'request' AS waiter_kind,
        s.request_id AS waiter_id,
        GREATEST(s.arrival_time, a.service_start) AS start_time,
        LEAST(s.service_start, a.end_time) AS end_time,
        overlap_ns(s.arrival_time, s.service_start, a.service_start, a.end_time) AS wait_ns,
        'request' AS blocker_kind,
        a.request_id AS blocker_id,
        CAST(NULL AS INT) AS blocker_tid,
        'same_connection' AS rule,
        CAST(1 AS DOUBLE) AS confidence
    FROM accounted_requests AS s
    INNER JOIN accounted_requests AS a
        ON a.connection_id = s.connection_id
        AND a.service_start < s.service_start
        AND s.arrival_time < a.end_time
    WHERE a.request_id <> s.request_id
        AND s.is_slow
    UNION ALL
    SELECT
        'request', request_id, MIN(start_time), MAX(end_time),
        SUM(elapsed_ns(start_time, end_time)), blocker_kind, blocker_id, MIN(blocker_tid),
        MIN(rule), MIN(confidence)
    FROM served
    WHERE blocker_id IS NOT NULL
    GROUP BY request_id, blocker_kind, blocker_id
    UNION ALL
    SELECT
        'lock_wait', lock_wait_id, start_time, end_time,
        held_ns, CASE WHEN holder_write_id IS NULL THEN 'lock_wait' ELSE 'write' END,
        COALESCE(holder_write_id, holder_wait_id), holder_tid,
        rule, confidence
    FROM wait_holders
    WHERE holder_tid IS NOT NULL
        AND NOT is_ready
    UNION ALL
    SELECT
        'pause', s.pause_id, MIN(s.start_time), MAX(s.end_time),
        SUM(s.state_ns), 'write', s.write_id, MIN(s.tid),
        MIN(s.state), CAST(NULL AS DOUBLE)
    FROM pause_states AS s
    WHERE s.write_id IS NOT NULL
    GROUP BY s.pause_id, s.write_id
    UNION ALL
    SELECT
        'write', s.write_id, MIN(s.start_time), MAX(s.end_time),
        SUM(s.state_ns),
        CASE WHEN s.function_call_id IS NULL THEN 'block_io' ELSE 'function_call' END,
        COALESCE(s.function_call_id, s.block_io_id), NULL,
        MIN(s.write_state), CAST(NULL AS DOUBLE)
    FROM write_states AS s
    WHERE s.function_call_id IS NOT NULL
        OR s.block_io_id IS NOT NULL
    GROUP BY s.write_id, s.function_call_id, s.block_io_id
)
SELECT
    waiter_kind,
    waiter_id,
    start_time,
    end_time,
    wait_ns,
    blocker_kind,
    blocker_id,
    blocker_tid,
    rule,
    confidence
FROM edges
WHERE start_time < end_time
ORDER BY waiter_kind, waiter_id, start_time, blocker_kind, blocker_id, rule
