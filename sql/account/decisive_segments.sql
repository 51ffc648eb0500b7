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
--                                       or isr_change, in this broker's own log
-- @column remote_id      BIGINT      -- its id
-- @column start_time     TIMESTAMP   -- start of the segment
SELECT
    s.request_id,
    s.segment_ns,
    s.rule,
    s.root_write_id,
    s.lock_wait_id,
    s.pause_id,
    s.ahead_request_id,
    s.other_request_id,
    s.standing_id,
    s.blocker_broker,
    s.remote_kind,
    s.remote_id,
    s.start_time
FROM request_segments AS s
INNER JOIN request_causes AS c
    ON c.request_id = s.request_id
    AND c.cause = s.cause
WHERE c.place = 1
ORDER BY s.request_id, s.start_time
