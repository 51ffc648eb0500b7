-- The segments of each slow request that its verdict is about: those of the cause that
-- took most of it.
--
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column segment_ns     BIGINT      -- length of the segment
-- @column rule           VARCHAR     -- what shows it (see rules)
-- @column root_write_id  BIGINT      -- the write that took the time
-- @column lock_wait_id   BIGINT      -- the wait
-- @column pause_id       BIGINT      -- the pause
-- @column ahead_request_id BIGINT    -- the request it queued behind on its connection
-- @column other_request_id BIGINT    -- the request that shows it: the follower's fetch that
--                                       ended it, or the one that was throttled
-- @column standing_id    BIGINT      -- the stretch in which a thread stood still
-- @column blocker_broker INT         -- the broker where the root is, where that is another one
-- @column remote_kind    VARCHAR     -- what shows it there, where it is no file operation: pause,
--                                       standing, lock_wait, run_queue_wait or request;
--                                       or isr_change or isr_request, at this broker
-- @column remote_id      BIGINT      -- its id
-- @column start_time     TIMESTAMP   -- start of the segment
WITH
verdicts AS (
    SELECT c.request_id, c.cause, a.connection_id, a.arrival_time, a.connection_queue_ns
    FROM request_causes AS c
    INNER JOIN accounted_requests AS a ON a.request_id = c.request_id
    WHERE c.place = 1
),
segments AS (
    SELECT
        s.request_id, s.start_time, s.end_time, s.rule, s.root_write_id, s.lock_wait_id,
        s.pause_id, s.other_request_id, s.standing_id, s.blocker_broker, s.remote_kind,
        s.remote_id
    FROM own_segments AS s
    INNER JOIN verdicts AS v
        ON v.request_id = s.request_id
        AND v.cause = s.cause
    UNION ALL BY NAME
    -- Of its queue only those of that cause: few, of all that may have been ahead.
    SELECT
        q.request_id,
        GREATEST(q.arrival_time, g.start_time) AS start_time,
        LEAST(q.queue_end, g.end_time) AS end_time,
        g.rule, g.root_write_id, g.lock_wait_id, g.pause_id, g.ahead_request_id,
        g.other_request_id, g.standing_id, g.blocker_broker, g.remote_kind, g.remote_id
    FROM (
        SELECT *, add_ns(arrival_time, connection_queue_ns) AS queue_end
        FROM verdicts
        WHERE connection_queue_ns > 0
    ) AS q
    INNER JOIN queue_segments AS g
        ON g.connection_id = q.connection_id
        AND g.cause = q.cause
        AND g.start_time < q.queue_end
        AND q.arrival_time < g.end_time
)
SELECT
    request_id,
    elapsed_ns(start_time, end_time) AS segment_ns,
    rule,
    root_write_id,
    lock_wait_id,
    pause_id,
    ahead_request_id,
    other_request_id,
    standing_id,
    blocker_broker,
    remote_kind,
    remote_id,
    start_time
FROM segments
ORDER BY request_id, start_time
