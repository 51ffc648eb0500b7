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
--                                       or isr_change, in this broker's own log
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
whole AS (
    SELECT
        s.request_id, g.start_time, g.end_time, g.segment, g.root, g.via, g.root_write_id,
        g.lock_wait_id, g.pause_id, g.other_request_id, g.standing_id, g.blocker_tid,
        g.blocker_broker, g.remote_kind, g.remote_id, g.topic, g.partition, g.lock_class, g.reason,
        g.rule, g.confidence
    FROM slow AS s
    INNER JOIN service_segments AS g ON g.request_id = s.request_id
    UNION ALL BY NAME
    SELECT
        request_id, start_time, end_time,
        'receive' AS segment,
        'receive' AS root, 'own' AS via, reason, 'request_bytes' AS rule, 1.0 AS confidence
    FROM received
),
known_roots AS (
    SELECT write_id, end_time, reason FROM root_writes
    UNION ALL
    SELECT write_id, end_time, reason FROM followed_roots
),
known_states AS (
    SELECT write_id, start_time, end_time, write_state, function_call_id, block_io_id, standing_id, reason
    FROM write_states
    UNION ALL
    SELECT write_id, start_time, end_time, write_state, function_call_id, block_io_id, standing_id, reason
    FROM followed_states
),
detailed AS (
    SELECT
        w.request_id,
        GREATEST(w.start_time, s.start_time) AS start_time,
        LEAST(w.end_time, s.end_time) AS end_time,
        w.segment, w.root, w.via, s.write_state, w.root_write_id, w.lock_wait_id, w.pause_id,
        w.other_request_id, s.function_call_id, s.block_io_id,
        COALESCE(w.standing_id, s.standing_id) AS standing_id, w.blocker_tid, w.blocker_broker, w.remote_kind, w.remote_id, w.topic, w.partition, w.lock_class, COALESCE(w.reason, r.reason, s.reason) AS reason, w.rule,
        w.confidence
    FROM whole AS w
    INNER JOIN known_roots AS r ON r.write_id = w.root_write_id
    INNER JOIN known_states AS s
        ON s.write_id = w.root_write_id
        AND s.start_time < w.end_time
        AND w.start_time < s.end_time
    UNION ALL BY NAME
    -- A flush is held on after its last recorded sync.
    SELECT
        w.request_id, GREATEST(w.start_time, r.end_time) AS start_time, w.end_time,
        w.segment, w.root, w.via, w.root_write_id, w.lock_wait_id, w.pause_id,
        w.other_request_id, w.standing_id, w.blocker_tid, w.blocker_broker, w.remote_kind, w.remote_id, w.topic, w.partition, w.lock_class,
        COALESCE(w.reason, r.reason) AS reason, w.rule, w.confidence
    FROM whole AS w
    INNER JOIN known_roots AS r ON r.write_id = w.root_write_id
    WHERE r.end_time < w.end_time
    UNION ALL BY NAME
    SELECT
        w.request_id, w.start_time, w.end_time,
        w.segment, w.root, w.via, w.root_write_id, w.lock_wait_id, w.pause_id,
        w.other_request_id, w.standing_id, w.blocker_tid, w.blocker_broker, w.remote_kind, w.remote_id, w.topic, w.partition, w.lock_class,
        w.reason, w.rule, w.confidence
    FROM whole AS w
    WHERE w.root_write_id IS NULL
        AND w.pause_id IS NULL
    UNION ALL BY NAME
    -- A stop of the JVM, by what happened in it.
    SELECT
        w.request_id,
        GREATEST(w.start_time, s.start_time) AS start_time,
        LEAST(w.end_time, s.end_time) AS end_time,
        w.segment, w.root, w.via, s.write_state, s.write_id AS root_write_id, w.lock_wait_id,
        w.pause_id, w.other_request_id, s.function_call_id, s.block_io_id,
        s.standing_id, COALESCE(s.tid, w.blocker_tid) AS blocker_tid,
        w.blocker_broker, w.remote_kind, w.remote_id, w.topic, w.partition, w.lock_class,
        s.state AS reason, w.rule, w.confidence
    FROM whole AS w
    INNER JOIN pause_states AS s
        ON s.pause_id = w.pause_id
        AND s.start_time < w.end_time
        AND w.start_time < s.end_time
    WHERE w.root_write_id IS NULL
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
FROM detailed
ORDER BY request_id, start_time
