-- The segments of each accounted request's service, cut by what their root was in: a write by its states, a
-- stop of the JVM by what happened in it.
--
-- A request that others waited behind is looked at once, for itself and for all of them (see own_segments and
-- queue_segments).
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the segment
-- @column end_time       TIMESTAMP   -- its end
-- @column segment        VARCHAR     -- stage of the request's life, see request_segments
-- @column root           VARCHAR     -- what the time was in (see blame)
-- @column via            VARCHAR     -- how that reached the request (see blame)
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
    FROM service_segments AS w
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
    FROM service_segments AS w
    INNER JOIN known_roots AS r ON r.write_id = w.root_write_id
    WHERE r.end_time < w.end_time
    UNION ALL BY NAME
    SELECT
        w.request_id, w.start_time, w.end_time,
        w.segment, w.root, w.via, w.root_write_id, w.lock_wait_id, w.pause_id,
        w.other_request_id, w.standing_id, w.blocker_tid, w.blocker_broker, w.remote_kind, w.remote_id, w.topic, w.partition, w.lock_class,
        w.reason, w.rule, w.confidence
    FROM service_segments AS w
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
    FROM service_segments AS w
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
