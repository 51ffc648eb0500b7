-- Stretches of each accounted request's service, with what explains them, strongest
-- first by `rank`.
--
-- Stretches may overlap: `service_segments` cuts them, and where several cover a moment
-- the lowest `rank` counts. The rules are the rows of `rules`: what is the same for all
-- stretches of one (its rank, and mostly segment and root) stands there, and a branch here
-- names only what it has.
-- Where the broker's request log is given, each stretch is clipped to the stage that its
-- segment belongs to (see request_stages); pauses and waits for a CPU may be anywhere. Where
-- times are not known within some ms, nothing but the log tells what a request was in.
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
--                                       (see reasons)
-- @column rule           VARCHAR     -- what shows it (see rules)
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
        -- What appends waits for followers there; other requests for what they asked for, or for what
        -- nothing shows.
        unnest([
            'unexplained', 'unexplained', 'unexplained',
            CASE
                WHEN w.api IN (
                    'Produce', 'OffsetCommit', 'TxnOffsetCommit', 'EndTxn', 'WriteTxnMarkers',
                    'AddPartitionsToTxn', 'AddOffsetsToTxn', 'InitProducerId'
                ) THEN 'remote'
                ELSE 'unexplained'
            END,
            'throttled',
            -- It was late, and nothing says whether for the thread, the network or the client.
            'unexplained'
        ]) AS root,
        -- What was appended only as that was over had waited for no follower.
        CASE
            WHEN w.api = 'Produce'
                AND r.transactional_id IS NOT NULL
                AND w.begin_time > add_ns(g.remote_start, g.slack_ns)
                AND w.handled_time >= add_ns(g.throttle_start, -g.slack_ns - 1000000)
                THEN 'transaction_check'
        END AS remote_reason
    FROM request_stages AS g
    INNER JOIN request_work AS w ON w.request_id = g.request_id
    INNER JOIN recorded_requests AS r ON r.request_id = g.request_id
),
kept_stages AS (
    -- What kept its network thread for most of the response's stage; or any that may be its, if in file
    -- operations.
    SELECT
        request_id,
        MIN(root) AS root,
        CASE MIN(root) WHEN 'response' THEN 'own' ELSE 'network_thread' END AS via,
        MIN(reason) AS reason
    FROM (
        SELECT
            g.request_id,
            CASE WHEN w.network_tid IS NULL THEN 'response' ELSE s.root END AS root,
            CASE WHEN w.network_tid IS NOT NULL AND MIN(s.reason) = MAX(s.reason) THEN MIN(s.reason) END
                AS reason
        FROM request_stages AS g
        INNER JOIN request_work AS w ON w.request_id = g.request_id
        INNER JOIN network_states AS s
            ON s.start_time < g.done_time
            AND g.response_start < s.end_time
        WHERE s.tid = COALESCE(w.network_tid, s.tid)
            AND (s.root <> 'cpu' OR w.network_tid IS NOT NULL)
        GROUP BY
            g.request_id, s.tid, w.network_tid, g.response_start, g.done_time, s.root
        HAVING 2 * SUM(overlap_ns(s.start_time, s.end_time, g.response_start, g.done_time))
            > elapsed_ns(g.response_start, g.done_time)
    )
    GROUP BY request_id
),
matching_times AS (
    -- A thread that nothing ties to the connection, but that was kept from about when the request could
    -- be read until about when its handler began, or from when that was done until the response left.
    SELECT
        w.request_id, s.start_time, s.end_time, s.chain_end, s.root, s.root_write_id, s.tid, s.reason,
        COALESCE(
            s.chain_start <= add_ns(
                w.service_start, CAST($handoff_ms * 1e6 AS BIGINT) + s.chain_slack_ns
            )
                AND elapsed_ns(s.chain_end, COALESCE(w.handed_time, w.begin_time))
                    BETWEEN -$clock_slack_ms * 1e6 AND $handoff_ms * 1e6 + s.chain_slack_ns,
            FALSE
        ) AS is_unread,
        w.due_time,
        COALESCE(
            s.chain_start <= add_ns(w.due_time, CAST($handoff_ms * 1e6 AS BIGINT) + s.chain_slack_ns)
                AND elapsed_ns(s.chain_end, w.response_time)
                    BETWEEN -$clock_slack_ms * 1e6 AND $handoff_ms * 1e6 + s.chain_slack_ns,
            FALSE
        ) AS is_response
    FROM request_work AS w
    INNER JOIN network_states AS s
        ON s.start_time < w.response_time
        AND w.service_start < s.end_time
    WHERE w.network_tid IS NULL
        AND s.tid IS NOT NULL
        AND s.root = 'cpu'
        AND w.api = 'Produce'
),
kept_times AS (
    -- For how much of the time until its handler began, and since its response was due, its thread was kept.
    SELECT
        w.request_id,
        s.tid,
        10 * SUM(overlap_ns(
            s.start_time, s.end_time, w.service_start, COALESCE(w.handed_time, w.begin_time)
        )) >= 9 * MIN(elapsed_ns(w.service_start, COALESCE(w.handed_time, w.begin_time))) AS is_unread,
        10 * SUM(overlap_ns(s.start_time, s.end_time, w.due_time, w.response_time))
            >= 9 * MIN(elapsed_ns(w.due_time, w.response_time)) AS is_response
    FROM request_work AS w
    INNER JOIN network_states AS s
        ON s.start_time < w.response_time
        AND w.service_start < s.end_time
    WHERE s.tid IS NULL
        OR s.tid = w.network_tid
    GROUP BY w.request_id, s.tid
),
network_times AS (
    SELECT
        w.request_id,
        COALESCE(
            s.start_time < COALESCE(w.handed_time, w.begin_time, w.response_time)
                AND (
                    s.chain_start <= add_ns(
                        w.service_start, CAST($handoff_ms * 1e6 AS BIGINT) + s.chain_slack_ns
                    )
                    OR elapsed_ns(s.chain_end, COALESCE(w.handed_time, w.begin_time))
                        BETWEEN 0 AND $handoff_ms * 1e6 + s.chain_slack_ns
                    OR k.is_unread
                ),
            FALSE
        ) AS is_unread,
        COALESCE(
            k.is_response
                OR elapsed_ns(s.chain_end, w.response_time)
                    BETWEEN -$clock_slack_ms * 1e6 AND $handoff_ms * 1e6 + s.chain_slack_ns,
            FALSE
        ) AS is_response,
        GREATEST(s.start_time, w.service_start) AS start_time,
        s.end_time, s.start_time AS operation_start, w.service_start,
        COALESCE(w.handed_time, w.begin_time) AS begin_time, w.handled_time, w.due_time,
        w.response_time,
        s.root, s.root_write_id, s.tid, s.reason,
        CASE WHEN s.tid IS NULL THEN 0.8 ELSE w.network_confidence END AS confidence
    FROM request_work AS w
    INNER JOIN network_states AS s
        ON s.start_time < w.response_time
        AND w.service_start < s.end_time
    LEFT JOIN kept_times AS k
        ON k.request_id = w.request_id
        AND k.tid IS NOT DISTINCT FROM s.tid
    WHERE s.tid IS NULL
        OR s.tid = w.network_tid
),
network_parts AS (
    -- Until its handler began, and since its response was due.
    SELECT
        n.request_id, n.start_time, LEAST(n.end_time, COALESCE(n.begin_time, n.response_time)) AS end_time,
        'unread' AS segment, n.root, n.root_write_id, n.tid, n.reason, n.confidence, n.operation_start,
        n.service_start AS kept_since
    FROM network_times AS n
    WHERE n.is_unread
    UNION ALL BY NAME
    SELECT
        n.request_id, GREATEST(n.start_time, n.handled_time, n.due_time) AS start_time,
        LEAST(n.end_time, n.response_time) AS end_time,
        'response' AS segment, n.root, n.root_write_id, n.tid, n.reason, n.confidence, n.operation_start,
        n.due_time AS kept_since
    FROM network_times AS n
    WHERE n.is_response
        -- It could not be sent before it was due, whatever its thread did.
        AND n.due_time IS NOT NULL
        -- One chain may have kept it from reading the request, and then from sending the response.
        AND (n.handled_time IS NOT NULL OR NOT n.is_unread)
),
handler_runs AS (
    SELECT
        w.request_id, w.service_start, r.start_time, r.end_time, w.begin_time, w.handled_time,
        w.response_time, w.confidence, w.acks, r.is_throttled, r.standing_id, r.ran_instead_tid
    FROM request_work AS w
    INNER JOIN ready_times AS r
        ON r.tid = w.tid
        AND r.start_time < w.response_time
        AND w.service_start < r.end_time
    -- One inside of a file operation is of that: the handler was at what it did for another request.
    LEFT ANTI JOIN near_writes AS o
        ON o.tid = r.tid
        AND o.start_time < r.end_time
        AND r.start_time < o.end_time
        AND o.start_time <= r.start_time
        AND r.end_time <= o.end_time
),
handler_turns_taken AS (
    -- The last time that its handler was woken before it began.
    SELECT
        w.request_id, t.start_time, t.end_time, t.ready_tid, t.ready_standing_id, t.is_throttled,
        w.confidence,
        t.woken_time = MAX(t.woken_time) OVER (PARTITION BY w.request_id) AS is_last
    FROM request_work AS w
    INNER JOIN handler_turns AS t
        ON t.tid = w.tid
        AND t.woken_time <= w.begin_time
        AND w.service_start < t.woken_time
),
queued_times AS (
    -- When all handlers were busy, and it was there and not taken.
    SELECT
        w.request_id, q.start_time,
        LEAST(q.end_time, COALESCE(w.begin_time, g.local_start, o.queued_until)) AS end_time,
        q.root, q.root_write_id, q.reason,
        CAST(q.root_count AS DOUBLE) / q.handler_count AS confidence
    FROM request_work AS w
    LEFT JOIN request_stages AS g ON g.request_id = w.request_id
    LEFT JOIN queue_orders AS o ON o.request_id = w.request_id
    INNER JOIN queue_times AS q
        ON q.pool = w.pool
        AND q.start_time < COALESCE(w.begin_time, g.local_start, o.queued_until)
        AND w.service_start < q.end_time
),
taken_times AS (
    SELECT request_id, MAX(end_time) AS taken_time
    FROM queued_times
    GROUP BY request_id
),
stood AS (
    -- With the lock that its handler waited for, where that was recorded, too.
    SELECT
        o.request_id, o.standing_id, o.start_time, o.end_time, o.wait_class, o.kind, o.confidence,
        l.lock_wait_id, l.topic, l.partition, l.lock_class
    FROM own_standings AS o
    LEFT JOIN own_waits AS l
        ON l.request_id = o.request_id
        AND l.tid = o.tid
        AND l.start_time < o.end_time
        AND o.start_time < l.end_time
),
found AS (
    -- It began when a handler had taken the request, not while all were busy.
    SELECT
        'requested_wait' AS branch, a.request_id,
        GREATEST(w.start_time, COALESCE(q.taken_time, w.start_time)) AS start_time,
        CASE
            WHEN w.wait_ns = r.max_wait_ns
                THEN LEAST(
                    add_ns(GREATEST(w.start_time, COALESCE(q.taken_time, w.start_time)), w.wait_ns),
                    a.response_time
                )
            ELSE w.end_time
        END AS end_time
    FROM accounted_requests AS a
    INNER JOIN requested_waits AS w ON w.request_id = a.request_id
    INNER JOIN recorded_requests AS r ON r.request_id = a.request_id
    LEFT JOIN taken_times AS q ON q.request_id = a.request_id
    WHERE w.asked_by = a.request_id
    UNION ALL BY NAME
    SELECT
        CASE t.kind WHEN 'muted' THEN 'muted' ELSE 'held_back' END AS branch,
        t.request_id, t.start_time, t.end_time, t.throttled_request_id AS other_request_id
    FROM throttles AS t
    UNION ALL BY NAME
    SELECT
        CASE WHEN o.is_sync THEN 'own_sync' ELSE 'own_write' END AS branch,
        o.request_id, o.start_time, o.end_time, o.write_id AS root_write_id, o.topic, o.partition,
        o.confidence
    FROM own_operations AS o
    UNION ALL BY NAME
    SELECT
        'own_read' AS branch, f.request_id, f.start_time, f.end_time,
        -- A network thread reads what it sends.
        CASE WHEN f.operation = 'sendfile' OR f.tid = t.tid THEN 'response' ELSE 'handler' END AS segment,
        f.write_id AS root_write_id, f.topic, f.partition, f.confidence
    FROM accounted_requests AS a
    INNER JOIN fetch_reads AS f ON f.request_id = a.request_id
    LEFT JOIN connection_threads AS t ON t.connection_id = a.connection_id
    UNION ALL BY NAME
    -- Others waited for the monitor on, and nobody had it: it was in the same flush still.
    SELECT
        'own_flush_held' AS branch,
        o.request_id, o.end_time AS start_time, h.end_time, o.write_id AS root_write_id, o.topic,
        o.partition, o.confidence
    FROM own_operations AS o
    INNER JOIN (
        SELECT holder_write_id, MAX(end_time) AS end_time
        FROM wait_holders
        WHERE rule = 'flush_held'
        GROUP BY holder_write_id
    ) AS h ON h.holder_write_id = o.write_id
    WHERE o.is_sync
        AND h.end_time > o.end_time
    UNION ALL BY NAME
    SELECT
        CASE
            WHEN r.root_write_id IS NULL AND r.rule NOT IN ('same_log_run', 'append_returned')
                THEN 'holder_ready'
            ELSE r.rule
        END AS branch,
        r.rule,
        l.request_id, r.start_time, r.end_time, r.root, 'lock_wait' AS via, r.root_write_id,
        l.lock_wait_id, r.holder_tid AS blocker_tid, l.topic, l.partition, l.lock_class,
        CASE r.root WHEN 'cpu' THEN 'run_queue' END AS reason,
        r.confidence * l.confidence AS confidence
    FROM own_waits AS l
    INNER JOIN wait_roots AS r ON r.lock_wait_id = l.lock_wait_id
    UNION ALL BY NAME
    SELECT
        CASE
            WHEN q.root = 'lock_other' THEN 'all_handlers_waiting'
            ELSE 'all_handlers_busy'
        END AS branch,
        q.request_id, q.start_time, q.end_time,
        q.root, 'queued' AS via, q.root_write_id, q.reason, q.confidence
    FROM queued_times AS q
    -- In a pause the request would stand still anyway.
    WHERE q.root <> 'pause'
    UNION ALL BY NAME
    SELECT 'pause' AS branch, a.request_id, p.start_time, p.end_time, p.pause_id
    FROM request_work AS a
    INNER JOIN pauses AS p
        ON p.start_time < a.end_time
        AND a.service_start < p.end_time
    WHERE p.kind IN ('gc', 'safepoint')
    UNION ALL BY NAME
    SELECT
        'pause_throttled' AS branch, a.request_id, GREATEST(p.start_time, o.start_time) AS start_time,
        LEAST(p.end_time, o.end_time) AS end_time,
        o.standing_id, o.tid AS blocker_tid
    FROM request_work AS a
    INNER JOIN pauses AS p
        ON p.start_time < a.end_time
        AND a.service_start < p.end_time
    INNER JOIN pause_operations AS o
        ON o.start_time < p.end_time
        AND p.start_time < o.end_time
    WHERE p.kind IN ('gc', 'safepoint')
        AND o.is_throttled
    UNION ALL BY NAME
    SELECT
        'process_stopped' AS branch, a.request_id, s.start_time, s.end_time, s.standing_id
    FROM request_work AS a
    INNER JOIN stopped_times AS s
        ON s.start_time < a.end_time
        AND a.service_start < s.end_time
    UNION ALL BY NAME
    SELECT
        'lock_wait' AS branch,
        l.request_id, l.start_time, l.end_time, 'lock_wait' AS via, l.lock_wait_id,
        l.owner_tid AS blocker_tid, l.topic, l.partition, l.lock_class, l.confidence
    FROM own_waits AS l
    UNION ALL BY NAME
    SELECT
        'stood_still' AS branch,
        o.request_id, o.start_time, o.end_time, s.root, s.reason, o.standing_id,
        CASE WHEN s.is_lock THEN s.waker_tid END AS blocker_tid, s.topic, s.partition, o.confidence
    FROM own_standings AS o
    INNER JOIN near_standings AS s ON s.standing_id = o.standing_id
    WHERE NOT s.is_ready
        AND s.root IS NOT NULL
        AND s.wait_class <> 'futex'
    UNION ALL BY NAME
    SELECT
        -- A file operation goes on while the JVM is stopped.
        CASE WHEN r.root_write_id IS NOT NULL THEN 'woken_by_write' ELSE 'woken_by' END AS branch,
        o.request_id, r.start_time, r.end_time, r.root,
        -- In a stop of the JVM its handler would stand still anyway.
        CASE WHEN r.root = 'pause' THEN 'own' ELSE 'lock_wait' END AS via,
        r.root_write_id, o.lock_wait_id, o.standing_id, r.holder_tid AS blocker_tid, o.topic,
        o.partition, o.lock_class, r.reason, r.confidence * o.confidence AS confidence
    FROM stood AS o
    INNER JOIN standing_roots AS r ON r.standing_id = o.standing_id
    UNION ALL BY NAME
    SELECT
        CASE o.kind WHEN 'stop' THEN 'woken_by_vm' ELSE 'stood_behind' END AS branch,
        o.request_id, o.start_time, o.end_time,
        CASE o.kind WHEN 'stop' THEN 'own' ELSE 'lock_wait' END AS via,
        o.lock_wait_id, o.standing_id, f.waker_tid AS blocker_tid, o.topic, o.partition, o.lock_class,
        o.confidence
    FROM stood AS o
    INNER JOIN futex_waits AS f ON f.standing_id = o.standing_id
    UNION ALL BY NAME
    SELECT
        'network_thread_busy' AS branch,
        n.request_id, n.start_time, n.end_time, n.segment,
        n.root, 'network_thread' AS via, n.root_write_id, n.tid AS blocker_tid, n.reason, n.confidence
    FROM network_parts AS n
    UNION ALL BY NAME
    -- A file operation goes on while the JVM is stopped, and kept the thread since before.
    SELECT
        'network_thread_in_file' AS branch,
        n.request_id,
        GREATEST(n.start_time, p.start_time) AS start_time,
        LEAST(n.end_time, p.end_time) AS end_time,
        n.segment,
        n.root, 'network_thread' AS via, n.root_write_id, n.tid AS blocker_tid, n.reason, n.confidence
    FROM network_parts AS n
    INNER JOIN pauses AS p
        ON p.start_time < n.end_time
        AND n.start_time < p.end_time
    WHERE p.kind IN ('gc', 'safepoint')
        AND n.root_write_id IS NOT NULL
        AND n.tid IS NOT NULL
        AND n.operation_start <= add_ns(n.kept_since, CAST($handoff_ms * 1e6 AS BIGINT))
    UNION ALL BY NAME
    SELECT
        'network_thread_matches' AS branch,
        m.request_id,
        CASE WHEN m.is_unread THEN m.start_time ELSE GREATEST(m.start_time, m.due_time) END
            AS start_time,
        CASE
            WHEN m.is_unread THEN LEAST(m.end_time, COALESCE(w.handed_time, w.begin_time))
            ELSE LEAST(m.end_time, w.response_time)
        END AS end_time,
        CASE WHEN m.is_unread THEN 'unread' ELSE 'response' END AS segment,
        'network_thread' AS via, m.tid AS blocker_tid, m.reason
    FROM matching_times AS m
    INNER JOIN request_work AS w ON w.request_id = m.request_id
    WHERE m.is_unread
        OR COALESCE(m.is_response, FALSE)
    UNION ALL BY NAME
    SELECT
        -- Woken when the request was there already, its handler has it; else it was woken for another.
        CASE
            WHEN r.start_time >= r.begin_time THEN 'run_queue'
            WHEN r.start_time < add_ns(r.service_start, CAST(-$clock_slack_ms * 1e6 AS BIGINT))
                THEN 'run_queue'
            ELSE 'run_queue_taken'
        END AS branch,
        r.request_id, r.start_time, r.end_time,
        CASE WHEN r.end_time <= r.begin_time THEN 'request_queue' ELSE 'handler' END AS segment,
        CASE WHEN r.is_throttled THEN 'cpu_throttle' END AS root,
        CASE WHEN r.is_throttled THEN 'cpu_throttle' END AS reason,
        r.standing_id, r.ran_instead_tid AS blocker_tid, r.confidence
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
    UNION ALL BY NAME
    SELECT
        'handler_turn' AS branch, t.request_id, t.start_time, t.end_time, 'queued' AS via,
        CASE WHEN t.is_throttled THEN 'cpu_throttle' END AS root,
        CASE WHEN t.is_throttled THEN 'cpu_throttle' END AS reason,
        t.ready_standing_id AS standing_id, t.ready_tid AS blocker_tid, t.confidence
    FROM handler_turns_taken AS t
    WHERE t.is_last
    UNION ALL BY NAME
    SELECT
        'starved' AS branch, w.request_id, s.start_time, LEAST(s.end_time, w.until_time) AS end_time,
        CASE
            WHEN s.end_time <= w.begin_time THEN 'request_queue'
            WHEN s.start_time >= w.handled_time THEN 'response'
            ELSE 'handler'
        END AS segment,
        CASE WHEN s.is_throttled THEN 'cpu_throttle' END AS root,
        CASE WHEN s.is_throttled THEN 'cpu_throttle' END AS reason,
        s.standing_id, s.tid AS blocker_tid
    FROM (
        SELECT
            *,
            -- What the followers have to do is no matter of this broker's CPUs.
            CASE WHEN acks <> -1 THEN response_time ELSE handled_time END AS until_time
        FROM request_work
        WHERE api = 'Produce'
    ) AS w
    INNER JOIN starved_times AS s
        ON s.start_time < w.until_time
        AND w.service_start < s.end_time
    UNION ALL BY NAME
    SELECT 'response_bytes' AS branch, w.request_id, w.response_time AS start_time, w.end_time
    FROM request_work AS w
    UNION ALL BY NAME
    SELECT
        'response_bytes_kept' AS branch, w.request_id, s.start_time, s.end_time, s.state AS reason
    FROM request_work AS w
    INNER JOIN connection_states AS s ON s.request_id = w.request_id
    WHERE s.direction = 'from_broker'
        AND s.start_time >= w.response_time
    UNION ALL BY NAME
    SELECT 'follower_fetch' AS branch, f.request_id, f.start_time, f.end_time,
        f.fetch_request_id AS other_request_id, f.reason
    FROM follower_waits AS f
    UNION ALL BY NAME
    SELECT
        'isr_shrink' AS branch, i.request_id, i.start_time, i.end_time,
        CASE WHEN i.isr_change_id IS NULL THEN 'isr_request' ELSE 'isr_change' END AS remote_kind,
        COALESCE(i.isr_change_id, i.isr_request_id) AS remote_id
    FROM isr_waits AS i
    UNION ALL BY NAME
    SELECT
        'followed' AS branch, w.request_id, w.start_time, w.end_time, w.root, 'remote' AS via, w.reason,
        w.root_write_id, w.fetch_request_id AS other_request_id, w.blocker_tid, w.blocker_broker,
        w.remote_kind, w.remote_id, w.confidence
    FROM followed_waits AS w
    UNION ALL BY NAME
    SELECT
        CASE
            WHEN g.root = 'unexplained' AND k.request_id IS NULL THEN 'request_log_open'
            ELSE 'request_log'
        END AS branch,
        g.request_id, g.start_time, g.end_time, g.segment, COALESCE(k.root, g.root) AS root,
        CASE WHEN g.root = 'unexplained' THEN k.via END AS via,
        CASE g.root
            WHEN 'throttled' THEN 'client_quota'
            WHEN 'remote' THEN g.remote_reason
            ELSE k.reason
        END AS reason
    FROM stages AS g
    LEFT JOIN kept_stages AS k
        ON k.request_id = g.request_id
        AND g.segment = 'response'
    UNION ALL BY NAME
    SELECT
        (CASE WHEN s.is_ready THEN 'run_queue_sample' ELSE 'on_cpu_sample' END)
            || (CASE WHEN s.is_taken THEN '_taken' ELSE '' END) AS branch,
        s.request_id, s.start_time, s.end_time, s.confidence
    FROM handler_samples AS s
    UNION ALL BY NAME
    SELECT
        'handler_working' AS branch,
        w.request_id, w.begin_time AS start_time, w.handled_time AS end_time
    FROM request_work AS w
    WHERE w.begin_time IS NOT NULL
    UNION ALL BY NAME
    SELECT
        CASE
            WHEN w.begin_time IS NOT NULL THEN 'before_first_write'
            WHEN w.api = 'Produce' THEN 'own_write_unknown'
            ELSE 'handler_unknown'
        END AS branch,
        w.request_id, w.service_start AS start_time,
        COALESCE(w.handled_time, w.end_time) AS end_time
    FROM request_work AS w
    UNION ALL BY NAME
    SELECT
        CASE
            WHEN NOT w.is_complete THEN 'some_writes_unknown'
            WHEN w.acks = -1 AND NOT w.is_replicated THEN 'followers_unseen'
            WHEN w.acks IS NULL THEN 'acks_unknown'
            WHEN w.confidence < 0.95 THEN 'write_unsure'
            ELSE 'after_last_write'
        END AS branch,
        w.request_id, w.handled_time AS start_time, w.end_time
    FROM request_work AS w
    WHERE w.handled_time IS NOT NULL
),
stretches AS (
    SELECT
        f.request_id, f.start_time, f.end_time, k.rank,
        COALESCE(f.segment, k.segment) AS segment,
        COALESCE(f.root, k.root) AS root,
        COALESCE(f.via, 'own') AS via,
        f.root_write_id, f.lock_wait_id, f.pause_id, f.other_request_id, f.standing_id, f.blocker_tid,
        f.blocker_broker, f.remote_kind, f.remote_id,
        f.topic, f.partition, f.lock_class,
        COALESCE(f.reason, k.reason) AS reason,
        elapsed_ns(f.start_time, f.end_time) AS ready_ns,
        COALESCE(f.rule, k.rule) AS rule,
        k.confidence * COALESCE(f.confidence, 1.0) AS confidence,
        k.is_bounded
    FROM found AS f
    INNER JOIN rules AS k ON k.branch = f.branch
),
quotas AS (
    SELECT
        s.start_time, s.end_time,
        SUM(overlap_ns(s.start_time, s.end_time, q.start_time, q.end_time)) AS quota_ns
    FROM (SELECT DISTINCT start_time, end_time FROM stretches WHERE reason = 'run_queue') AS s
    INNER JOIN quota_times AS q
        ON q.start_time < s.end_time
        AND s.start_time < q.end_time
    -- Who had a CPU before the group had its time anew did not wait for that.
    WHERE q.end_time <= add_ns(s.end_time, 100000)
    GROUP BY s.start_time, s.end_time
),
throttled AS (
    -- A thread that could have run had no CPU while the group's quota was used up: by the group's counter, or by
    -- the place of its period where the waits ended, unless the counter says otherwise.
    SELECT
        s.request_id, s.start_time, s.end_time, s.rank, s.segment, s.via, s.root_write_id,
        s.lock_wait_id, s.pause_id, s.other_request_id, s.standing_id, s.blocker_tid,
        s.blocker_broker, s.remote_kind, s.remote_id, s.topic,
        s.partition, s.lock_class, s.rule, s.is_bounded, s.root AS found_root,
        s.reason AS found_reason,
        CASE
            WHEN s.reason = 'run_queue' AND 2 * q.quota_ns >= s.ready_ns
                    AND COALESCE(2 * (a.throttled_ns - b.throttled_ns) < s.ready_ns, TRUE)
                THEN 0.9 * s.confidence
            ELSE s.confidence
        END AS confidence,
        s.reason = 'run_queue' AND (
            2 * (a.throttled_ns - b.throttled_ns) >= s.ready_ns
            OR (2 * q.quota_ns >= s.ready_ns AND COALESCE(
                10 * (a.throttled_ns - b.throttled_ns) >= s.ready_ns, TRUE
            ))
        ) AS is_quota
    FROM stretches AS s
    LEFT JOIN quotas AS q
        ON q.start_time = s.start_time
        AND q.end_time = s.end_time
    ASOF JOIN throttle_counters AS b MATCH_CONDITION (s.start_time >= b.time)
    ASOF JOIN throttle_counters AS a MATCH_CONDITION (s.end_time <= a.time)
),
bounded AS (
    -- The stage that the broker's log allows for each segment.
    SELECT
        s.*,
        CASE WHEN s.is_quota THEN 'cpu_throttle' ELSE s.found_root END AS root,
        CASE WHEN s.is_quota THEN 'cpu_throttle' ELSE s.found_reason END AS reason,
        CASE
            WHEN NOT s.is_bounded THEN NULL
            WHEN s.segment = 'request_queue' THEN add_ns(g.queue_start, -g.slack_ns)
            WHEN s.segment IN ('handler', 'lock_wait', 'write', 'sync')
                THEN add_ns(g.local_start, -g.slack_ns)
            WHEN s.segment = 'remote' THEN add_ns(g.remote_start, -g.slack_ns)
            WHEN s.segment = 'response' THEN add_ns(g.throttle_start, -g.slack_ns)
        END AS lower_time,
        CASE
            WHEN NOT s.is_bounded THEN NULL
            WHEN s.segment = 'unread' THEN add_ns(g.queue_start, g.slack_ns)
            WHEN s.segment = 'request_queue' THEN add_ns(g.local_start, g.slack_ns)
            WHEN s.segment IN ('handler', 'lock_wait', 'write', 'sync')
                THEN add_ns(g.remote_start, g.slack_ns)
            WHEN s.segment = 'remote' THEN add_ns(g.throttle_start, g.slack_ns)
        END AS upper_time
    FROM throttled AS s
    LEFT JOIN request_stages AS g ON g.request_id = s.request_id
),
parts AS (
    SELECT
        request_id, rank, segment, root, via, root_write_id, lock_wait_id, pause_id,
        other_request_id, standing_id, blocker_tid, blocker_broker, remote_kind, remote_id, topic, partition,
        lock_class, reason, rule, confidence,
        unnest([0, 1, 2]) AS part,
        -- By a key: a join with the one row of a rule alone comes out a row at a time.
        unnest(['', 'request_log_contradicts', 'request_log_contradicts']) AS withdrawn_by,
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
        CASE part WHEN 0 THEN p.rank ELSE k.rank END AS rank,
        CASE part WHEN 0 THEN p.segment ELSE k.segment END AS segment,
        CASE part WHEN 0 THEN p.root ELSE k.root END AS root,
        CASE part WHEN 0 THEN via ELSE 'own' END AS via,
        CASE part WHEN 0 THEN root_write_id END AS root_write_id,
        CASE part WHEN 0 THEN lock_wait_id END AS lock_wait_id,
        CASE part WHEN 0 THEN pause_id END AS pause_id,
        CASE part WHEN 0 THEN other_request_id END AS other_request_id,
        CASE part WHEN 0 THEN standing_id END AS standing_id,
        CASE part WHEN 0 THEN blocker_tid END AS blocker_tid,
        CASE part WHEN 0 THEN blocker_broker END AS blocker_broker,
        CASE part WHEN 0 THEN remote_kind END AS remote_kind,
        CASE part WHEN 0 THEN remote_id END AS remote_id,
        CASE part WHEN 0 THEN topic END AS topic,
        CASE part WHEN 0 THEN partition END AS partition,
        CASE part WHEN 0 THEN lock_class END AS lock_class,
        CASE part WHEN 0 THEN p.reason END AS reason,
        CASE part WHEN 0 THEN p.rule ELSE k.rule END AS rule,
        CASE part WHEN 0 THEN p.confidence ELSE k.confidence END AS confidence
    FROM parts AS p
    LEFT JOIN rules AS k ON k.branch = p.withdrawn_by
),
clipped AS (
    SELECT
        s.request_id, s.rank, s.segment, s.root, s.via, s.root_write_id, s.lock_wait_id, s.pause_id,
        s.other_request_id, s.standing_id, s.blocker_tid, s.blocker_broker, s.remote_kind, s.remote_id,
        s.topic, s.partition, s.lock_class, s.reason, s.rule, s.confidence,
        GREATEST(s.start_time, a.service_start) AS start_time,
        LEAST(s.end_time, a.end_time) AS end_time
    FROM judged AS s
    INNER JOIN accounted_requests AS a ON a.request_id = s.request_id
    WHERE a.time_slack_ns <= 5000000
        OR s.rule IN ('request_log', 'requested_wait', 'own_write_unknown', 'handler_unknown')
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
FROM clipped
WHERE start_time < end_time
ORDER BY
    request_id, start_time, rank, root_write_id, lock_wait_id, pause_id, end_time, standing_id
