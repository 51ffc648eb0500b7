-- The lock waits of each accounted request's handler that were for the request.
--
-- A wait before an own operation is the request's, unless the lock is known to be another
-- log's: the thread gets the log's monitor and appends. So is one that follows its last own
-- operation at once (but for waits for a CPU), if the response left after it: Kafka takes the
-- log's monitor again to flush, to roll and to raise the high watermark. But it also takes
-- it when the response waits for its network thread already, to complete what other requests
-- wait for: so the response must have left at once when the last such wait was over, or the
-- handler have gone on with the request; except with acks=all, where the response waits for
-- followers. And so is every wait of its handler in the time that the broker's own log has for
-- the handler's work on it: a handler works on one request at a time.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @column request_id     BIGINT      -- the request
-- @column lock_wait_id   BIGINT      -- the wait
-- @column tid            INT         -- the handler
-- @column start_time     TIMESTAMP   -- start of the wait
-- @column end_time       TIMESTAMP   -- its end
-- @column lock_class     VARCHAR     -- class of the lock
-- @column owner_tid      INT         -- who held it last, where a recorder knows
-- @column topic          VARCHAR     -- topic of the log (see wait_logs)
-- @column partition      INT         -- its partition
-- @column write_id       BIGINT      -- the own operation that it came before or after
-- @column is_after       BOOLEAN     -- whether it came after the last own operation
-- @column confidence     DOUBLE      -- how sure it is that it is the request's, 0 to 1
WITH
following_waits AS (
    SELECT
        o.request_id, l.lock_wait_id, o.write_id, o.confidence,
        r.acks = -1 AS waits_for_followers,
        elapsed_ns(
            MAX(l.end_time) OVER (PARTITION BY o.request_id, o.write_id), a.response_time
        ) AS left_ns,
        n.start_time >= l.end_time AS goes_on
    FROM own_operations AS o
    INNER JOIN accounted_requests AS a ON a.request_id = o.request_id
    INNER JOIN recorded_requests AS r ON r.request_id = o.request_id
    INNER JOIN near_waits AS l ON l.previous_write_id = o.write_id
    INNER JOIN (
        SELECT request_id, MAX(start_time) AS start_time
        FROM own_operations
        GROUP BY request_id
    ) AS n ON n.request_id = o.request_id
    -- With acks=all the response leaves long after the handler was done: it may be at its next request.
    WHERE (r.acks <> -1 OR l.is_after)
        AND (l.is_after OR l.previous_gap_ns <= $handoff_ms * 1e6)
        AND l.end_time <= add_ns(a.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
),
after_waits AS (
    SELECT request_id, lock_wait_id, write_id, confidence
    FROM following_waits
    WHERE waits_for_followers
        OR goes_on
        OR left_ns <= ($handoff_ms + $clock_slack_ms) * 1e6
),
inside_waits AS (
    -- As far as the log's times may be off, a wait must be longer than that, or lie further inside; and which
    -- handler it was is not sure where its own operations are elsewhere in time.
    SELECT
        o.request_id, l.lock_wait_id, o.write_id, o.confidence,
        o.start_time < l.start_time AS is_after,
        ABS(elapsed_ns(o.start_time, l.start_time)) AS distance_ns
    FROM own_operations AS o
    INNER JOIN request_stages AS g ON g.request_id = o.request_id
    INNER JOIN near_waits AS l
        ON l.tid = o.tid
        AND l.start_time >= add_ns(g.local_start, -g.slack_ns)
        AND l.end_time <= add_ns(g.remote_start, g.slack_ns)
    WHERE o.start_time >= add_ns(g.local_start, -g.slack_ns)
        AND o.end_time <= add_ns(g.remote_start, g.slack_ns)
        AND (
            elapsed_ns(l.start_time, l.end_time) > 2 * g.slack_ns
            OR (l.start_time >= add_ns(g.local_start, g.slack_ns)
                AND l.end_time <= add_ns(g.remote_start, -g.slack_ns))
        )
),
logged_waits AS (
    -- With the operation before it, else the next.
    SELECT
        request_id, lock_wait_id, write_id, confidence,
        BOOL_AND(is_after) OVER (PARTITION BY request_id, lock_wait_id) AS is_after,
        ROW_NUMBER() OVER (
            PARTITION BY request_id, lock_wait_id ORDER BY is_after DESC, distance_ns, write_id
        ) AS place
    FROM inside_waits
),
before_waits AS (
    SELECT o.request_id, l.lock_wait_id, o.write_id, o.confidence
    FROM own_operations AS o
    INNER JOIN near_waits AS l ON l.next_write_id = o.write_id
    WHERE l.is_before
),
claims AS (
    SELECT request_id, lock_wait_id, write_id, FALSE AS is_after, FALSE AS is_logged, confidence
    FROM before_waits
    UNION ALL
    SELECT request_id, lock_wait_id, write_id, TRUE, FALSE, 0.95 * confidence
    FROM after_waits
    UNION ALL
    SELECT request_id, lock_wait_id, write_id, is_after, TRUE, confidence
    FROM logged_waits
    WHERE place = 1
),
claimed AS (
    SELECT
        *,
        BOOL_OR(is_logged) OVER (PARTITION BY lock_wait_id, request_id) AS is_sure,
        COUNT(CASE WHEN NOT is_logged THEN 1 END) OVER (
            PARTITION BY lock_wait_id, request_id
        ) AS claim_count
    FROM claims
),
placed AS (
    -- A wait is of one request: of that which the log has the handler at, else between two of its own
    -- operations, else after the one before, whose response had not left.
    SELECT
        *,
        MAX(confidence) OVER (PARTITION BY lock_wait_id, request_id) AS most_confidence,
        ROW_NUMBER() OVER (
            PARTITION BY lock_wait_id
            ORDER BY is_sure DESC, is_logged, is_after DESC, request_id, write_id
        ) AS place
    FROM claimed
)
SELECT
    p.request_id,
    p.lock_wait_id,
    l.tid,
    l.start_time,
    l.end_time,
    l.lock_class,
    l.owner_tid,
    l.topic,
    l.partition,
    p.write_id,
    p.is_after AND p.claim_count <= 1 AS is_after,
    CASE WHEN p.is_sure THEN p.most_confidence ELSE p.confidence END AS confidence
FROM placed AS p
INNER JOIN near_waits AS l ON l.lock_wait_id = p.lock_wait_id
WHERE p.place = 1
ORDER BY p.request_id, l.start_time, p.lock_wait_id
