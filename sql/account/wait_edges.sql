-- Who waited for whom: the links of the wait chains of the slow requests.
--
-- One row is a waiter, what it waited for, and when. Waiters are requests, lock waits,
-- writes, pauses and threads that stood still; what they waited for are requests, lock waits,
-- writes, pauses, block IO, function calls (journal commits and waits) and stretches in which
-- their thread stood still. `chain` follows the links from one request.
-- @column waiter_kind    VARCHAR     -- request, lock_wait, write, pause or standing
-- @column waiter_id      BIGINT      -- its id
-- @column start_time     TIMESTAMP   -- start of the time that they have in common
-- @column end_time       TIMESTAMP   -- its end
-- @column wait_ns        BIGINT      -- time in it that counts as
--                                       this wait in the account
-- @column blocker_kind   VARCHAR     -- request, lock_wait, write, pause, standing,
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
            WHEN remote_kind IN ('pause', 'standing', 'lock_wait') THEN remote_kind
            WHEN standing_id IS NOT NULL THEN 'standing'
            WHEN lock_wait_id IS NOT NULL THEN 'lock_wait'
            WHEN root_write_id IS NOT NULL THEN 'write'
            WHEN pause_id IS NOT NULL THEN 'pause'
            WHEN other_request_id IS NOT NULL THEN 'request'
        END AS blocker_kind,
        COALESCE(
            CASE WHEN remote_kind IN ('pause', 'standing', 'lock_wait') THEN remote_id END,
            standing_id, lock_wait_id, root_write_id, pause_id, other_request_id
        ) AS blocker_id,
        CASE WHEN standing_id IS NULL AND lock_wait_id IS NULL THEN blocker_tid END AS blocker_tid,
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
        SUM(s.state_ns),
        CASE WHEN s.write_id IS NULL THEN 'standing' ELSE 'write' END,
        COALESCE(s.write_id, s.standing_id), MIN(s.tid),
        MIN(s.state), CAST(NULL AS DOUBLE)
    FROM pause_states AS s
    WHERE s.write_id IS NOT NULL
        OR s.standing_id IS NOT NULL
    GROUP BY
        s.pause_id, s.write_id, CASE WHEN s.write_id IS NULL THEN s.standing_id END,
        COALESCE(s.write_id, s.standing_id)
    UNION ALL
    SELECT
        'write', s.write_id, MIN(s.start_time), MAX(s.end_time),
        SUM(s.state_ns),
        CASE
            WHEN s.standing_id IS NOT NULL THEN 'standing'
            WHEN s.function_call_id IS NOT NULL THEN 'function_call'
            ELSE 'block_io'
        END,
        COALESCE(s.standing_id, s.function_call_id, s.block_io_id), NULL,
        MIN(s.write_state), CAST(NULL AS DOUBLE)
    FROM write_states AS s
    WHERE s.standing_id IS NOT NULL
        OR s.function_call_id IS NOT NULL
        OR s.block_io_id IS NOT NULL
    GROUP BY s.write_id, s.standing_id, s.function_call_id, s.block_io_id
    UNION ALL
    SELECT
        'standing', standing_id, start_time, end_time, elapsed_ns(start_time, end_time),
        CASE WHEN holder_write_id IS NULL THEN 'standing' ELSE 'write' END,
        COALESCE(holder_write_id, holder_standing_id), holder_tid, 'woken_by', confidence
    FROM standing_holders
    UNION ALL
    -- Whoever waits for the journal's commit waits for what commits.
    SELECT
        'standing', s.standing_id, GREATEST(s.start_time, c.start_time), LEAST(s.end_time, c.end_time),
        overlap_ns(s.start_time, s.end_time, c.start_time, c.end_time),
        'function_call', c.function_call_id, c.tid, 'journal_commit', CAST(NULL AS DOUBLE)
    FROM (
        SELECT standing_id, start_time, end_time FROM near_standings
        WHERE reason = 'journal_commit' AND NOT is_ready
        UNION
        SELECT standing_id, start_time, end_time FROM fetcher_standings
        WHERE reason = 'journal_commit' AND NOT is_ready
    ) AS s
    INNER JOIN journal_commits AS c
        ON c.start_time < s.end_time
        AND s.start_time < c.end_time
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
