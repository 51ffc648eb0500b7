-- What to try next: one row a change that the recordings ask for.
--
-- Changes that take away the root of the slow requests come first, then those that let
-- fewer requests wait for it; in each, the largest possible gain first. `gain_ms` is an
-- upper bound: the time that slow requests spent on what the change is about. `whatif`
-- names the waits that a replay takes away to say how much of it is left (see
-- `expected_gains`). Changes with the same evidence are alternatives; `support` says
-- whether the recordings tell them apart.
--   journal_writeback    journal commits held up the writes at the root. Shown by
--                        commits that took half of their time or more to flush file data
--   journal_fast_commit  shown by commits that were asked for; those of the timer stay
--                        full commits
--   journal_interval     shown by commits of the timer
--   journal_other_fs     nothing in a recording of one file system shows how another
--                        would do
--   write_other          writes at the root were slow and no journal commit covers them
--   fsync                the operations at the root were syncs
--   page_cache           the operations at the root were reads
--   spread_partitions    requests waited for a log's monitor behind another write, sync or
--                        read of the same log
--   spread_connections   requests queued behind an earlier request of their own
--                        connection
--   more_handlers        nearly all handlers were at a standstill at once
--   gc                   the JVM was stopped, for a collection, or for nothing that is known
--   gc_log_disk          the JVM was stopped, and its own thread waited for a disk
--   late_threads         the JVM was to stop, and threads came late to the safepoint
--   vm_operations        the JVM was stopped for something else than a collection
--   more_cpu             handlers or network threads were at work on a CPU, or waited for
--                        one
--   cpu_quota            the CPU quota was used up
--   client_quota         requests were held back by a quota of the broker
--   followers            followers were late
--   network_threads      network threads were busy
--   client_buffer        responses waited for the client's TCP window
--   window_scaling       the same, shown by connections whose windows were not scaled
--   broker_buffer        requests waited for the broker's TCP window
--   packet_loss          bytes of requests or responses were lost and sent again
--   record_more          no recorded row explains the time
-- A change rests on verdicts of its own root and way only: time that is unexplained, or
-- that another cause explains, asks for none of them.
-- @column change         VARCHAR     -- as above
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
WITH
total AS (
    SELECT COUNT(*) AS request_count, SUM(latency_ms - requested_wait_ms) AS latency_ms
    FROM request_verdicts
),
rooted AS (
    SELECT
        e.kind, e.root_id, e.episode, e.root_write_id, e.start_time, e.end_time,
        w.duration_ns / 1e6 AS write_ms,
        v.request_id, v.waited_ms, v.connection_queue_ms, v.lock_wait_ms, v.cause, v.reason,
        elapsed_ns(e.start_time, e.end_time) / 1e6 AS root_ms
    FROM request_verdicts AS v
    INNER JOIN episode_requests AS e ON e.request_id = v.request_id
    LEFT JOIN writes AS w ON w.write_id = e.root_write_id
),
handlers AS (
    SELECT COUNT(DISTINCT thread_name) AS handler_count
    FROM thread_names
    WHERE thread_name LIKE '%request-handler-%'
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
        r.request_id, r.waited_ms, r.root_id, r.root_ms,
        c.began_by, c.flush_ratio
    FROM rooted AS r
    LEFT JOIN root_commits AS c ON c.function_call_id = r.root_id
    WHERE r.kind = 'journal_commit'
),
found AS (
    SELECT
        c.change,
        c.rank,
        x.request_id, x.waited_ms AS gain_ms, x.root_id, x.root_ms,
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
        'write_other' AS change, 5 AS rank,
        request_id, waited_ms AS gain_ms, root_id, root_ms,
        'writes without a journal commit' AS evidence,
        'write' AS whatif, TRUE AS asks
    FROM rooted
    WHERE kind = 'write'
    UNION ALL
    SELECT
        'fsync' AS change, 6 AS rank,
        request_id, waited_ms AS gain_ms, root_id, root_ms,
        'syncs' AS evidence,
        NULL AS whatif, TRUE AS asks
    FROM rooted
    WHERE kind = 'sync'
    UNION ALL
    SELECT
        'page_cache' AS change, 6 AS rank,
        request_id, waited_ms AS gain_ms, root_id, root_ms,
        'reads' AS evidence,
        NULL AS whatif, TRUE AS asks
    FROM rooted
    WHERE kind = 'read'
    UNION ALL
    SELECT
        'spread_connections' AS change, 7 AS rank,
        request_id, connection_queue_ms AS gain_ms, request_id AS root_id,
        connection_queue_ms AS root_ms,
        'requests that waited for their own connection' AS evidence,
        NULL AS whatif, TRUE AS asks
    FROM request_verdicts
    WHERE cause LIKE 'queued_behind_%'
        AND connection_queue_ms > 0
    UNION ALL
    SELECT
        'spread_partitions' AS change, 8 AS rank,
        request_id, waited_ms AS gain_ms, root_write_id AS root_id, write_ms AS root_ms,
        'writes, syncs and reads that held a log while others waited for it' AS evidence,
        'lock_wait' AS whatif, TRUE AS asks
    FROM rooted
    WHERE cause LIKE 'lock_wait_behind_slow_%'
    UNION ALL
    SELECT
        'more_handlers' AS change, 9 AS rank,
        r.request_id, COALESCE(q.queue_ms, 0) AS gain_ms, r.episode AS root_id, s.root_ms,
        'episodes with all but at most one request handler at a standstill' AS evidence,
        'request_queue' AS whatif, TRUE AS asks
    FROM rooted AS r
    INNER JOIN standstills AS s ON s.episode = r.episode
    LEFT JOIN queued AS q ON q.request_id = r.request_id
    CROSS JOIN handlers AS h
    WHERE h.handler_count > 1
        AND s.busy_count + 1 >= h.handler_count
    UNION ALL
    SELECT
        COALESCE(c.change, 'gc') AS change, 10 AS rank,
        r.request_id, r.waited_ms AS gain_ms, r.root_id, r.root_ms,
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
    SELECT
        c.change, c.rank,
        v.request_id, v.waited_ms AS gain_ms, v.request_id AS root_id,
        v.waited_ms AS root_ms,
        c.evidence,
        NULL AS whatif, TRUE AS asks
    FROM request_verdicts AS v
    INNER JOIN (
        SELECT 11 AS rank, 'cpu' AS root, 'more_cpu' AS change,
            'requests that a handler or network thread worked on, or that waited for a CPU'
            AS evidence
        UNION ALL
        SELECT 12 AS rank, 'cpu_throttle' AS root, 'cpu_quota' AS change,
            'requests that stood still for want of CPU quota' AS evidence
        UNION ALL
        SELECT 13 AS rank, 'throttled' AS root, 'client_quota' AS change,
            'requests held back by a quota of the broker' AS evidence
        UNION ALL
        SELECT 14 AS rank, 'remote' AS root, 'followers' AS change,
            'requests that waited for followers' AS evidence
        UNION ALL
        SELECT 15 AS rank, 'network_thread' AS root, 'network_threads' AS change,
            'requests that waited for a busy network thread' AS evidence
    ) AS c
        ON v.cause = c.root
        OR v.cause LIKE ('%behind_' || c.root)
        OR (c.root = 'network_thread' AND v.cause LIKE 'network_thread_behind_slow_%')
    UNION ALL
    SELECT
        c.change, c.rank,
        v.request_id, v.waited_ms AS gain_ms, v.request_id AS root_id,
        v.waited_ms AS root_ms,
        c.evidence,
        NULL AS whatif,
        CASE c.change
            WHEN 'window_scaling' THEN t.window_scaling IN ('refused', 'not_offered')
            ELSE TRUE
        END AS asks
    FROM request_verdicts AS v
    INNER JOIN (
        SELECT 16 AS rank, 'client_window' AS reason, 'client_buffer' AS change,
            'requests whose response, or one ahead, waited for the client''s window' AS evidence
        UNION ALL
        SELECT 17 AS rank, 'client_window' AS reason, 'window_scaling' AS change,
            'requests whose response, or one ahead, waited for the client''s window' AS evidence
        UNION ALL
        SELECT 18 AS rank, 'broker_window' AS reason, 'broker_buffer' AS change,
            'requests whose bytes, or those of one ahead, waited for the broker''s window' AS evidence
        UNION ALL
        SELECT 19 AS rank, 'retransmission' AS reason, 'packet_loss' AS change,
            'requests of which bytes, or of one ahead, were lost on the network' AS evidence
    ) AS c ON c.reason = v.reason
    INNER JOIN requests AS r ON r.request_id = v.request_id
    LEFT JOIN tcp_connections AS t ON t.connection_id = r.connection_id
    UNION ALL
    SELECT
        'record_more' AS change, 20 AS rank,
        request_id, waited_ms AS gain_ms, request_id AS root_id, waited_ms AS root_ms,
        'requests that no recorded row explains' AS evidence,
        NULL AS whatif, TRUE AS asks
    FROM request_verdicts
    WHERE cause = 'unexplained'
)
SELECT
    f.change,
    CASE WHEN f.change IN ('spread_connections', 'spread_partitions', 'more_handlers')
        THEN 'wait'
        ELSE 'root'
    END AS removes,
    COUNT(DISTINCT f.request_id) AS request_count,
    CAST(COUNT(DISTINCT f.request_id) AS DOUBLE) / MIN(t.request_count) AS request_ratio,
    SUM(f.gain_ms) AS gain_ms,
    SUM(f.gain_ms) / MIN(t.latency_ms) AS gain_ratio,
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
CROSS JOIN total AS t
GROUP BY f.change, f.rank, f.evidence, f.whatif
ORDER BY removes, COALESCE(gain_ms, 0) DESC, f.rank, f.change
