-- The segments of each slow request outside the queue of its connection: of its own service, and before
-- it the time in which its bytes were still arriving.
--
-- With those of its queue (see queue_segments), which it shares with others, they are its
-- `request_segments`.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the segment
-- @column end_time       TIMESTAMP   -- its end
-- @column segment        VARCHAR     -- stage of the request's life, see request_segments
-- @column root           VARCHAR     -- what the time was in (see blame)
-- @column via            VARCHAR     -- how that reached the request (see blame)
-- @column cause          VARCHAR     -- both in one word (see blame)
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
slow AS (
    SELECT
        request_id,
        add_ns(arrival_time, connection_queue_ns) AS queue_end,
        service_start
    FROM accounted_requests
    WHERE is_slow
),
receives AS (
    -- Times in which its bytes were still arriving.
    SELECT request_id, queue_end AS start_time, service_start AS end_time
    FROM slow
    WHERE queue_end < service_start
),
kept_receives AS (
    SELECT
        r.request_id,
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
    SELECT request_id, start_time, end_time, reason
    FROM kept_receives
    UNION ALL BY NAME
    -- What no row of TCP covers of them.
    SELECT request_id, end_time AS start_time, next_time AS end_time
    FROM (
        SELECT
            request_id, end_time,
            LEAD(start_time) OVER (PARTITION BY request_id ORDER BY start_time, end_time) AS next_time
        FROM (
            SELECT request_id, start_time, end_time FROM kept_receives
            UNION ALL
            SELECT request_id, start_time, start_time AS end_time FROM receives
            UNION ALL
            SELECT request_id, end_time AS start_time, end_time FROM receives
        )
    )
    WHERE end_time < next_time
),
segments AS (
    SELECT
        g.request_id, g.start_time, g.end_time, g.segment, g.root, g.via, g.write_state,
        g.root_write_id, g.lock_wait_id, g.pause_id, g.other_request_id, g.function_call_id,
        g.block_io_id, g.standing_id, g.blocker_tid, g.blocker_broker, g.remote_kind, g.remote_id,
        g.topic, g.partition, g.lock_class, g.reason, g.rule, g.confidence
    FROM slow AS s
    INNER JOIN detailed_segments AS g ON g.request_id = s.request_id
    UNION ALL BY NAME
    SELECT
        request_id, start_time, end_time,
        'receive' AS segment,
        'receive' AS root, 'own' AS via, reason, 'request_bytes' AS rule, 1.0 AS confidence
    FROM received
)
SELECT
    request_id,
    start_time,
    end_time,
    segment,
    root,
    via,
    cause_of(root, via) AS cause,
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
ORDER BY request_id, start_time
