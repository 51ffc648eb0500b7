-- Stretches of each accounted request's service, with what explains them, strongest
-- first by `rank`.
--
-- Stretches may overlap: `service_segments` cuts them, and where several cover a moment
-- the lowest `rank` counts. No rule concludes from the absence of rows: `rule` says what
-- row shows that the request's time was in it:
--    1 own_write            the write that carried its records
--    1 own_sync             a sync of its handler, between or right beside its own writes
--                           to the log (see own_operations)
--    2 recorded_owner, same_log, same_log_sync, owner_waited, acquired_before
--                           its handler's lock wait, and the file operation that the
--                           holder was in or waited behind (see wait_holders)
--    3 all_handlers_busy    file operations, lock waits, waits for a CPU or samples of every
--                           request handler at that moment, before its own began on it;
--                           the root is that of most of them (see queue_times)
--    4 pause                the JVM was stopped
--    5 same_log_run         its handler's lock wait, and a run of short appends to the log
--    5 flush_held           after a sync, its handler's lock wait for the log, or after an own
--                           sync those of others, while nobody else had it yet (see
--                           wait_holders); in a pause it is the pause that held it
--    5 run_queue            its handler's wait for a CPU: during its work (also to take a lock
--                           that was free), right before it (begun when the request was
--                           there, it was woken to take it: 2), or right after (unless acks=all)
--    6 lock_wait            its handler's lock wait; nothing shows behind what
--    7 append_run           its own append began just when another thread's long append to
--                           the log ended; and no wait for any log was recorded then
--    8 network_thread_busy  file operations, waits for a CPU or samples one right after
--                           another of its connection's network thread (known by rows, see
--                           connection_threads), or of all network threads at once; begun
--                           before it could be read, or ending when its handler began or
--                           when its response left
--   10 response_bytes       the bytes of its response on the wire
--   11 follower_fetch       acks=all: the fetch by which the last follower showed that it
--                           had the records, and that fetch's answer (see replication)
--   12 request_log          the broker's own log: remote, throttled; response where rows show what
--                           kept its network thread for most of that stage
--   13 on_cpu_sample        samples of its handler one right after another, during its work or
--                           up to its beginning (see handler_samples; 2: begun when the
--                           handler was done with others, it has the request)
-- What is left is unexplained, and `rule` says what is known of it:
--   14 request_log_contradicts  another rule explains it, but the broker's own log has the
--                           request in another stage then
--   15 handler_working      its handler was at work on it, in no recorded row
--   16 request_log          the broker's log has it unread, in the queue, in the handler, or
--                           waiting for its response to leave
--   20 own_write_unknown, before_first_write, some_writes_unknown, write_unsure,
--      followers_unseen, acks_unknown, after_last_write
-- Where the broker's request log is given, each stretch is clipped to the stage that its
-- segment belongs to (see request_stages); pauses and waits for a CPU may be anywhere.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @column request_id     BIGINT      -- the request
-- @column start_time     TIMESTAMP   -- start of the stretch,
--                                       inside the request's service
-- @column end_time       TIMESTAMP   -- its end
-- @column explained_ns   BIGINT      -- its length
-- @column rank           INT         -- the lowest counts
-- @column segment        VARCHAR     -- stage of the request's life
--                                       (see request_segments)
-- @column root           VARCHAR     -- what the time was in (see blame)
-- @column via            VARCHAR     -- how that reached the request (see blame)
-- @column cause          VARCHAR     -- both in one word (see blame)
-- @column root_write_id  BIGINT      -- the file operation that took the time
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
stages AS (
    SELECT
        g.request_id,
        unnest(['unread', 'request_queue', 'handler', 'remote', 'throttle', 'response']) AS segment,
        unnest([
            w.service_start, g.queue_start, g.local_start, g.remote_start, g.throttle_start,
            g.response_start
        ]) AS start_time,
        unnest([
            g.queue_start, g.local_start, g.remote_start, g.throttle_start, g.response_start,
            g.done_time
        ]) AS end_time,
        -- A fetch is meant to wait for data.
        unnest([
            'unexplained', 'unexplained', 'unexplained',
            CASE WHEN w.api = 'Produce' THEN 'remote' ELSE 'unexplained' END,
            'throttled',
            -- It was late, and nothing says whether for the thread, the network or the client.
            'unexplained'
        ]) AS root
    FROM request_stages AS g
    INNER JOIN request_work AS w ON w.request_id = g.request_id
),
kept_stages AS (
    -- What kept its network thread for most of the response's stage; or any that may be its, if in file
    -- operations.
    SELECT request_id, MIN(root) AS root
    FROM (
        SELECT
            g.request_id,
            CASE s.root WHEN 'cpu' THEN 'cpu' ELSE 'response' END AS root
        FROM request_stages AS g
        INNER JOIN request_work AS w ON w.request_id = g.request_id
        INNER JOIN network_states AS s
            ON s.start_time < g.done_time
            AND g.response_start < s.end_time
        WHERE s.tid = COALESCE(w.network_tid, s.tid)
            AND (s.root <> 'cpu' OR w.network_tid IS NOT NULL)
        GROUP BY
            g.request_id, s.tid, g.response_start, g.done_time,
            CASE s.root WHEN 'cpu' THEN 'cpu' ELSE 'response' END
        HAVING 2 * SUM(overlap_ns(s.start_time, s.end_time, g.response_start, g.done_time))
            > elapsed_ns(g.response_start, g.done_time)
    )
    GROUP BY request_id
),
matching_times AS (
    -- A thread that nothing ties to the connection, but that was kept from about when the request could
    -- be read until about when its handler began, or from when that was done until the response left.
    SELECT
        w.request_id, s.start_time, s.end_time, s.chain_end, s.root, s.root_write_id, s.tid,
        COALESCE(
            s.chain_start <= add_ns(
                w.service_start, CAST($handoff_ms * 1e6 AS BIGINT) + s.chain_slack_ns
            )
                AND elapsed_ns(s.chain_end, w.begin_time)
                    BETWEEN -$clock_slack_ms * 1e6 AND $handoff_ms * 1e6 + s.chain_slack_ns,
            FALSE
        ) AS is_unread,
        -- With acks=all the response is due when followers have fetched, not when the handler is done.
        CASE WHEN w.acks = -1 THEN f.end_time ELSE w.handled_time END AS due_time,
        COALESCE(
            s.chain_start <= add_ns(
                CASE WHEN w.acks = -1 THEN f.end_time ELSE w.handled_time END, CAST($handoff_ms * 1e6 AS BIGINT) + s.chain_slack_ns
            )
                AND elapsed_ns(s.chain_end, w.response_time)
                    BETWEEN -$clock_slack_ms * 1e6 AND $handoff_ms * 1e6 + s.chain_slack_ns,
            FALSE
        ) AS is_response
    FROM request_work AS w
    INNER JOIN network_states AS s
        ON s.start_time < w.response_time
        AND w.service_start < s.end_time
    LEFT JOIN replication AS f ON f.request_id = w.request_id
    WHERE w.network_tid IS NULL
        AND s.tid IS NOT NULL
        AND s.root = 'cpu'
        AND w.api = 'Produce'
),
network_times AS (
    SELECT
        w.request_id,
        CASE
            WHEN s.chain_start < COALESCE(w.begin_time, w.response_time)
                AND (
                    s.chain_start <= add_ns(
                        w.service_start, CAST($handoff_ms * 1e6 AS BIGINT) + s.chain_slack_ns
                    )
                    OR elapsed_ns(s.chain_end, w.begin_time)
                        BETWEEN 0 AND $handoff_ms * 1e6 + s.chain_slack_ns
                )
                THEN 'unread'
            ELSE 'response'
        END AS segment,
        GREATEST(s.start_time, w.service_start) AS start_time,
        s.end_time,
        w.begin_time, w.handled_time, w.response_time, s.chain_end, s.chain_slack_ns,
        s.root, s.root_write_id, s.tid,
        CASE WHEN s.tid IS NULL THEN 0.8 ELSE w.network_confidence END AS confidence
    FROM request_work AS w
    INNER JOIN network_states AS s
        ON s.start_time < w.response_time
        AND w.service_start < s.end_time
    WHERE (s.tid IS NULL OR s.tid = w.network_tid)
        AND w.api = 'Produce'
),
handler_runs AS (
    SELECT
        w.request_id, w.service_start, r.start_time, r.end_time, w.begin_time, w.handled_time,
        w.response_time, w.confidence, w.acks
    FROM request_work AS w
    INNER JOIN run_queue_waits AS r
        ON r.tid = w.tid
        AND r.start_time < w.response_time
        AND w.service_start < r.end_time
),
stretches AS (
    SELECT
        o.request_id, o.start_time, o.end_time, 1 AS rank,
        CASE WHEN o.is_sync THEN 'sync' ELSE 'write' END AS segment,
        CASE WHEN o.is_sync THEN 'slow_sync' ELSE 'slow_write' END AS root,
        'own' AS via,
        o.write_id AS root_write_id, CAST(NULL AS BIGINT) AS lock_wait_id,
        CAST(NULL AS BIGINT) AS pause_id, CAST(NULL AS BIGINT) AS fetch_request_id,
        CAST(NULL AS INT) AS blocker_tid, o.topic, o.partition,
        CAST(NULL AS VARCHAR) AS lock_class,
        CASE WHEN o.is_sync THEN 'own_sync' ELSE 'own_write' END AS rule, o.confidence
    FROM own_operations AS o
    UNION ALL
    -- Others waited for the monitor on, and nobody had it: it was in the same flush still.
    SELECT
        o.request_id, o.end_time, h.end_time, 5, 'sync',
        'slow_sync', 'own', o.write_id, NULL,
        NULL, NULL, NULL, o.topic, o.partition, NULL,
        'flush_held', 0.7 * o.confidence
    FROM own_operations AS o
    INNER JOIN (
        SELECT holder_write_id, MAX(end_time) AS end_time
        FROM wait_holders
        WHERE rule = 'flush_held'
        GROUP BY holder_write_id
    ) AS h ON h.holder_write_id = o.write_id
    WHERE o.is_sync
        AND h.end_time > o.end_time
    UNION ALL
    SELECT
        l.request_id, r.start_time, r.end_time,
        CASE WHEN r.root_write_id IS NULL OR r.rule = 'flush_held' THEN 5 ELSE 2 END, 'lock_wait',
        r.root, 'lock_wait',
        r.root_write_id, l.lock_wait_id,
        NULL, NULL, r.holder_tid, l.topic, l.partition, l.lock_class,
        r.rule, r.confidence * l.confidence
    FROM own_waits AS l
    INNER JOIN wait_roots AS r ON r.lock_wait_id = l.lock_wait_id
    UNION ALL
    SELECT
        w.request_id, q.start_time, LEAST(q.end_time, COALESCE(w.begin_time, g.local_start)),
        3, 'request_queue',
        q.root, 'queued',
        q.root_write_id, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'all_handlers_busy', 0.9 * q.root_count / q.handler_count
    FROM request_work AS w
    LEFT JOIN request_stages AS g ON g.request_id = w.request_id
    INNER JOIN queue_times AS q
        ON q.pool = w.pool
        AND q.start_time < COALESCE(w.begin_time, g.local_start)
        AND w.service_start < q.end_time
    -- In a pause the request would stand still anyway.
    WHERE q.root <> 'pause'
    UNION ALL
    SELECT
        a.request_id, p.start_time, p.end_time, 4, 'pause',
        'pause', 'own', NULL, NULL,
        p.pause_id, NULL, NULL, NULL, NULL, NULL,
        'pause', 0.9
    FROM request_work AS a
    INNER JOIN pauses AS p
        ON p.start_time < a.end_time
        AND a.service_start < p.end_time
    WHERE p.kind IN ('gc', 'safepoint')
    UNION ALL
    SELECT
        l.request_id, l.start_time, l.end_time, 6, 'lock_wait',
        'lock_other', 'lock_wait', NULL, l.lock_wait_id,
        NULL, NULL, l.owner_tid, l.topic, l.partition, l.lock_class,
        'lock_wait', l.confidence
    FROM own_waits AS l
    UNION ALL
    SELECT
        o.request_id, GREATEST(w.start_time, m.thread_previous_end),
        LEAST(w.end_time, o.start_time), 7, 'lock_wait',
        'slow_write', 'lock_wait', w.write_id, NULL,
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
        -- Appends to a busy log follow each other anyway: only a long one that has just ended tells.
        AND elapsed_ns(w.start_time, w.end_time)
            >= 10 * (elapsed_ns(w.end_time, o.start_time) + $handoff_ms * 1e6)
        AND (m.thread_previous_end IS NULL OR m.thread_previous_end < w.end_time)
        AND NOT EXISTS (
            SELECT 1
            FROM near_waits AS l
            WHERE l.is_log_monitor
                AND l.start_time < w.end_time
                AND w.start_time < l.end_time
        )
    UNION ALL
    SELECT
        n.request_id,
        CASE WHEN n.segment = 'unread' THEN n.start_time ELSE GREATEST(n.start_time, n.handled_time) END,
        LEAST(n.end_time, CASE
            WHEN n.segment = 'unread' THEN COALESCE(n.begin_time, n.response_time)
            ELSE n.response_time
        END),
        8, n.segment,
        CASE
            WHEN n.root = 'cpu' THEN 'cpu'
            WHEN n.segment = 'response' THEN 'response'
            ELSE 'network_thread'
        END,
        'own', n.root_write_id, NULL,
        NULL, NULL, n.tid, NULL, NULL, NULL,
        'network_thread_busy', n.confidence
    FROM network_times AS n
    WHERE n.segment = 'unread'
        OR elapsed_ns(n.chain_end, n.response_time)
            BETWEEN -$clock_slack_ms * 1e6 AND $handoff_ms * 1e6 + n.chain_slack_ns
    UNION ALL
    SELECT
        m.request_id,
        CASE WHEN m.is_unread THEN m.start_time ELSE GREATEST(m.start_time, m.due_time) END,
        CASE
            WHEN m.is_unread THEN LEAST(m.end_time, w.begin_time)
            ELSE LEAST(m.end_time, w.response_time)
        END,
        8, CASE WHEN m.is_unread THEN 'unread' ELSE 'response' END,
        'cpu', 'own', NULL, NULL,
        NULL, NULL, m.tid, NULL, NULL, NULL,
        'network_thread_matches', 0.6
    FROM matching_times AS m
    INNER JOIN request_work AS w ON w.request_id = m.request_id
    WHERE m.is_unread
        OR COALESCE(m.is_response, FALSE)
    UNION ALL
    SELECT
        r.request_id, r.start_time, r.end_time,
        -- Woken when the request was there already, its handler has it; else it was woken for another.
        CASE
            WHEN r.start_time >= r.begin_time THEN 5
            WHEN r.start_time < add_ns(r.service_start, CAST(-$clock_slack_ms * 1e6 AS BIGINT)) THEN 5
            ELSE 2
        END,
        CASE WHEN r.end_time <= r.begin_time THEN 'request_queue' ELSE 'handler' END,
        'cpu', 'own', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'run_queue', 0.9 * r.confidence
    FROM handler_runs AS r
    WHERE (
            r.start_time < r.handled_time
            AND r.end_time >= add_ns(r.begin_time, CAST(-$handoff_ms * 1e6 AS BIGINT))
        )
        -- After that, unless the response left meanwhile: as its last call returned; and with acks=all
        -- the response does not tell when its handler was done with it.
        OR (
            r.start_time >= r.handled_time
            AND r.end_time <= add_ns(r.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
            AND (
                r.start_time < add_ns(r.handled_time, 10000)
                OR (
                    r.acks <> -1
                    AND (
                        elapsed_ns(r.handled_time, r.start_time) <= $handoff_ms * 1e6
                        OR elapsed_ns(r.end_time, r.response_time) BETWEEN 0 AND $handoff_ms * 1e6
                    )
                )
            )
        )
    UNION ALL
    SELECT
        w.request_id, w.response_time, w.end_time, 10, 'response',
        'response', 'own', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'response_bytes', 1.0
    FROM request_work AS w
    UNION ALL
    SELECT
        f.request_id, f.start_time, f.end_time, 11, 'remote',
        'remote', 'own', NULL, NULL,
        NULL, f.fetch_request_id, NULL, NULL, NULL, NULL,
        'follower_fetch', 0.9
    FROM replication AS f
    UNION ALL
    SELECT
        g.request_id, g.start_time, g.end_time,
        CASE WHEN g.root = 'unexplained' AND k.request_id IS NULL THEN 16 ELSE 12 END,
        g.segment,
        COALESCE(k.root, g.root),
        'own', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'request_log', CASE WHEN g.root <> 'unexplained' OR k.request_id IS NOT NULL THEN 0.9 END
    FROM stages AS g
    LEFT JOIN kept_stages AS k
        ON k.request_id = g.request_id
        AND g.segment = 'response'
    UNION ALL
    SELECT
        s.request_id, s.start_time, s.end_time, CASE WHEN s.is_taken THEN 2 ELSE 13 END, 'handler',
        'cpu', 'own', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        CASE WHEN s.is_ready THEN 'run_queue' ELSE 'on_cpu_sample' END, 0.7 * s.confidence
    FROM handler_samples AS s
    UNION ALL
    SELECT
        w.request_id, w.begin_time, w.handled_time, 15, 'handler',
        'unexplained', 'own', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        'handler_working', NULL
    FROM request_work AS w
    WHERE w.begin_time IS NOT NULL
    UNION ALL
    SELECT
        w.request_id, w.service_start, COALESCE(w.handled_time, w.end_time), 20, 'unexplained',
        'unexplained', 'own', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        CASE WHEN w.begin_time IS NULL THEN 'own_write_unknown' ELSE 'before_first_write' END,
        NULL
    FROM request_work AS w
    UNION ALL
    SELECT
        w.request_id, w.handled_time, w.end_time, 20, 'unexplained',
        'unexplained', 'own', NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL,
        CASE
            WHEN NOT w.is_complete THEN 'some_writes_unknown'
            WHEN w.acks = -1 AND NOT w.is_replicated THEN 'followers_unseen'
            WHEN w.acks IS NULL THEN 'acks_unknown'
            WHEN w.confidence < 0.95 THEN 'write_unsure'
            ELSE 'after_last_write'
        END,
        NULL
    FROM request_work AS w
    WHERE w.handled_time IS NOT NULL
),
bounded AS (
    -- The stage that the broker's log allows for each segment.
    SELECT
        s.*,
        CASE
            WHEN s.rank >= 15 OR s.rule IN ('pause', 'run_queue', 'on_cpu_sample', 'response_bytes')
                THEN NULL
            WHEN s.segment = 'request_queue' THEN add_ns(g.queue_start, -g.slack_ns)
            WHEN s.segment IN ('handler', 'lock_wait', 'write', 'sync')
                THEN add_ns(g.local_start, -g.slack_ns)
            WHEN s.segment = 'remote' THEN add_ns(g.remote_start, -g.slack_ns)
            WHEN s.segment = 'response' THEN add_ns(g.throttle_start, -g.slack_ns)
        END AS lower_time,
        CASE
            WHEN s.rank >= 15 OR s.rule IN ('pause', 'run_queue', 'on_cpu_sample', 'response_bytes')
                THEN NULL
            WHEN s.segment = 'unread' THEN add_ns(g.queue_start, g.slack_ns)
            WHEN s.segment = 'request_queue' THEN add_ns(g.local_start, g.slack_ns)
            WHEN s.segment IN ('handler', 'lock_wait', 'write', 'sync')
                THEN add_ns(g.remote_start, g.slack_ns)
            WHEN s.segment = 'remote' THEN add_ns(g.throttle_start, g.slack_ns)
        END AS upper_time
    FROM stretches AS s
    LEFT JOIN request_stages AS g ON g.request_id = s.request_id
),
parts AS (
    SELECT
        request_id, rank, segment, root, via, root_write_id, lock_wait_id, pause_id,
        fetch_request_id, blocker_tid, topic, partition, lock_class, rule, confidence,
        unnest([0, 1, 2]) AS part,
        unnest([
            GREATEST(start_time, COALESCE(lower_time, start_time)),
            start_time,
            GREATEST(start_time, COALESCE(upper_time, end_time))
        ]) AS start_time,
        unnest([
            LEAST(end_time, COALESCE(upper_time, end_time)),
            LEAST(end_time, COALESCE(lower_time, start_time)),
            end_time
        ]) AS end_time
    FROM bounded
),
judged AS (
    -- What lies outside of it is withdrawn.
    SELECT
        request_id,
        start_time,
        end_time,
        CASE part WHEN 0 THEN rank ELSE 14 END AS rank,
        CASE part WHEN 0 THEN segment ELSE 'unexplained' END AS segment,
        CASE part WHEN 0 THEN root ELSE 'unexplained' END AS root,
        CASE part WHEN 0 THEN via ELSE 'own' END AS via,
        CASE part WHEN 0 THEN root_write_id END AS root_write_id,
        CASE part WHEN 0 THEN lock_wait_id END AS lock_wait_id,
        CASE part WHEN 0 THEN pause_id END AS pause_id,
        CASE part WHEN 0 THEN fetch_request_id END AS fetch_request_id,
        CASE part WHEN 0 THEN blocker_tid END AS blocker_tid,
        CASE part WHEN 0 THEN topic END AS topic,
        CASE part WHEN 0 THEN partition END AS partition,
        CASE part WHEN 0 THEN lock_class END AS lock_class,
        CASE part WHEN 0 THEN rule ELSE 'request_log_contradicts' END AS rule,
        CASE part WHEN 0 THEN confidence END AS confidence
    FROM parts
),
clipped AS (
    SELECT
        s.request_id, s.rank, s.segment, s.root, s.via, s.root_write_id, s.lock_wait_id, s.pause_id,
        s.fetch_request_id, s.blocker_tid, s.topic, s.partition, s.lock_class, s.rule, s.confidence,
        GREATEST(s.start_time, a.service_start) AS start_time,
        LEAST(s.end_time, a.end_time) AS end_time
    FROM judged AS s
    INNER JOIN accounted_requests AS a ON a.request_id = s.request_id
)
SELECT
    request_id,
    start_time,
    end_time,
    elapsed_ns(start_time, end_time) AS explained_ns,
    CAST(rank AS INT) AS rank,
    segment,
    root,
    via,
    cause_of(root, via) AS cause,
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
