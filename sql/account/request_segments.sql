-- Every nanosecond of each slow request, cut into segments that sum to its latency
-- exactly.
--
-- `segment` is the stage of the request's life:
--   connection_queue  an earlier request of its connection was not yet answered
--   receive           its bytes were still arriving, and nothing was ahead of it
--   unread            no network thread had read it
--   request_queue     it was read, and no handler had taken it
--   handler           its handler was at work on it, outside its waits and writes
--   lock_wait         its handler waited for a lock
--   write             its own write
--   sync              its handler had a log's data written to the disk
--   pause             the JVM was stopped
--   remote            acks=all: a follower had not caught up
--   throttle          it was held back for a quota
--   requested_wait    it waited by its own wish: a long poll, or a group's members
--   response          response queue and network
--   unexplained       nothing shows where it was
-- `cause` is the root of it, as in blame; `rule` says what shows it (see
-- explained_times). Behind an earlier request of the connection, root and rule are those
-- of that request, and it is `queued`. Those of a queue are kept once for all that waited in it (see
-- queue_segments): a question that adds up all of them better asks request_causes.
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the segment
-- @column end_time       TIMESTAMP   -- its end
-- @column segment_ns     BIGINT      -- its length
-- @column segment        VARCHAR     -- stage of the request's life, as above
-- @column root           VARCHAR     -- what the time was in (see blame)
-- @column via            VARCHAR     -- how that reached the request (see blame)
-- @column cause          VARCHAR     -- both in one word (see blame)
-- @column write_state    VARCHAR     -- what the write at the root was doing
--                                       (see write_states)
-- @column root_write_id  BIGINT      -- the write that took the time
-- @column lock_wait_id   BIGINT      -- the wait
-- @column pause_id       BIGINT      -- the pause
-- @column ahead_request_id BIGINT    -- the request it queued behind on its connection
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
queues AS (
    SELECT
        request_id,
        connection_id,
        arrival_time,
        add_ns(arrival_time, connection_queue_ns) AS queue_end
    FROM accounted_requests
    WHERE is_slow
        AND connection_queue_ns > 0
),
segments AS (
    SELECT
        request_id, start_time, end_time, segment, root, via, cause, write_state, root_write_id,
        lock_wait_id, pause_id, other_request_id, function_call_id, block_io_id, standing_id,
        blocker_tid, blocker_broker, remote_kind, remote_id, topic, partition, lock_class, reason,
        rule, confidence
    FROM own_segments
    UNION ALL BY NAME
    SELECT
        q.request_id,
        GREATEST(q.arrival_time, g.start_time) AS start_time,
        LEAST(q.queue_end, g.end_time) AS end_time,
        'connection_queue' AS segment, g.root, 'queued' AS via, g.cause, g.write_state,
        g.root_write_id, g.lock_wait_id, g.pause_id, g.ahead_request_id, g.other_request_id,
        g.function_call_id, g.block_io_id, g.standing_id, g.blocker_tid, g.blocker_broker,
        g.remote_kind, g.remote_id, g.topic, g.partition, g.lock_class, g.reason, g.rule,
        g.confidence
    FROM queues AS q
    INNER JOIN queue_segments AS g
        ON g.connection_id = q.connection_id
        AND g.start_time < q.queue_end
        AND q.arrival_time < g.end_time
)
SELECT
    request_id,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) AS segment_ns,
    segment,
    root,
    via,
    cause,
    write_state,
    root_write_id,
    lock_wait_id,
    pause_id,
    ahead_request_id,
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
