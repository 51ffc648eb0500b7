-- The changes that the recordings of each broker ask for, with what its host has already.
--
-- `advice` has those that are not so yet, and says what each is; `settled_changes` has the
-- others. A change rests on verdicts of its own root and way only: time that is unexplained,
-- or that another cause explains, asks for none. What is set now is of the broker
-- where the root is, and of the device whose journal requests waited for, where the
-- commit tells its device and a log directory is on it.
-- @materialized
-- @column change         VARCHAR     -- as in `advice`
-- @column rank           BIGINT      -- place among changes with the same gain
-- @column removes        VARCHAR     -- root, or wait: what it would take away
-- @column request_count  BIGINT      -- slow requests that ask for it
-- @column request_ratio  DOUBLE      -- their share of the slow requests
-- @column gain_ms        DOUBLE      -- at most this much of their latency goes away
-- @column gain_ratio     DOUBLE      -- that time's share of the
--                                       latency of all slow requests
-- @column evidence_count BIGINT      -- commits, writes, waits or pauses that show it
-- @column worst_ms       DOUBLE      -- the longest of them
-- @column evidence       VARCHAR     -- what the evidence is, in words
-- @column support        VARCHAR     -- shown; undecided: no recorded row tells;
--                                       or against
-- @column for_count      BIGINT      -- of the evidence,
--                                       what asks for this change in particular
-- @column whatif         VARCHAR     -- kind of wait for `kcorr whatif --without`;
--                                       null for none
-- @column present        VARCHAR     -- what it would change, as it is now
-- @column is_on          BOOLEAN     -- whether that is as the change would make it
-- @column command        VARCHAR     -- what makes the change there
-- @column broker         INT         -- the broker; null when nothing tells
WITH
total AS (
    SELECT COUNT(*) AS request_count, SUM(millionths(latency_ms - requested_wait_ms)) / 1e6
        AS latency_ms
    FROM request_verdicts
),
rooted AS (
    SELECT
        COALESCE(v.blocker_broker, v.broker) AS broker,
        v.blocker_broker IS NULL AS is_own_broker,
        e.kind, e.root_id, e.episode, e.root_write_id, e.start_time, e.end_time,
        w.duration_ns / 1e6 AS write_ms,
        v.request_id, v.waited_ms, v.connection_queue_ms, v.lock_wait_ms, v.cause, v.reason,
        elapsed_ns(e.start_time, e.end_time) / 1e6 AS root_ms
    FROM request_verdicts AS v
    INNER JOIN episode_requests AS e ON e.request_id = v.request_id
    LEFT JOIN writes AS w ON w.write_id = e.root_write_id
    WHERE e.kind IN ('journal_commit', 'write', 'sync', 'read', 'pause')
),
handlers AS (
    SELECT broker, COUNT(DISTINCT thread_name) AS handler_count
    FROM thread_names
    WHERE thread_name LIKE '%request-handler-%'
    GROUP BY broker
),
standstills AS (
    -- Handlers that stood in a write, a sync or a lock wait for at least half of an episode.
    SELECT r.episode, MIN(r.root_ms) AS root_ms, COUNT(DISTINCT x.tid) AS busy_count
    FROM rooted AS r
    INNER JOIN (
        SELECT request_id, tid, start_time, end_time
        FROM own_writes
        UNION ALL
        SELECT s.request_id, l.tid, l.start_time, l.end_time
        FROM request_segments AS s
        INNER JOIN lock_waits AS l ON l.lock_wait_id = s.lock_wait_id
        WHERE s.cause LIKE '%slow_%'
    ) AS x ON x.request_id = r.request_id
    WHERE r.kind <> 'pause'
        -- Handlers of a broker that waits for another are not at a standstill there.
        AND r.is_own_broker
        AND 2 * overlap_ns(x.start_time, x.end_time, r.start_time, r.end_time)
            >= elapsed_ns(r.start_time, r.end_time)
    GROUP BY r.episode
),
queued AS (
    SELECT s.request_id, SUM(s.segment_ns) / 1e6 AS queue_ms
    FROM request_segments AS s
    INNER JOIN request_verdicts AS v ON v.request_id = s.request_id
    WHERE s.segment = 'request_queue'
        AND s.cause LIKE 'queued_behind_slow_%'
    GROUP BY s.request_id
),
commits AS (
    SELECT
        r.broker, r.request_id, r.waited_ms, r.root_id, r.root_ms,
        c.began_by, c.flush_ratio, c.gap_ms, c.device
    FROM rooted AS r
    LEFT JOIN root_commits AS c ON c.function_call_id = r.root_id
    WHERE r.kind = 'journal_commit'
),
found AS (
    SELECT
        c.change,
        c.rank,
        x.broker, x.request_id, x.waited_ms AS gain_ms, x.root_id, x.root_ms,
        'journal commits' AS evidence,
        'journal_commit' AS whatif,
        CASE c.change
            WHEN 'journal_writeback' THEN x.flush_ratio >= 0.5
            WHEN 'journal_fast_commit' THEN x.began_by = 'request'
            WHEN 'journal_interval' THEN x.began_by = 'timer'
        END AS asks
    FROM commits AS x
    CROSS JOIN (
        SELECT 1 AS rank, 'journal_writeback' AS change
        UNION ALL
        SELECT 2 AS rank, 'journal_fast_commit' AS change
        UNION ALL
        SELECT 3 AS rank, 'journal_interval' AS change
        UNION ALL
        SELECT 4 AS rank, 'journal_other_fs' AS change
    ) AS c
    UNION ALL
    SELECT
        CASE WHEN reason = 'dirty_throttle' THEN 'dirty_limit' ELSE 'write_other' END AS change,
        5 AS rank,
        broker, request_id, waited_ms AS gain_ms, root_id, root_ms,
        CASE WHEN reason = 'dirty_throttle'
            THEN 'writes that the kernel held back because too many pages were dirty'
            ELSE 'writes without a journal commit'
        END AS evidence,
        'write' AS whatif, TRUE AS asks
    FROM rooted
    WHERE kind = 'write'
    UNION ALL
    SELECT
        CASE WHEN reason = 'epoch_checkpoint' THEN 'leader_changes' ELSE 'fsync' END AS change, 6 AS rank,
        broker, request_id, waited_ms AS gain_ms, root_id, root_ms,
        CASE WHEN reason = 'epoch_checkpoint'
            THEN 'syncs of the leader epochs of logs whose leader or replicas changed'
            ELSE 'syncs'
        END AS evidence,
        'sync' AS whatif, TRUE AS asks
    FROM rooted
    WHERE kind = 'sync'
    UNION ALL
    SELECT
        'page_cache' AS change, 6 AS rank,
        broker, request_id, waited_ms AS gain_ms, root_id, root_ms,
        'reads' AS evidence,
        'read' AS whatif, TRUE AS asks
    FROM rooted
    WHERE kind = 'read'
    UNION ALL
    SELECT
        'spread_connections' AS change, 7 AS rank,
        broker, request_id, connection_queue_ms AS gain_ms, request_id AS root_id,
        connection_queue_ms AS root_ms,
        'requests that waited for their own connection' AS evidence,
        NULL AS whatif, TRUE AS asks
    FROM request_verdicts
    WHERE cause LIKE 'queued_behind_%'
        AND connection_queue_ms > 0
    UNION ALL
    SELECT
        'spread_partitions' AS change, 8 AS rank,
        broker, request_id, waited_ms AS gain_ms, root_write_id AS root_id, write_ms AS root_ms,
        'writes, syncs and reads that held a log while others waited for it' AS evidence,
        'lock_wait' AS whatif, TRUE AS asks
    FROM rooted
    WHERE cause LIKE 'lock_wait_behind_slow_%'
    UNION ALL
    SELECT
        'more_handlers' AS change, 9 AS rank,
        r.broker, r.request_id, COALESCE(q.queue_ms, 0) AS gain_ms, r.episode AS root_id, s.root_ms,
        'episodes with all but at most one request handler at a standstill' AS evidence,
        'request_queue' AS whatif, TRUE AS asks
    FROM rooted AS r
    INNER JOIN standstills AS s ON s.episode = r.episode
    LEFT JOIN queued AS q ON q.request_id = r.request_id
    INNER JOIN handlers AS h ON h.broker IS NOT DISTINCT FROM r.broker
    WHERE h.handler_count > 1
        AND r.is_own_broker
        AND s.busy_count + 1 >= h.handler_count
    UNION ALL
    SELECT
        COALESCE(c.change, 'gc') AS change, 10 AS rank,
        r.broker, r.request_id, r.waited_ms AS gain_ms, r.root_id, r.root_ms,
        COALESCE(c.evidence, 'stops of the JVM') AS evidence,
        'gc' AS whatif, TRUE AS asks
    FROM rooted AS r
    LEFT JOIN (
        SELECT 'pause_io' AS reason, 'gc_log_disk' AS change,
            'stops of the JVM with IO of its own threads' AS evidence
        UNION ALL
        SELECT 'time_to_safepoint' AS reason, 'late_threads' AS change,
            'stops of the JVM that threads came late to' AS evidence
        UNION ALL
        SELECT 'vm_operation' AS reason, 'vm_operations' AS change,
            'stops of the JVM for other operations than collections' AS evidence
    ) AS c ON c.reason = r.reason
    WHERE r.kind = 'pause'
    UNION ALL
    -- A request that waited for a network thread on a CPU while connections to its broker stormed in:
    -- what that thread was at is told by samples of such threads.
    SELECT
        'reconnect_storm' AS change, 11 AS rank,
        v.broker, v.request_id, v.waited_ms AS gain_ms,
        CAST(t.start_time AS BIGINT) AS root_id,
        elapsed_ns(t.start_time, t.end_time) / 1e6 AS root_ms,
        'storms of new connections in which requests waited for a network thread' AS evidence,
        NULL AS whatif,
        2 * t.handshake_samples >= t.network_samples AS asks
    FROM request_verdicts AS v
    INNER JOIN recorded_requests AS r ON r.request_id = v.request_id
    INNER JOIN reconnect_storms AS t
        ON t.server_address = r.server_address
        AND t.start_time < v.end_time
        AND v.arrival_time < t.end_time
    WHERE v.cause = 'network_thread_behind_cpu'
    UNION ALL
    SELECT
        c.change, c.rank,
        COALESCE(v.blocker_broker, v.broker) AS broker,
        v.request_id, v.waited_ms AS gain_ms, v.request_id AS root_id,
        v.waited_ms AS root_ms,
        c.evidence,
        c.whatif, TRUE AS asks
    FROM request_verdicts AS v
    INNER JOIN (
        SELECT 12 AS rank, 'cpu' AS root, 'more_cpu' AS change,
            'requests that a handler or network thread worked on, or that waited for a CPU'
            AS evidence,
            'cpu' AS whatif
        UNION ALL
        SELECT 13 AS rank, 'cpu_throttle' AS root, 'cpu_quota' AS change,
            'requests that stood still for want of CPU quota' AS evidence,
            'cpu_quota' AS whatif
        UNION ALL
        SELECT 14 AS rank, 'throttled' AS root, 'client_quota' AS change,
            'requests held back by a quota of the broker' AS evidence,
            'client_quota' AS whatif
        UNION ALL
        SELECT 15 AS rank, 'remote' AS root, 'followers' AS change,
            'requests that waited for followers' AS evidence,
            'followers' AS whatif
        UNION ALL
        SELECT 16 AS rank, 'network_thread' AS root, 'network_threads' AS change,
            'requests that waited for a busy network thread' AS evidence,
            NULL AS whatif
    ) AS c
        ON v.cause = c.root
        OR v.cause LIKE ('%behind_' || c.root)
        OR (c.root = 'network_thread' AND v.cause LIKE 'network_thread_behind_slow_%')
    UNION ALL
    SELECT
        c.change, c.rank,
        v.broker, v.request_id, v.waited_ms AS gain_ms, v.request_id AS root_id,
        v.waited_ms AS root_ms,
        c.evidence,
        NULL AS whatif,
        CASE c.change
            WHEN 'window_scaling' THEN t.window_scaling IN ('refused', 'not_offered')
            ELSE TRUE
        END AS asks
    FROM request_verdicts AS v
    INNER JOIN (
        SELECT 17 AS rank, 'client_window' AS reason, 'client_buffer' AS change,
            'requests whose response, or one ahead, waited for the client''s window' AS evidence
        UNION ALL
        SELECT 18 AS rank, 'client_window' AS reason, 'window_scaling' AS change,
            'requests whose response, or one ahead, waited for the client''s window' AS evidence
        UNION ALL
        SELECT 19 AS rank, 'broker_window' AS reason, 'broker_buffer' AS change,
            'requests whose bytes, or those of one ahead, waited for the broker''s window' AS evidence
        UNION ALL
        SELECT 20 AS rank, 'retransmission' AS reason, 'packet_loss' AS change,
            'requests of which bytes, or of one ahead, were lost on the network' AS evidence
    ) AS c ON c.reason = v.reason
    INNER JOIN recorded_requests AS r ON r.request_id = v.request_id
    LEFT JOIN tcp_connections AS t ON t.connection_id = r.connection_id
    UNION ALL
    SELECT
        'record_more' AS change, 21 AS rank,
        broker, request_id, waited_ms AS gain_ms, request_id AS root_id, waited_ms AS root_ms,
        'requests that no recorded row explains' AS evidence,
        NULL AS whatif, TRUE AS asks
    FROM request_verdicts
    WHERE cause = 'unexplained'
),
devices AS (
    -- The devices of the journals that requests waited for.
    SELECT DISTINCT broker, device
    FROM commits
    WHERE device IS NOT NULL
),
settings AS (
    SELECT
        p.broker, p.change, p.present, p.is_on, p.command,
        d.device IS NOT NULL AS is_waited_for,
        COUNT(d.device) OVER (PARTITION BY p.broker, p.change) AS waited_for_count
    FROM present_settings AS p
    LEFT JOIN devices AS d
        ON d.device = p.device
        AND d.broker IS NOT DISTINCT FROM p.broker
),
settled AS (
    SELECT
        broker,
        change,
        string_agg(DISTINCT present, '; ' ORDER BY present) AS present,
        MIN(CASE WHEN is_on THEN 1 WHEN NOT is_on THEN 0 END) = 1 AS is_on
    FROM settings
    WHERE is_waited_for
        OR waited_for_count = 0
    GROUP BY broker, change
),
commands AS (
    SELECT
        broker,
        change,
        string_agg(DISTINCT command, ' && ' ORDER BY command) AS command
    FROM settings
    WHERE (is_waited_for OR waited_for_count = 0)
        AND command IS NOT NULL
    GROUP BY broker, change
),
timers AS (
    -- Without a recorded setting, the commits themselves tell how often the timer begins one.
    SELECT
        broker,
        'journal_interval' AS change,
        CAST(ROUND(percentile_cont(0.5) WITHIN GROUP (ORDER BY gap_ms) / 1e3) AS BIGINT)
            AS timer_s
    FROM commits
    WHERE began_by = 'timer'
    GROUP BY broker
),
asked AS (
    SELECT
        f.change,
        f.rank,
        f.broker,
        COUNT(DISTINCT f.request_id) AS request_count,
        SUM(millionths(f.gain_ms)) / 1e6 AS gain_ms,
        COUNT(DISTINCT f.root_id) AS evidence_count,
        MAX(f.root_ms) AS worst_ms,
        f.evidence,
        CASE
            WHEN 2 * COUNT(DISTINCT CASE WHEN f.asks THEN f.root_id END)
                >= COUNT(DISTINCT f.root_id) THEN 'shown'
            WHEN COUNT(f.asks) < COUNT(*) OR f.change = 'journal_writeback' THEN 'undecided'
            ELSE 'against'
        END AS support,
        COUNT(DISTINCT CASE WHEN f.asks THEN f.root_id END) AS for_count,
        f.whatif
    FROM found AS f
    GROUP BY f.change, f.rank, f.broker, f.evidence, f.whatif
)
SELECT
    a.change,
    a.rank,
    CASE WHEN a.change IN ('spread_connections', 'spread_partitions', 'more_handlers')
        THEN 'wait'
        ELSE 'root'
    END AS removes,
    a.request_count,
    CAST(a.request_count AS DOUBLE) / t.request_count AS request_ratio,
    a.gain_ms,
    a.gain_ms / t.latency_ms AS gain_ratio,
    a.evidence_count,
    a.worst_ms,
    a.evidence,
    a.support,
    a.for_count,
    a.whatif,
    COALESCE(
        s.present,
        'by its recorded commits, the timer''s begin ' || CAST(m.timer_s AS VARCHAR)
            || ' s after each other'
    ) AS present,
    s.is_on,
    CASE
        WHEN s.present IS NOT NULL THEN c.command
        WHEN m.timer_s > 1 THEN
            'mount -o remount,commit=' || CAST(LEAST((m.timer_s + 1) / 2, 5) AS VARCHAR)
            || ' MOUNT_POINT'
    END AS command,
    a.broker
FROM asked AS a
CROSS JOIN total AS t
LEFT JOIN settled AS s
    ON s.change = a.change
    AND s.broker IS NOT DISTINCT FROM a.broker
LEFT JOIN commands AS c
    ON c.change = a.change
    AND c.broker IS NOT DISTINCT FROM a.broker
LEFT JOIN timers AS m
    ON m.change = a.change
    AND m.broker IS NOT DISTINCT FROM a.broker
ORDER BY a.broker, a.rank, a.change, a.evidence
