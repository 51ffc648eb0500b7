-- The verdict of each slow request, in one row: what `blame` and the report say.
--
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column arrival_time   TIMESTAMP   -- first byte of the request
-- @column end_time       TIMESTAMP   -- last byte of the response
-- @column latency_ms     DOUBLE      -- end_time − arrival_time
-- @column cause          VARCHAR     -- as in blame
-- @column root           VARCHAR     -- what the time was in, as in blame
-- @column via            VARCHAR     -- how it reached the request, as in blame
-- @column waited_ms      DOUBLE      -- part of the latency spent on the cause
-- @column share_ratio    DOUBLE      -- as in blame
-- @column confidence     DOUBLE      -- how sure the cause is, and that an encrypted turn and a
--                                       line are one request; null when unexplained
-- @column connection_queue_ms DOUBLE -- time behind earlier requests of its connection
-- @column lock_wait_ms   DOUBLE      -- its handler's waits for the monitors of its logs
-- @column write_ms       DOUBLE      -- its own writes, added up
-- @column commit_ms      DOUBLE      -- journal commit during the write at the root
-- @column blocker_tid    INT         -- thread whose file operation it waited behind
-- @column blocker_thread VARCHAR     -- name of that thread
-- @column blocker_ms     DOUBLE      -- duration of that operation
-- @column blocker_file   VARCHAR     -- its file
-- @column lock_class     VARCHAR     -- class of the lock it waited for
-- @column thread_name    VARCHAR     -- its own handler
-- @column client_id      VARCHAR     -- client id
-- @column client_address VARCHAR     -- ip:port of the client
-- @column correlation_id INT         -- correlation id
-- @column partitions     VARCHAR     -- its topic-partitions
-- @column root_write_id  BIGINT      -- the write that took most of waited_ms
-- @column pause_id       BIGINT      -- the pause that took most of waited_ms
-- @column reason         VARCHAR     -- what made the root slow, as in blame
-- @column reasons        VARCHAR     -- all that did, with their shares, as in blame
-- @column api            VARCHAR     -- API
-- @column requested_wait_ms DOUBLE   -- part of the latency that it asked for
-- @column rule           VARCHAR     -- what shows the cause, for most of its time (see rules)
-- @column runner_up_cause VARCHAR    -- what took the next most of its time
-- @column runner_up_ratio DOUBLE     -- its share in the latency
-- @column journal_ms     DOUBLE      -- part of waited_ms in which the write at the root was in
--                                       the journal's hands
-- @column limits         VARCHAR     -- what the recordings may miss that bears on it
-- @column stage          VARCHAR     -- the stage that took longest, as in blame
-- @column evidence       VARCHAR     -- ids of the rows that the cause rests on,
--                                       by table
-- @column other_evidence VARCHAR     -- the same without its own writes
-- @column broker         INT         -- the broker that it came to; null when nothing tells
-- @column blocker_broker INT         -- the broker where the root is, when that is another one
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
blockers AS (
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
        unnest([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) AS kind,
        unnest([
            lock_wait_id, root_write_id, pause_id, ahead_request_id,
            CASE WHEN rule IN ('follower_fetch', 'followed') THEN other_request_id END,
            CASE WHEN rule NOT IN ('follower_fetch', 'followed') THEN other_request_id END,
            COALESCE(standing_id, CASE remote_kind WHEN 'standing' THEN remote_id END),
            CASE remote_kind WHEN 'pause' THEN remote_id END,
            CASE WHEN remote_kind IN ('lock_wait', 'run_queue_wait') THEN remote_id END,
            CASE remote_kind WHEN 'request' THEN remote_id END,
            CASE remote_kind WHEN 'isr_change' THEN remote_id END,
            CASE remote_kind WHEN 'isr_request' THEN remote_id END
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
            WHEN 7 THEN 'standings '
            WHEN 8 THEN 'pauses '
            WHEN 9 THEN 'waits '
            WHEN 10 THEN 'fetches as sent '
            WHEN 11 THEN 'in-sync set changes '
            ELSE 'in-sync set requests '
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
    UNION ALL
    SELECT
        write_id,
        SUM(elapsed_ns(start_time, end_time)),
        string_agg(
            DISTINCT CAST(function_call_id AS VARCHAR), ' ' ORDER BY CAST(function_call_id AS VARCHAR)
        )
    FROM followed_states
    WHERE write_state = 'journal_commit'
    GROUP BY write_id
),
blocker_brokers AS (
    -- The broker where most of that time was spent.
    SELECT request_id, blocker_broker
    FROM (
        SELECT
            request_id,
            blocker_broker,
            ROW_NUMBER() OVER (
                PARTITION BY request_id ORDER BY SUM(segment_ns) DESC, blocker_broker
            ) AS place
        FROM decisive_segments
        WHERE blocker_broker IS NOT NULL
        GROUP BY request_id, blocker_broker
    )
    WHERE place = 1
),
own AS (
    SELECT
        request_id,
        SUM(lock_wait_ns) AS lock_wait_ns,
        SUM(write_ns) AS write_ns,
        MIN(CASE WHEN place = 1 THEN thread_name END) AS thread_name,
        string_agg(
            topic || '-' || CAST(partition AS VARCHAR), ' ' ORDER BY topic, partition
        ) AS partitions,
        string_agg(CAST(write_id AS VARCHAR), ' ' ORDER BY topic, partition)
            FILTER (WHERE place <= 5) AS write_ids,
        COUNT(write_id) FILTER (WHERE place > 5) AS more_count
    FROM slow_partitions
    GROUP BY request_id
),
roots AS (
    SELECT
        request_id,
        root_write_id,
        pause_id,
        ROW_NUMBER() OVER (
            PARTITION BY request_id
            ORDER BY SUM(segment_ns) DESC, root_write_id, pause_id
        ) AS place
    FROM decisive_segments
    GROUP BY request_id, root_write_id, pause_id
),
told AS (
    SELECT
        v.request_id,
        CASE WHEN v.time_slack_ns IS NOT NULL THEN v.arrival_time END AS arrival_time,
        CASE WHEN v.time_slack_ns IS NOT NULL THEN v.end_time END AS end_time,
        v.latency_ns / 1e6 AS latency_ms,
        v.cause,
        v.root,
        v.via,
        v.waited_ns / 1e6 AS waited_ms,
        CAST(v.waited_ns AS DOUBLE) / (v.latency_ns - v.requested_wait_ns) AS share_ratio,
        v.confidence * COALESCE(r.turn_confidence, 1.0) AS confidence,
        v.connection_queue_ns / 1e6 AS connection_queue_ms,
        COALESCE(h.lock_wait_ns, 0) / 1e6 AS lock_wait_ms,
        h.write_ns / 1e6 AS write_ms,
        c.commit_ns / 1e6 AS commit_ms,
        CASE WHEN NOT v.is_own THEN COALESCE(b.tid, fr.tid) END AS blocker_tid,
        CASE WHEN NOT v.is_own
            THEN COALESCE(bt.thread_name, b.comm, fr.thread_name)
        END AS blocker_thread,
        CASE WHEN NOT v.is_own THEN COALESCE(b.duration_ns, fr.duration_ns) / 1e6 END AS blocker_ms,
        CASE WHEN NOT v.is_own THEN COALESCE(b.path, fr.path) END AS blocker_file,
        v.lock_class,
        h.thread_name,
        r.client_id,
        r.client_address,
        r.correlation_id,
        h.partitions,
        t.root_write_id,
        t.pause_id,
        v.reason,
        v.reasons,
        r.api,
        v.requested_wait_ns / 1e6 AS requested_wait_ms,
        u.rule,
        v.runner_up_cause,
        CAST(v.runner_up_ns AS DOUBLE) / (v.latency_ns - v.requested_wait_ns) AS runner_up_ratio,
        v.journal_ns / 1e6 AS journal_ms,
        k.limits,
        g.stage,
        (SELECT MIN(broker) FROM sources) AS broker,
        bb.blocker_broker,
        'own write ' || h.write_ids
            || CASE
                WHEN h.more_count > 0 THEN ' and ' || CAST(h.more_count AS VARCHAR) || ' more'
                ELSE ''
            END AS own_evidence,
        concat_ws(
            '; ',
            e.evidence,
            'journal commits ' || c.commit_ids,
            'request log ' || CAST(g.broker_request_id AS VARCHAR),
            'encrypted turn ' || CAST(r.turn_id AS VARCHAR)
        ) AS other_evidence
    FROM verdicts AS v
    INNER JOIN recorded_requests AS r ON r.request_id = v.request_id
    LEFT JOIN own AS h ON h.request_id = v.request_id
    LEFT JOIN blockers AS rt ON rt.request_id = v.request_id
    LEFT JOIN root_writes AS b ON b.write_id = rt.root_write_id
    LEFT JOIN thread_names AS bt ON bt.tid = b.tid
    LEFT JOIN followed_roots AS fr ON fr.write_id = rt.root_write_id
    LEFT JOIN blocker_brokers AS bb ON bb.request_id = v.request_id
    LEFT JOIN commits AS c ON c.write_id = COALESCE(b.write_id, fr.write_id)
    LEFT JOIN evidence AS e ON e.request_id = v.request_id
    LEFT JOIN rules AS u ON u.request_id = v.request_id
    LEFT JOIN account_limits AS k ON k.request_id = v.request_id
    LEFT JOIN request_stages AS g ON g.request_id = v.request_id
    LEFT JOIN roots AS t
        ON t.request_id = v.request_id
        AND t.place = 1
)
SELECT
    request_id,
    arrival_time,
    end_time,
    latency_ms,
    cause,
    root,
    via,
    waited_ms,
    share_ratio,
    confidence,
    connection_queue_ms,
    lock_wait_ms,
    write_ms,
    commit_ms,
    blocker_tid,
    blocker_thread,
    blocker_ms,
    blocker_file,
    lock_class,
    thread_name,
    client_id,
    client_address,
    correlation_id,
    partitions,
    root_write_id,
    pause_id,
    reason,
    reasons,
    api,
    requested_wait_ms,
    rule,
    runner_up_cause,
    runner_up_ratio,
    journal_ms,
    limits,
    stage,
    concat_ws('; ', own_evidence, NULLIF(other_evidence, '')) AS evidence,
    other_evidence,
    broker,
    blocker_broker
FROM told
ORDER BY request_id
