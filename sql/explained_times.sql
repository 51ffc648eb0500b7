-- Stretches of each accounted request's service, with what explains them, strongest
-- first by `rank`.
--
-- Stretches may overlap: `service_segments` cuts them, and where several cover a moment
-- the lowest `rank` counts. `rule` says what shows it:
--    1 own_write            the request's own write
--    2 recorded_owner, same_log, same_log_sync, owner_waited, acquired_before
--                           its handler waited for a lock, and the holder was in a
--                           write or waited behind one (see wait_holders)
--    3 handler_in_write     its handler was still in a write of an earlier request
--    3 handler_in_lock_wait its handler still waited for a lock for an earlier request
--    4 pause                the JVM was stopped
--    5 same_log_run         the lock waited for passed through a run of short appends to
--                           the same log
--    6 lock_wait            its handler waited for a lock, and nothing shows behind what
--    7 append_run           its own append began just when another thread's append to
--                           the log ended, and no wait is recorded
--    8 handler_in_lock_wait as 3, and nothing shows behind what
--    9 follower_fetch       a follower had not asked for the offset behind its records
--                           (acks=all)
--   10 response_bytes       its response was being sent
--   11 request_log          the broker's own log says where it was
--   12 on_cpu_sample, run_queue  its handler was on a CPU, or waited for one
--   12 network_thread_on_cpu  a network thread computed without a break, and its
--                           handler had not begun: it may not have been read yet
--   13 after_last_write     everything was appended, by writes found for sure, and
--                           nothing but the response was left
--   14 handler_busy         its handler had not finished with an earlier request, but is
--                           in no recorded wait or write: the request was in the queue,
--                           or no network thread had read it yet
--   15 handler_working      its handler was between its waits and writes for it
--   16 request_log          as 11, for the queue and the handler
--   20 own_write_unknown, before_first_write, some_writes_unknown, write_unsure,
--      followers_unseen, acks_unknown
--                          nothing explains it
-- @materialized
-- @param  slo_ms         DOUBLE = 65 -- requests at least this slow are accounted for
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @param  min_holder_ms  DOUBLE = 0.1 -- a holder at least this long is listed by itself
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the stretch,
--                                       inside the request's service
-- @column end_time       TIMESTAMP   -- its end
-- @column explained_ns   BIGINT      -- its length
-- @column rank           INT         -- the lowest counts
-- @column segment        VARCHAR     -- stage of the request's life
--                                       (see request_segments)
-- @column cause          VARCHAR     -- root of the stretch (see blame)
-- @column root_write_id  BIGINT      -- the write that took the time
-- @column lock_wait_id   BIGINT      -- the wait
-- @column pause_id       BIGINT      -- the pause
-- @column fetch_request_id BIGINT    -- the follower's fetch that ended it
-- @column blocker_tid    INT         -- the thread waited for
-- @column topic          VARCHAR     -- topic of the log written to or waited for
-- @column partition      INT         -- its partition
-- @column lock_class     VARCHAR     -- class of the lock
-- @column rule           VARCHAR     -- what shows it, as above
-- @column confidence     DOUBLE      -- how sure the stretch is, 0 to 1
WITH
own_waits AS (
    SELECT
        o.request_id, l.lock_wait_id, l.start_time, l.end_time, l.lock_class, l.owner_tid,
        l.topic, l.partition, o.confidence
    FROM own_writes AS o
    INNER JOIN near_waits AS l ON l.next_write_id = o.write_id
),
other_writes AS (
    SELECT h.request_id, w.write_id, w.start_time, w.end_time, w.topic, w.partition, h.begin_time,
        w.tid, h.confidence
    FROM handler_work AS h
    INNER JOIN near_writes AS w
        ON w.tid = h.tid
        AND w.start_time < h.begin_time
        AND h.service_start < w.end_time
),
other_waits AS (
    SELECT h.request_id, l.lock_wait_id, l.start_time, l.end_time, l.lock_class, l.owner_tid,
        l.topic, l.partition, h.begin_time, h.confidence
    FROM handler_work AS h
    INNER JOIN near_waits AS l
        ON l.tid = h.tid
        AND l.start_time < h.begin_time
        AND h.service_start < l.end_time
    WHERE NOT EXISTS (
            SELECT 1
            FROM own_waits AS o
            WHERE o.request_id = h.request_id
                AND o.lock_wait_id = l.lock_wait_id
        )
),
busy AS (
    -- A handler takes the next request of the one queue when it is free.
    SELECT request_id, MAX(busy_until) AS busy_until
    FROM (
        SELECT request_id, LEAST(end_time, begin_time) AS busy_until FROM other_writes
        UNION ALL
        SELECT request_id, LEAST(end_time, begin_time) AS busy_until FROM other_waits
    )
    GROUP BY request_id
),
computing AS (
    SELECT
        h.request_id,
        add_ns(s.time, -COALESCE(s.weight_ns, 0)) AS start_time,
        s.time AS end_time,
        'on_cpu_sample' AS rule,
        0.7 AS confidence
    FROM handler_work AS h
    INNER JOIN stack_samples AS s
        ON s.tid = h.tid
        AND s.time >= h.service_start
        AND s.time < h.end_time
    WHERE s.state = 'on_cpu'
    UNION ALL
    SELECT h.request_id, r.start_time, r.end_time, 'run_queue' AS rule, 0.9 AS confidence
    FROM handler_work AS h
    INNER JOIN run_queue_waits AS r
        ON r.tid = h.tid
        AND r.start_time < h.end_time
        AND h.service_start < r.end_time
),
network_samples AS (
    -- Which network thread serves a connection is not recorded; one that computes without a break keeps
    -- its connections waiting.
    SELECT
        s.tid,
        s.time,
        s.weight_ns,
        LAG(s.time) OVER (PARTITION BY s.tid ORDER BY s.time) AS previous_time,
        LEAD(s.time) OVER (PARTITION BY s.tid ORDER BY s.time) AS next_time
    FROM near_times AS n
    INNER JOIN stack_samples AS s
        ON s.time >= n.start_time
        AND s.time < n.end_time
    WHERE s.state = 'on_cpu'
        AND s.thread_name LIKE '%network-thread%'
),
network_busy AS (
    SELECT tid, add_ns(time, -weight_ns) AS start_time, time AS end_time
    FROM network_samples
    WHERE elapsed_ns(previous_time, time) <= 2 * weight_ns
        OR elapsed_ns(time, next_time) <= 2 * weight_ns
),
logged AS (
    -- What the broker's own log says, laid out from the start of the service.
    SELECT
        a.request_id,
        a.service_start,
        COALESCE(b.request_queue_ns, 0) AS queue_ns,
        COALESCE(b.local_ns, 0) AS local_ns,
        COALESCE(b.remote_ns, 0) AS remote_ns,
        COALESCE(b.throttle_ns, 0) + COALESCE(b.response_queue_ns, 0) + COALESCE(b.send_ns, 0)
            AS response_ns
    FROM accounted_requests AS a
    INNER JOIN requests AS r ON r.request_id = a.request_id
    INNER JOIN broker_requests AS b
        ON b.client_address = r.client_address
        AND b.correlation_id = r.correlation_id
        AND b.api = r.api
),
log_places AS (
    SELECT request_id, 'request_queue' AS segment, 'unexplained' AS cause,
        service_start AS start_time, add_ns(service_start, queue_ns) AS end_time
    FROM logged
    UNION ALL
    SELECT request_id, 'handler' AS segment, 'unexplained' AS cause,
        add_ns(service_start, queue_ns) AS start_time,
        add_ns(service_start, queue_ns + local_ns) AS end_time
    FROM logged
    UNION ALL
    SELECT request_id, 'remote' AS segment, 'remote' AS cause,
        add_ns(service_start, queue_ns + local_ns) AS start_time,
        add_ns(service_start, queue_ns + local_ns + remote_ns) AS end_time
    FROM logged
    UNION ALL
    SELECT request_id, 'response' AS segment, 'response' AS cause,
        add_ns(service_start, queue_ns + local_ns + remote_ns) AS start_time,
        add_ns(service_start, queue_ns + local_ns + remote_ns + response_ns) AS end_time
    FROM logged
),
ends AS (
    -- How far each request's appends are known, over all its handler threads (there is one, normally).
    SELECT
        a.request_id,
        a.service_start,
        a.response_time,
        a.end_time,
        MIN(h.begin_time) AS begin_time,
        LEAST(GREATEST(MAX(h.end_time), MAX(f.end_time)), a.end_time) AS done_time,
        LEAST(MAX(h.end_time), a.end_time) AS appended_time,
        MIN(h.confidence) AS confidence,
        BOOL_AND(h.is_complete) AS is_complete,
        COUNT(f.request_id) > 0 AS is_replicated,
        MIN(r.acks) AS acks
    FROM accounted_requests AS a
    INNER JOIN requests AS r ON r.request_id = a.request_id
    LEFT JOIN handler_work AS h ON h.request_id = a.request_id
    LEFT JOIN replication AS f ON f.request_id = a.request_id
    GROUP BY a.request_id, a.service_start, a.response_time, a.end_time
),
stretches AS (
    SELECT
        o.request_id, o.start_time, o.end_time, 1 AS rank, 'write' AS segment,
        'slow_write' AS cause, o.write_id AS root_write_id, CAST(NULL AS BIGINT) AS lock_wait_id,
        CAST(NULL AS BIGINT) AS pause_id, CAST(NULL AS BIGINT) AS fetch_request_id,
        CAST(NULL AS INT) AS blocker_tid, CAST(o.topic AS VARCHAR) AS topic, o.partition,
        CAST(NULL AS VARCHAR) AS lock_class,
        'own_write' AS rule, o.confidence
    FROM own_writes AS o
    UNION ALL
    SELECT
        l.request_id, r.start_time, r.end_time,
        CASE WHEN r.root_write_id IS NULL THEN 5 ELSE 2 END, 'lock_wait',
        CASE
            WHEN r.root_write_id IS NULL THEN 'lock_wait_other'
            ELSE 'lock_wait_behind_slow_write'
        END,
        r.root_write_id, l.lock_wait_id,
        NULL, NULL, r.holder_tid, l.topic, l.partition, l.lock_class,
        r.rule, r.confidence * l.confidence
    FROM own_waits AS l
    INNER JOIN wait_roots AS r ON r.lock_wait_id = l.lock_wait_id
    UNION ALL
    SELECT
        w.request_id, w.start_time, LEAST(w.end_time, w.begin_time), 3, 'request_queue',
        'queued_behind_slow_write', w.write_id, NULL,
        NULL, NULL, w.tid, w.topic, w.partition, NULL,
        'handler_in_write', 0.9 * w.confidence
    FROM other_writes AS w
    UNION ALL
    SELECT
        l.request_id, r.start_time, LEAST(r.end_time, l.begin_time),
        CASE WHEN r.root_write_id IS NULL THEN 5 ELSE 3 END, 'request_queue',
        CASE
            WHEN r.root_write_id IS NULL THEN 'lock_wait_other'
            ELSE 'queued_behind_slow_write'
        END,
        r.root_write_id, l.lock_wait_id,
        NULL, NULL, r.holder_tid, l.topic, l.partition, l.lock_class,
        CASE WHEN r.root_write_id IS NULL THEN r.rule ELSE 'handler_in_lock_wait' END,
        0.9 * r.confidence * l.confidence
    FROM other_waits AS l
    INNER JOIN wait_roots AS r ON r.lock_wait_id = l.lock_wait_id
    UNION ALL
    SELECT
        a.request_id, p.start_time, p.end_time, 4, 'pause',
        'pause', NULL, NULL,
        p.pause_id, NULL, NULL, NULL, NULL, NULL,
        'pause', 0.9
    FROM accounted_requests AS a
    INNER JOIN pauses AS p
        ON p.start_time < a.end_time
        AND a.service_start < p.end_time
    WHERE p.kind IN ('gc', 'safepoint')
    UNION ALL
    SELECT
        l.request_id, l.start_time, l.end_time, 6, 'lock_wait',
        'lock_wait_other', NULL, l.lock_wait_id,
        NULL, NULL, l.owner_tid, l.topic, l.partition, l.lock_class,
        'lock_wait', l.confidence
    FROM own_waits AS l
    UNION ALL
    SELECT
        o.request_id, GREATEST(w.start_time, m.thread_previous_end),
        LEAST(w.end_time, o.start_time), 7, 'lock_wait',
        'lock_wait_behind_slow_write', w.write_id, NULL,
        NULL, NULL, w.tid, CAST(o.topic AS VARCHAR), o.partition, NULL,
        'append_run', 0.5 * o.confidence
    FROM own_writes AS o
    INNER JOIN near_writes AS m ON m.write_id = o.write_id
    INNER JOIN near_writes AS w
        ON w.topic = m.topic
        AND w.partition = m.partition
        AND w.run_start = m.run_start
        AND w.start_time < m.start_time
    INNER JOIN accounted_requests AS a
        ON a.request_id = o.request_id
        AND a.service_start < w.end_time
    WHERE w.tid <> m.tid
        AND w.is_append
        AND elapsed_ns(w.start_time, w.end_time) >= $min_holder_ms * 1e6
        AND (m.thread_previous_end IS NULL OR m.thread_previous_end < w.end_time)
        AND NOT EXISTS (SELECT 1 FROM near_waits AS l WHERE l.next_write_id = o.write_id)
    UNION ALL
    SELECT
        l.request_id, l.start_time, LEAST(l.end_time, l.begin_time), 8, 'request_queue',
        'lock_wait_other', NULL, l.lock_wait_id,
        NULL, NULL, l.owner_tid, l.topic, l.partition, l.lock_class,
        'handler_in_lock_wait', 0.9 * l.confidence
    FROM other_waits AS l
    UNION ALL
    SELECT
        f.request_id, f.start_time, f.end_time, 9, 'remote',
        'remote', NULL, NULL,
        NULL, f.fetch_request_id, NULL, NULL, NULL, NULL,
        'follower_fetch', 0.9
    FROM replication AS f
    UNION ALL
    SELECT
        e.request_id, e.response_time, e.end_time, 10, 'response',
        'response', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'response_bytes', 1.0
    FROM ends AS e
    UNION ALL
    SELECT
        g.request_id, g.start_time, g.end_time, 11, g.segment,
        g.cause, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'request_log', 0.9
    FROM log_places AS g
    WHERE g.segment IN ('remote', 'response')
    UNION ALL
    SELECT
        c.request_id, c.start_time, c.end_time, 12,
        CASE WHEN c.end_time <= b.busy_until THEN 'request_queue' ELSE 'handler' END,
        'cpu', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        c.rule, c.confidence
    FROM computing AS c
    LEFT JOIN busy AS b ON b.request_id = c.request_id
    UNION ALL
    SELECT
        h.request_id, GREATEST(b.start_time, h.service_start), LEAST(b.end_time, h.begin_time), 12,
        'request_queue',
        'cpu', NULL, NULL,
        NULL, NULL, b.tid, NULL, NULL, NULL,
        'network_thread_on_cpu', 0.5
    FROM handler_work AS h
    INNER JOIN network_busy AS b
        ON b.start_time < h.begin_time
        AND h.service_start < b.end_time
    UNION ALL
    SELECT
        e.request_id, e.done_time, e.end_time, 13, 'response',
        'response', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'after_last_write', 0.7 * e.confidence
    FROM ends AS e
    WHERE e.is_complete
        AND (e.acks <> -1 OR e.is_replicated)
        -- Sizes and times alone can match by chance, and then any time would look like this.
        AND e.confidence >= 0.95
    UNION ALL
    SELECT
        b.request_id, a.service_start, b.busy_until, 14, 'unexplained',
        'unexplained', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'handler_busy', 0.8
    FROM busy AS b
    INNER JOIN accounted_requests AS a ON a.request_id = b.request_id
    UNION ALL
    SELECT
        h.request_id, h.begin_time, h.end_time, 15, 'handler',
        'unexplained', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'handler_working', h.confidence
    FROM handler_work AS h
    UNION ALL
    SELECT
        g.request_id, g.start_time, g.end_time, 16, g.segment,
        g.cause, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'request_log', 0.9
    FROM log_places AS g
    WHERE g.segment NOT IN ('remote', 'response')
    UNION ALL
    SELECT
        e.request_id, e.service_start, COALESCE(e.appended_time, e.end_time), 20, 'unexplained',
        'unexplained', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        CASE WHEN e.begin_time IS NULL THEN 'own_write_unknown' ELSE 'before_first_write' END,
        NULL
    FROM ends AS e
    UNION ALL
    SELECT
        e.request_id, e.appended_time, e.end_time, 20, 'unexplained',
        'unexplained', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        CASE
            WHEN NOT e.is_complete THEN 'some_writes_unknown'
            WHEN e.confidence < 0.95 AND (e.acks <> -1 OR e.is_replicated) THEN 'write_unsure'
            WHEN e.acks = -1 THEN 'followers_unseen'
            ELSE 'acks_unknown'
        END,
        NULL
    FROM ends AS e
    WHERE e.appended_time IS NOT NULL
),
clipped AS (
    SELECT
        s.request_id, s.rank, s.segment, s.cause, s.root_write_id, s.lock_wait_id, s.pause_id,
        s.fetch_request_id, s.blocker_tid, s.topic, s.partition, s.lock_class, s.rule, s.confidence,
        GREATEST(s.start_time, a.service_start) AS start_time,
        LEAST(s.end_time, a.end_time) AS end_time
    FROM stretches AS s
    INNER JOIN accounted_requests AS a ON a.request_id = s.request_id
)
SELECT
    request_id,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) AS explained_ns,
    CAST(rank AS INT) AS rank,
    segment,
    cause,
    root_write_id,
    lock_wait_id,
    pause_id,
    fetch_request_id,
    blocker_tid,
    topic,
    partition,
    lock_class,
    rule,
    confidence
FROM clipped
WHERE start_time < end_time
ORDER BY request_id, start_time, rank, root_write_id, lock_wait_id, pause_id, end_time
