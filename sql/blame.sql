-- Slow produce requests and what each one waited for, worst first.
--
-- One row per slow request and topic-partition. `cause` is the request's: the root of what took most
-- of its time, the same on all its rows; the write and lock columns are the topic-partition's own.
--   slow_write                    its own write(2) was slow
--   lock_wait_behind_slow_write   its handler waited for the log's monitor, which another thread held
--                                 in a write to the same log
--   queued_behind_slow_write      an earlier request of its connection, or of its handler, was in one
--                                 of the two states above
--   lock_wait_other               its handler waited for a lock that no write explains
--   pause                         the JVM was stopped
--   unexplained                   no recorded row explains most of its time
-- @param  slo_ms           DOUBLE = 65 -- a request at least this slow is listed
-- @param  clock_slack_ms   DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column latency_ms       DOUBLE      -- from the first byte of the request to the last of the response
-- @column topic            VARCHAR     -- topic
-- @column partition        INT         -- partition
-- @column cause            VARCHAR     -- root of what took most of the request's time, as above
-- @column waited_ms        DOUBLE      -- part of the latency spent on `cause`
-- @column share_ratio      DOUBLE      -- waited_ms / latency_ms
-- @column blocker_thread   VARCHAR     -- thread whose write it waited behind
-- @column blocker_ms       DOUBLE      -- duration of that write
-- @column commit_ms        DOUBLE      -- journal commit during the write at the root
-- @column arrival_time     TIMESTAMP   -- first byte of the request on the wire
-- @column write_ms         DOUBLE      -- duration of its own write to this topic-partition
-- @column confidence       DOUBLE      -- how sure the cause is, 0 to 1; null when unexplained
-- @column client_id        VARCHAR     -- client id
-- @column client_address   VARCHAR     -- ip:port of the client
-- @column correlation_id   INT         -- correlation id
-- @column message_id       VARCHAR     -- ids of its messages in this topic-partition, separated by spaces
-- @column end_time         TIMESTAMP   -- last byte of the response
-- @column connection_queue_ms DOUBLE   -- time behind earlier requests of its connection
-- @column lock_wait_ms     DOUBLE      -- its handler's waits for this topic-partition's monitor
-- @column api              VARCHAR     -- API
-- @column tid              INT         -- thread of its own write: the request handler
-- @column thread_name      VARCHAR     -- name of that thread
-- @column write_file       VARCHAR     -- file of its own write
-- @column write_offset     BIGINT      -- position of its own write in the file
-- @column matched_by       VARCHAR     -- key by which its own write was found (see own_writes)
-- @column blocker_tid      INT         -- thread id of blocker_thread
-- @column blocker_file     VARCHAR     -- file of the blocker's write
-- @column lock_class       VARCHAR     -- class of the lock it waited for
-- @column request_id       BIGINT      -- id of the request
-- @column base_offset      BIGINT      -- offset of its first record in this topic-partition
-- @column evidence         VARCHAR     -- ids of the rows that the cause rests on, by table
WITH
slow AS (
    SELECT *
    FROM accounted_requests
    WHERE is_slow
),
cause_sums AS (
    SELECT
        request_id,
        cause,
        SUM(segment_ns) AS cause_ns,
        SUM(segment_ns * confidence) / SUM(segment_ns) AS confidence,
        MAX(lock_class) AS lock_class
    FROM request_segments
    GROUP BY request_id, cause
),
causes AS (
    SELECT
        c.*,
        s.latency_ns - SUM(c.cause_ns) OVER (PARTITION BY c.request_id) AS rest_ns,
        ROW_NUMBER() OVER (PARTITION BY c.request_id ORDER BY c.cause_ns DESC, c.cause) AS place
    FROM cause_sums AS c
    INNER JOIN slow AS s ON s.request_id = c.request_id
),
verdicts AS (
    SELECT
        s.*,
        CASE WHEN c.cause_ns >= c.rest_ns THEN c.cause ELSE 'unexplained' END AS cause,
        CASE WHEN c.cause_ns >= c.rest_ns THEN c.cause_ns ELSE COALESCE(c.rest_ns, s.latency_ns) END
            AS waited_ns,
        CASE WHEN c.cause_ns >= c.rest_ns THEN c.confidence END AS confidence,
        CASE WHEN c.cause_ns >= c.rest_ns THEN c.lock_class END AS lock_class
    FROM slow AS s
    LEFT JOIN causes AS c
        ON c.request_id = s.request_id
        AND c.place = 1
),
roots AS (
    -- The write that took most of the time that the verdict is about.
    SELECT request_id, root_write_id
    FROM (
        SELECT
            t.request_id,
            t.root_write_id,
            ROW_NUMBER() OVER (
                PARTITION BY t.request_id
                ORDER BY SUM(t.segment_ns) DESC, t.root_write_id
            ) AS place
        FROM request_segments AS t
        INNER JOIN verdicts AS v
            ON v.request_id = t.request_id
            AND v.cause = t.cause
        WHERE t.root_write_id IS NOT NULL
        GROUP BY t.request_id, t.root_write_id
    )
    WHERE place = 1
),
evidence_ids AS (
    SELECT request_id, cause, segment_ns, 1 AS kind, lock_wait_id AS id FROM request_segments
    UNION ALL
    SELECT request_id, cause, segment_ns, 2 AS kind, root_write_id AS id FROM request_segments
    UNION ALL
    SELECT request_id, cause, segment_ns, 3 AS kind, pause_id AS id FROM request_segments
    UNION ALL
    SELECT request_id, cause, segment_ns, 4 AS kind, ahead_request_id AS id FROM request_segments
),
evidence_places AS (
    -- The rows that a verdict rests on, those that explain most of its time first.
    SELECT
        e.request_id, e.kind, e.id,
        ROW_NUMBER() OVER (
            PARTITION BY e.request_id, e.kind
            ORDER BY SUM(e.segment_ns) DESC, e.id
        ) AS place
    FROM evidence_ids AS e
    INNER JOIN verdicts AS v
        ON v.request_id = e.request_id
        AND v.cause = e.cause
    WHERE e.id IS NOT NULL
    GROUP BY e.request_id, e.kind, e.id
),
evidence_kinds AS (
    SELECT
        request_id,
        kind,
        CASE kind
            WHEN 1 THEN 'waits '
            WHEN 2 THEN 'writes '
            WHEN 3 THEN 'pauses '
            ELSE 'requests ahead '
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
root_writes AS (
    SELECT DISTINCT w.*
    FROM roots AS r
    INNER JOIN writes AS w ON w.write_id = r.root_write_id
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
    SELECT request_id, topic, partition, SUM(elapsed_ns(start_time, end_time)) AS wait_ns
    FROM handler_waits
    WHERE is_own
    GROUP BY request_id, topic, partition
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
        THEN concat_ws('/', b.directory, b.file)
    END AS blocker_file,
    v.lock_class,
    v.request_id,
    p.base_offset,
    concat_ws(
        '; ',
        'own write ' || CAST(o.write_id AS VARCHAR),
        e.evidence,
        'journal commits ' || c.commit_ids
    ) AS evidence
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
LEFT JOIN partition_waits AS l
    ON l.request_id = p.request_id
    AND l.topic = p.topic
    AND l.partition = p.partition
ORDER BY latency_ms DESC, request_id, topic, partition
