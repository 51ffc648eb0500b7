-- Slow produce requests and what each one waited for, worst first.
--
-- One row per slow request and topic-partition. `cause` is the request's: the root of
-- what took most of its time, the same on all its rows; the write and lock columns are
-- the topic-partition's own.
--   slow_write                    its own write(2) was slow
--   lock_wait_behind_slow_write   its handler waited for the log's monitor, which
--                                 another thread held in a write to the same log
--   queued_behind_slow_write      an earlier request of its connection, or of its
--                                 handler, was in one of the two states above
--   lock_wait_other               its handler waited for a lock that no write explains
--   pause                         the JVM was stopped
--   remote                        acks=all: a follower had not caught up
--   response                      response queue and network
--   receive                       its own bytes were still arriving
--   cpu                           its handler was on a CPU, or waited for one
--   unexplained                   no recorded row explains most of its time
-- @param  slo_ms           DOUBLE = 65 -- a request at least this slow is listed
-- @param  clock_slack_ms   DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  handoff_ms       DOUBLE = 1  -- a thread appends this
--                                         soon after a monitor wait
-- @param  min_holder_ms  DOUBLE = 0.1 -- a holder at least this long is listed by itself
-- @column latency_ms       DOUBLE      -- from the first byte of the request
--                                         to the last of the response
-- @column topic            VARCHAR     -- topic
-- @column partition        INT         -- partition
-- @column cause            VARCHAR     -- root of what took most of the request's time,
--                                         as above
-- @column waited_ms        DOUBLE      -- part of the latency spent on `cause`
-- @column share_ratio      DOUBLE      -- waited_ms / latency_ms
-- @column blocker_thread   VARCHAR     -- thread whose write it waited behind
-- @column blocker_ms       DOUBLE      -- duration of that write
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
--                                         for most of its time (see explained_times)
-- @column journal_ms       DOUBLE      -- part of waited_ms in which the write
--                                         at the root was in the journal's hands
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
        COALESCE(c.cause_ns, s.latency_ns) AS waited_ns,
        CASE WHEN c.cause <> 'unexplained' THEN c.confidence END AS confidence,
        CASE WHEN c.cause <> 'unexplained' THEN c.lock_class END AS lock_class,
        c.journal_ns,
        u.cause AS runner_up_cause,
        u.cause_ns AS runner_up_ns
    FROM slow AS s
    LEFT JOIN request_causes AS c
        ON c.request_id = s.request_id
        AND c.place = 1
    LEFT JOIN request_causes AS u
        ON u.request_id = s.request_id
        AND u.place = 2
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
        unnest([1, 2, 3, 4, 5]) AS kind,
        unnest([
            lock_wait_id, root_write_id, pause_id, ahead_request_id, fetch_request_id
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
            ELSE 'follower fetches '
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
    INNER JOIN function_calls AS f
        ON f.start_time < w.end_time
        AND w.start_time < f.end_time
    WHERE f.function IN ('jbd2_journal_commit_transaction', 'jbd2_fc_begin_commit')
    GROUP BY w.write_id
),
partition_waits AS (
    SELECT
        o.request_partition_id,
        SUM(elapsed_ns(l.start_time, l.end_time)) AS wait_ns
    FROM own_writes AS o
    INNER JOIN near_waits AS l ON l.next_write_id = o.write_id
    GROUP BY o.request_partition_id
)
SELECT
    v.latency_ns / 1e6 AS latency_ms,
    p.topic,
    p.partition,
    v.cause,
    v.waited_ns / 1e6 AS waited_ms,
    CAST(v.waited_ns AS DOUBLE) / v.latency_ns AS share_ratio,
    CASE WHEN v.cause <> 'slow_write' THEN COALESCE(bt.thread_name, b.comm) END AS blocker_thread,
    CASE WHEN v.cause <> 'slow_write' THEN b.duration_ns / 1e6 END AS blocker_ms,
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
    CASE WHEN v.cause <> 'slow_write' THEN b.tid END AS blocker_tid,
    CASE WHEN v.cause <> 'slow_write' AND b.write_id IS NOT NULL
        THEN b.path
    END AS blocker_file,
    v.lock_class,
    v.request_id,
    p.base_offset,
    concat_ws(
        '; ',
        'own write ' || CAST(o.write_id AS VARCHAR),
        e.evidence,
        'journal commits ' || c.commit_ids
    ) AS evidence,
    v.runner_up_cause,
    CAST(v.runner_up_ns AS DOUBLE) / v.latency_ns AS runner_up_ratio,
    u.rule,
    v.journal_ns / 1e6 AS journal_ms,
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
LEFT JOIN partition_waits AS l ON l.request_partition_id = p.request_partition_id
ORDER BY latency_ms DESC, request_id, topic, partition
