-- Slow requests and what each one waited for, worst first.
--
-- One row per slow request and topic-partition. The verdict is the request's, the same on
-- all its rows; the write and lock columns are the topic-partition's own. `root` is what
-- the most of its time was in, at the end of the chain:
--   slow_write      a write(2) of records
--   slow_sync       an fsync, fdatasync or msync
--   slow_read       a read or sendfile of a file
--   pause           the JVM was stopped
--   cpu             a thread waited for a CPU, or computed
--   cpu_throttle    its control group had used up its CPU quota
--   memory          a thread waited for memory: reclaim, or a swap file
--   throttled       the broker held it back for a client quota
--   remote          acks=all: a follower had not caught up
--   response        its response was being sent
--   receive         its own bytes were still arriving
--   network_thread  its network thread was busy
--   lock_other      a lock, and nothing shows what its holder did
--   unexplained     no recorded row shows where most of its time was
-- Time that the request asked for (a fetch's long poll, a group that is put together) is no
-- slowness: it is not in the verdict, and `share_ratio` leaves it out.
-- `via` is how that reached it:
--   own             it was the request's own, or its handler's
--   lock_wait       its handler waited for a lock behind it
--   queued          it waited behind it, on its connection or for a free handler
--   network_thread  its network thread was in it
-- `cause` is both in one word: the root when own, else `<via>_behind_<root>`
-- (lock_wait_behind_slow_write); a lock wait behind nothing known is `lock_wait_other`.
-- `reason` is the mechanism that made the root slow (see reasons): the one of most of that
-- time, where a row shows one for most of it.
-- @column latency_ms       DOUBLE      -- from the first byte of the request
--                                         to the last of the response
-- @column topic            VARCHAR     -- topic
-- @column partition        INT         -- partition
-- @column cause            VARCHAR     -- what took most of the request's time, as above
-- @column waited_ms        DOUBLE      -- part of the latency spent on `cause`
-- @column share_ratio      DOUBLE      -- waited_ms / (latency_ms − requested_wait_ms)
-- @column blocker_thread   VARCHAR     -- thread whose file operation it waited behind
-- @column blocker_ms       DOUBLE      -- duration of that operation
-- @column commit_ms        DOUBLE      -- journal commit during the write at the root
-- @column arrival_time     TIMESTAMP   -- first byte of the request on the wire
-- @column write_ms         DOUBLE      -- duration of its own write
--                                         to this topic-partition
-- @column confidence       DOUBLE      -- how sure the cause is, 0 to 1;
--                                         null when unexplained
-- @column client_id        VARCHAR     -- client id
-- @column client_address   VARCHAR     -- ip:port of the client
-- @column correlation_id   INT         -- correlation id
-- @column message_id       VARCHAR     -- ids of its messages in this topic-partition,
--                                         separated by spaces
-- @column end_time         TIMESTAMP   -- last byte of the response
-- @column connection_queue_ms DOUBLE   -- time behind earlier requests of its connection
-- @column lock_wait_ms     DOUBLE      -- its handler's waits for this
--                                         topic-partition's monitor
-- @column api              VARCHAR     -- API
-- @column tid              INT         -- thread of its own write: the request handler
-- @column thread_name      VARCHAR     -- name of that thread
-- @column write_file       VARCHAR     -- file of its own write
-- @column write_offset     BIGINT      -- position of its own write in the file
-- @column matched_by       VARCHAR     -- key by which its own write was found
--                                         (see own_writes)
-- @column blocker_tid      INT         -- thread id of blocker_thread
-- @column blocker_file     VARCHAR     -- file of the blocker's write
-- @column lock_class       VARCHAR     -- class of the lock it waited for
-- @column request_id       BIGINT      -- id of the request
-- @column base_offset      BIGINT      -- offset of its first record
--                                         in this topic-partition
-- @column evidence         VARCHAR     -- ids of the rows that the cause rests on,
--                                         by table
-- @column runner_up_cause  VARCHAR     -- what took the next most of its time
-- @column runner_up_ratio  DOUBLE      -- its share in the latency
-- @column rule             VARCHAR     -- what shows the cause,
--                                         for most of its time (see rules)
-- @column journal_ms       DOUBLE      -- part of waited_ms in which the write
--                                         at the root was in the journal's hands
-- @column root             VARCHAR     -- what the time was in, as above
-- @column via              VARCHAR     -- how it reached the request, as above
-- @column reason           VARCHAR     -- what made the root slow, as above; null when nothing
--                                         shows it
-- @column reasons          VARCHAR     -- all that did, with their shares in waited_ms
-- @column requested_wait_ms DOUBLE     -- part of the latency that it asked for
-- @column limits           VARCHAR     -- what the recordings may miss that bears on it
WITH
slow AS (
    SELECT *
    FROM accounted_requests
    WHERE is_slow
),
verdicts AS (
    SELECT
        s.*,
        COALESCE(c.cause, 'unexplained') AS cause,
        COALESCE(c.root, 'unexplained') AS root,
        COALESCE(c.via, 'own') AS via,
        COALESCE(c.via = 'own' AND c.root IN ('slow_write', 'slow_sync'), FALSE) AS is_own,
        COALESCE(c.cause_ns, s.latency_ns) AS waited_ns,
        CASE WHEN c.cause <> 'unexplained' THEN c.confidence END AS confidence,
        CASE WHEN c.cause <> 'unexplained' THEN c.lock_class END AS lock_class,
        c.journal_ns,
        c.reason,
        c.reasons,
        u.cause AS runner_up_cause,
        u.cause_ns AS runner_up_ns
    FROM slow AS s
    LEFT JOIN request_causes AS c
        ON c.request_id = s.request_id
        AND c.place = 1
    LEFT JOIN request_causes AS u
        ON u.request_id = s.request_id
        AND u.place = 2
        AND u.root <> 'requested_wait'
),
roots AS (
    -- The write that took most of the time that the verdict is about.
    SELECT request_id, root_write_id
    FROM (
        SELECT
            request_id,
            root_write_id,
            ROW_NUMBER() OVER (
                PARTITION BY request_id
                ORDER BY SUM(segment_ns) DESC, root_write_id
            ) AS place
        FROM decisive_segments
        WHERE root_write_id IS NOT NULL
        GROUP BY request_id, root_write_id
    )
    WHERE place = 1
),
rules AS (
    -- The rule that most of that time rests on.
    SELECT request_id, rule
    FROM (
        SELECT
            request_id,
            rule,
            ROW_NUMBER() OVER (
                PARTITION BY request_id ORDER BY SUM(segment_ns) DESC, rule
            ) AS place
        FROM decisive_segments
        GROUP BY request_id, rule
    )
    WHERE place = 1
),
evidence_ids AS (
    SELECT
        request_id,
        segment_ns,
        unnest([1, 2, 3, 4, 5, 6, 7]) AS kind,
        unnest([
            lock_wait_id, root_write_id, pause_id, ahead_request_id,
            CASE WHEN rule = 'follower_fetch' THEN other_request_id END,
            CASE WHEN rule <> 'follower_fetch' THEN other_request_id END,
            standing_id
        ]) AS id
    FROM decisive_segments
),
evidence_places AS (
    -- The rows that a verdict rests on, those that explain most of its time first.
    SELECT
        request_id, kind, id,
        ROW_NUMBER() OVER (
            PARTITION BY request_id, kind
            ORDER BY SUM(segment_ns) DESC, id
        ) AS place
    FROM evidence_ids
    WHERE id IS NOT NULL
    GROUP BY request_id, kind, id
),
evidence_kinds AS (
    SELECT
        request_id,
        kind,
        CASE kind
            WHEN 1 THEN 'waits '
            WHEN 2 THEN 'writes '
            WHEN 3 THEN 'pauses '
            WHEN 4 THEN 'requests ahead '
            WHEN 5 THEN 'follower fetches '
            WHEN 6 THEN 'throttled requests '
            ELSE 'standings '
        END
            || string_agg(CAST(id AS VARCHAR), ' ' ORDER BY place) FILTER (WHERE place <= 5)
            || CASE
                WHEN COUNT(*) > 5 THEN ' and ' || CAST(COUNT(*) - 5 AS VARCHAR) || ' more'
                ELSE ''
            END AS evidence
    FROM evidence_places
    GROUP BY request_id, kind
),
evidence AS (
    SELECT request_id, string_agg(evidence, '; ' ORDER BY kind) AS evidence
    FROM evidence_kinds
    GROUP BY request_id
),
commits AS (
    SELECT
        w.write_id,
        SUM(overlap_ns(w.start_time, w.end_time, f.start_time, f.end_time)) AS commit_ns,
        string_agg(CAST(f.function_call_id AS VARCHAR), ' ' ORDER BY f.function_call_id) AS commit_ids
    FROM root_writes AS w
    INNER JOIN journal_commits AS f
        ON f.start_time < w.end_time
        AND w.start_time < f.end_time
    GROUP BY w.write_id
),
partition_waits AS (
    SELECT
        request_id,
        topic,
        partition,
        SUM(elapsed_ns(start_time, end_time)) AS wait_ns
    FROM own_waits
    GROUP BY request_id, topic, partition
)
SELECT
    v.latency_ns / 1e6 AS latency_ms,
    p.topic,
    p.partition,
    v.cause,
    v.waited_ns / 1e6 AS waited_ms,
    CAST(v.waited_ns AS DOUBLE) / (v.latency_ns - v.requested_wait_ns) AS share_ratio,
    CASE WHEN NOT v.is_own THEN COALESCE(bt.thread_name, b.comm) END AS blocker_thread,
    CASE WHEN NOT v.is_own THEN b.duration_ns / 1e6 END AS blocker_ms,
    c.commit_ns / 1e6 AS commit_ms,
    v.arrival_time,
    w.duration_ns / 1e6 AS write_ms,
    v.confidence,
    r.client_id,
    r.client_address,
    r.correlation_id,
    array_to_string(p.message_ids, ' ') AS message_id,
    v.end_time,
    v.connection_queue_ns / 1e6 AS connection_queue_ms,
    COALESCE(l.wait_ns, 0) / 1e6 AS lock_wait_ms,
    r.api,
    w.tid,
    COALESCE(wt.thread_name, w.comm) AS thread_name,
    concat_ws('/', w.directory, w.file) AS write_file,
    w.file_offset AS write_offset,
    o.matched_by,
    CASE WHEN NOT v.is_own THEN b.tid END AS blocker_tid,
    CASE WHEN NOT v.is_own AND b.write_id IS NOT NULL
        THEN b.path
    END AS blocker_file,
    v.lock_class,
    v.request_id,
    p.base_offset,
    concat_ws(
        '; ',
        'own write ' || CAST(o.write_id AS VARCHAR),
        e.evidence,
        'journal commits ' || c.commit_ids,
        'request log ' || CAST(g.broker_request_id AS VARCHAR)
    ) AS evidence,
    v.runner_up_cause,
    CAST(v.runner_up_ns AS DOUBLE) / (v.latency_ns - v.requested_wait_ns) AS runner_up_ratio,
    u.rule,
    v.journal_ns / 1e6 AS journal_ms,
    v.root,
    v.via,
    v.reason,
    v.reasons,
    v.requested_wait_ns / 1e6 AS requested_wait_ms,
    k.limits
FROM verdicts AS v
INNER JOIN requests AS r ON r.request_id = v.request_id
LEFT JOIN request_partitions AS p ON p.request_id = v.request_id
LEFT JOIN own_writes AS o ON o.request_partition_id = p.request_partition_id
LEFT JOIN writes AS w ON w.write_id = o.write_id
LEFT JOIN thread_names AS wt ON wt.tid = w.tid
LEFT JOIN roots AS rt ON rt.request_id = v.request_id
LEFT JOIN root_writes AS b ON b.write_id = rt.root_write_id
LEFT JOIN thread_names AS bt ON bt.tid = b.tid
LEFT JOIN commits AS c ON c.write_id = b.write_id
LEFT JOIN evidence AS e ON e.request_id = v.request_id
LEFT JOIN rules AS u ON u.request_id = v.request_id
LEFT JOIN account_limits AS k ON k.request_id = v.request_id
LEFT JOIN partition_waits AS l
    ON l.request_id = v.request_id
    AND l.topic = p.topic
    AND l.partition = p.partition
LEFT JOIN request_stages AS g ON g.request_id = v.request_id
ORDER BY latency_ms DESC, request_id, topic, partition
