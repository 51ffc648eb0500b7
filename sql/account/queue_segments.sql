-- What each connection was in while slow requests of it waited behind earlier ones: the segments
-- of the services of its requests, and between these the times in which the bytes of the next
-- were still arriving.
--
-- Kafka serves the requests of a connection one at a time, so one row is part of the queue of
-- every request that came before its end: it is kept once, and `request_segments` shows it for each of
-- them. Kept for each, a connection with n requests open would have n² / 2.
-- @materialized
-- @column connection_id  BIGINT      -- the connection
-- @column ahead_request_id BIGINT    -- the request that was served; null while one was still arriving
-- @column start_time     TIMESTAMP   -- start of the segment
-- @column end_time       TIMESTAMP   -- its end
-- @column root           VARCHAR     -- what the time was in (see blame)
-- @column cause          VARCHAR     -- that of the requests behind it (see blame)
-- @column write_state    VARCHAR     -- what the write at the root was doing
--                                       (see write_states)
-- @column root_write_id  BIGINT      -- the write that took the time
-- @column lock_wait_id   BIGINT      -- the wait
-- @column pause_id       BIGINT      -- the pause
-- @column other_request_id BIGINT    -- the request that shows it: the follower's fetch that
--                                       ended it, or the one that was throttled
-- @column function_call_id BIGINT    -- the journal's commit or
--                                       function that the write was in
-- @column block_io_id    BIGINT      -- the request to the block
--                                       device that the write was in
-- @column standing_id    BIGINT      -- the stretch in which its thread, or that of the write or
--                                       pause, stood still
-- @column blocker_tid    INT         -- the thread waited for
-- @column blocker_broker INT         -- the broker where the root is, where that is another one
-- @column remote_kind    VARCHAR     -- what shows it there, where it is no file operation: pause,
--                                       standing, lock_wait, run_queue_wait or request;
--                                       or isr_change or isr_request, at this broker
-- @column remote_id      BIGINT      -- its id
-- @column topic          VARCHAR     -- topic of the log written to or waited for
-- @column partition      INT         -- its partition
-- @column lock_class     VARCHAR     -- class of the lock
-- @column reason         VARCHAR     -- the mechanism at the root (see reasons); null where
--                                       nothing shows it
-- @column rule           VARCHAR     -- what shows it (see rules)
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1;
--                                       null when nothing explains it
WITH
queued AS (
    SELECT DISTINCT connection_id
    FROM accounted_requests
    WHERE is_slow
        AND connection_queue_ns > 0
),
ahead AS (
    SELECT a.request_id, a.connection_id, a.arrival_time, a.service_start, a.end_time
    FROM queued AS q
    INNER JOIN accounted_requests AS a ON a.connection_id = q.connection_id
    WHERE a.service_start < a.end_time
),
receives AS (
    -- What lies between the services: the next request was still arriving.
    SELECT connection_id, request_id, reached_time AS start_time, service_start AS end_time
    FROM (
        SELECT
            connection_id,
            request_id,
            service_start,
            COALESCE(
                MAX(end_time) OVER (
                    PARTITION BY connection_id
                    ORDER BY service_start, end_time, request_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ),
                MIN(arrival_time) OVER (PARTITION BY connection_id)
            ) AS reached_time
        FROM ahead
    )
    WHERE reached_time < service_start
),
kept_receives AS (
    SELECT
        r.connection_id, r.request_id,
        GREATEST(r.start_time, s.start_time) AS start_time,
        LEAST(r.end_time, s.end_time) AS end_time,
        s.state AS reason
    FROM receives AS r
    INNER JOIN connection_states AS s
        ON s.request_id = r.request_id
        AND s.start_time < r.end_time
        AND r.start_time < s.end_time
    WHERE s.direction = 'to_broker'
),
received AS (
    SELECT connection_id, start_time, end_time, reason
    FROM kept_receives
    UNION ALL BY NAME
    -- What no row of TCP covers of them.
    SELECT connection_id, end_time AS start_time, next_time AS end_time
    FROM (
        SELECT
            connection_id, end_time,
            LEAD(start_time) OVER (PARTITION BY request_id ORDER BY start_time, end_time) AS next_time
        FROM (
            SELECT connection_id, request_id, start_time, end_time FROM kept_receives
            UNION ALL
            SELECT connection_id, request_id, start_time, start_time AS end_time FROM receives
            UNION ALL
            SELECT connection_id, request_id, end_time AS start_time, end_time FROM receives
        )
    )
    WHERE end_time < next_time
),
segments AS (
    SELECT
        a.connection_id, g.request_id AS ahead_request_id, g.start_time, g.end_time, g.root,
        g.write_state, g.root_write_id, g.lock_wait_id, g.pause_id, g.other_request_id,
        g.function_call_id, g.block_io_id, g.standing_id, g.blocker_tid, g.blocker_broker,
        g.remote_kind, g.remote_id, g.topic, g.partition, g.lock_class, g.reason, g.rule,
        g.confidence
    FROM ahead AS a
    INNER JOIN detailed_segments AS g ON g.request_id = a.request_id
    UNION ALL BY NAME
    SELECT
        connection_id, start_time, end_time,
        'receive' AS root, reason, 'request_bytes' AS rule, 1.0 AS confidence
    FROM received
)
SELECT
    connection_id,
    ahead_request_id,
    start_time,
    end_time,
    root,
    cause_of(root, 'queued') AS cause,
    write_state,
    root_write_id,
    lock_wait_id,
    pause_id,
    other_request_id,
    function_call_id,
    block_io_id,
    standing_id,
    blocker_tid,
    blocker_broker,
    remote_kind,
    remote_id,
    topic,
    partition,
    lock_class,
    reason,
    rule,
    confidence
FROM segments
ORDER BY connection_id, start_time
