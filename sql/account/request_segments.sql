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
-- of that request, and it is `queued`.
-- @materialized
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
        connection_id,
        arrival_time,
        service_start,
        add_ns(arrival_time, connection_queue_ns) AS queue_end
    FROM accounted_requests
    WHERE is_slow
),
ahead AS (
    -- The service of the earlier requests of the connection, while this one waited for them.
    SELECT
        s.request_id,
        a.request_id AS ahead_request_id,
        GREATEST(s.arrival_time, a.service_start) AS start_time,
        LEAST(s.queue_end, a.end_time) AS end_time
    FROM slow AS s
    INNER JOIN accounted_requests AS a
        ON a.connection_id = s.connection_id
        AND a.service_start < s.queue_end
        AND s.arrival_time < a.end_time
    WHERE a.request_id <> s.request_id
),
ahead_segments AS (
    SELECT
        h.request_id,
        h.ahead_request_id,
        GREATEST(h.start_time, g.start_time) AS start_time,
        LEAST(h.end_time, g.end_time) AS end_time,
        g.root,
        'queued' AS via,
        g.root_write_id, g.lock_wait_id, g.pause_id, g.other_request_id, g.standing_id,
        g.blocker_tid, g.blocker_broker, g.remote_kind, g.remote_id, g.topic, g.partition,
        g.lock_class, g.reason, g.rule, g.confidence
    FROM ahead AS h
    INNER JOIN service_segments AS g
        ON g.request_id = h.ahead_request_id
        AND g.start_time < h.end_time
        AND h.start_time < g.end_time
    WHERE h.start_time < h.end_time
),
own AS (
    SELECT
        s.request_id, g.start_time, g.end_time, g.segment, g.root, g.via, g.root_write_id,
        g.lock_wait_id, g.pause_id, g.other_request_id, g.standing_id, g.blocker_tid,
        g.blocker_broker, g.remote_kind, g.remote_id, g.topic, g.partition, g.lock_class, g.reason, g.rule,
        g.confidence
    FROM slow AS s
    INNER JOIN service_segments AS g ON g.request_id = s.request_id
    UNION ALL BY NAME
    SELECT
        request_id, ahead_request_id, start_time, end_time,
        'connection_queue' AS segment, root, via, root_write_id, lock_wait_id, pause_id,
        other_request_id, standing_id, blocker_tid, blocker_broker, remote_kind, remote_id, topic, partition,
        lock_class, reason, rule, confidence
    FROM ahead_segments
),
gaps AS (
    -- What lies between the services of the requests ahead: they were still arriving themselves.
    SELECT
        request_id,
        COALESCE(next_request_id, request_id) AS received_id,
        reached_time AS start_time,
        next_time AS end_time
    FROM (
        SELECT
            e.request_id,
            e.end_time AS reached_time,
            LEAD(e.start_time) OVER by_time AS next_time,
            LEAD(e.ahead_request_id) OVER by_time AS next_request_id
        FROM (
            SELECT
                request_id, NULL AS ahead_request_id, arrival_time AS start_time,
                arrival_time AS end_time
            FROM slow
            UNION ALL
            SELECT request_id, ahead_request_id, start_time, end_time
            FROM ahead
            WHERE start_time < end_time
            UNION ALL
            SELECT request_id, NULL, queue_end AS start_time, queue_end AS end_time FROM slow
        ) AS e
        WINDOW by_time AS (PARTITION BY e.request_id ORDER BY e.start_time, e.end_time)
    )
    WHERE reached_time < next_time
),
receives AS (
    -- Times in which a request's bytes were still arriving: its own, or one ahead.
    SELECT request_id, received_id, start_time, end_time, 'queued' AS via
    FROM gaps
    UNION ALL
    SELECT
        request_id, request_id AS received_id, queue_end AS start_time,
        service_start AS end_time, 'own' AS via
    FROM slow
    WHERE queue_end < service_start
),
kept_receives AS (
    SELECT
        r.request_id, r.via, r.start_time AS receive_time,
        GREATEST(r.start_time, s.start_time) AS start_time,
        LEAST(r.end_time, s.end_time) AS end_time,
        s.state AS reason
    FROM receives AS r
    INNER JOIN connection_states AS s
        ON s.request_id = r.received_id
        AND s.start_time < r.end_time
        AND r.start_time < s.end_time
    WHERE s.direction = 'to_broker'
),
received AS (
    SELECT request_id, via, start_time, end_time, reason
    FROM kept_receives
    UNION ALL BY NAME
    -- What no row of TCP covers of them.
    SELECT request_id, via, end_time AS start_time, next_time AS end_time
    FROM (
        SELECT
            request_id, via, end_time,
            LEAD(start_time) OVER (
                PARTITION BY request_id, receive_time ORDER BY start_time, end_time
            ) AS next_time
        FROM (
            SELECT request_id, via, receive_time, start_time, end_time FROM kept_receives
            UNION ALL
            SELECT
                request_id, via, start_time AS receive_time, start_time,
                start_time AS end_time
            FROM receives
            UNION ALL
            SELECT
                request_id, via, start_time AS receive_time, end_time AS start_time, end_time
            FROM receives
        )
    )
    WHERE end_time < next_time
),
whole AS (
    SELECT
        request_id, ahead_request_id, start_time, end_time, segment, root, via, root_write_id,
        lock_wait_id, pause_id, other_request_id, standing_id, blocker_tid, blocker_broker, remote_kind,
        remote_id, topic, partition, lock_class, reason, rule, confidence
    FROM own
    UNION ALL BY NAME
    SELECT
        request_id, start_time, end_time,
        CASE via WHEN 'own' THEN 'receive' ELSE 'connection_queue' END AS segment,
        'receive' AS root, via, reason, 'request_bytes' AS rule, 1.0 AS confidence
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
        w.ahead_request_id, w.other_request_id, s.function_call_id, s.block_io_id,
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
        w.segment, w.root, w.via, w.root_write_id, w.lock_wait_id, w.pause_id, w.ahead_request_id,
        w.other_request_id, w.standing_id, w.blocker_tid, w.blocker_broker, w.remote_kind, w.remote_id, w.topic, w.partition, w.lock_class,
        COALESCE(w.reason, r.reason) AS reason, w.rule, w.confidence
    FROM whole AS w
    INNER JOIN known_roots AS r ON r.write_id = w.root_write_id
    WHERE r.end_time < w.end_time
    UNION ALL BY NAME
    SELECT
        w.request_id, w.start_time, w.end_time,
        w.segment, w.root, w.via, w.root_write_id, w.lock_wait_id, w.pause_id, w.ahead_request_id,
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
        w.pause_id, w.ahead_request_id, w.other_request_id, s.function_call_id, s.block_io_id,
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
    elapsed_ns(start_time, end_time) AS segment_ns,
    segment,
    root,
    via,
    cause_of(root, via) AS cause,
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
FROM detailed
ORDER BY request_id, start_time
