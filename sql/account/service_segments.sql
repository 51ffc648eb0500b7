-- The service of each accounted request, cut into segments that neither overlap nor
-- leave a gap.
--
-- From the moment the broker could work on it until the last byte of its response. The
-- stretches of `explained_times` are cut at each other's ends; the strongest that covers
-- a piece counts.
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the segment
-- @column end_time       TIMESTAMP   -- its end
-- @column segment        VARCHAR     -- stage of the request's life
--                                       (see request_segments)
-- @column root           VARCHAR     -- what the time was in (see blame)
-- @column via            VARCHAR     -- how that reached the request (see blame)
-- @column cause          VARCHAR     -- both in one word (see blame)
-- @column root_write_id  BIGINT      -- the write that took the time
-- @column lock_wait_id   BIGINT      -- the wait
-- @column pause_id       BIGINT      -- the pause
-- @column other_request_id BIGINT    -- the request that shows it: the follower's fetch that
--                                       ended it, or the one that was throttled
-- @column standing_id    BIGINT      -- the stretch in which its handler stood still
-- @column blocker_tid    INT         -- the thread waited for
-- @column blocker_broker INT         -- the broker where the root is, where that is another one
-- @column remote_kind    VARCHAR     -- what shows it there, where it is no file operation: pause,
--                                       standing, lock_wait, run_queue_wait or request;
--                                       or isr_change or isr_request, at this broker
-- @column remote_id      BIGINT      -- its id
-- @column topic          VARCHAR     -- topic of the log written to or waited for
-- @column partition      INT         -- its partition
-- @column lock_class     VARCHAR     -- class of the lock
-- @column reason         VARCHAR     -- the mechanism at the root, where the rule shows it
-- @column rule           VARCHAR     -- what shows it (see rules)
-- @column confidence     DOUBLE      -- how sure the segment is, 0 to 1
WITH
cuts AS (
    SELECT request_id, cut_time
    FROM (SELECT request_id, unnest([start_time, end_time]) AS cut_time FROM explained_times)
    GROUP BY request_id, cut_time
),
pieces AS (
    SELECT
        request_id,
        cut_time AS start_time,
        LEAD(cut_time) OVER (PARTITION BY request_id ORDER BY cut_time) AS end_time
    FROM cuts
),
covered AS (
    SELECT
        p.request_id, p.start_time, p.end_time, t.segment, t.root, t.via, t.root_write_id,
        t.lock_wait_id, t.pause_id, t.other_request_id, t.standing_id, t.blocker_tid,
        t.blocker_broker, t.remote_kind, t.remote_id, t.topic,
        t.partition, t.lock_class, t.reason, t.rule, t.confidence,
        ROW_NUMBER() OVER (
            PARTITION BY p.request_id, p.start_time
            ORDER BY
                t.rank, t.confidence DESC, t.root_write_id, t.lock_wait_id, t.pause_id,
                t.rule, t.start_time, t.standing_id, t.remote_id
        ) AS place
    FROM pieces AS p
    INNER JOIN explained_times AS t
        ON t.request_id = p.request_id
        AND t.start_time < p.end_time
        AND p.start_time < t.end_time
)
SELECT
    request_id,
    start_time,
    end_time,
    segment,
    root,
    via,
    cause_of(root, via) AS cause,
    root_write_id,
    lock_wait_id,
    pause_id,
    other_request_id,
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
FROM covered
WHERE place = 1
ORDER BY request_id, start_time
