-- The same as `blame` by topic-partition: one row a slow request and topic-partition of it,
-- worst first.
--
-- The verdict is the request's, the same on all its rows: add up nothing of it over these
-- rows. The columns of the write and the lock wait are the topic-partition's own. Causes,
-- roots and ways are those of blame.
-- @by_broker
-- @terminal arrival_time client_id topic partition latency_ms cause | reason waited_ms
--   write_ms request_id blocker_thread blocker_ms client_address api confidence
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
-- @column arrival_time     TIMESTAMP   -- first byte of the request on the wire; of one that only
--                                         the request log has, when it was read; null when
--                                         nothing tells that
-- @column write_ms         DOUBLE      -- duration of its own write
--                                         to this topic-partition
-- @column confidence       DOUBLE      -- how sure the cause is, 0 to 1;
--                                         null when unexplained
-- @column client_id        VARCHAR     -- client id
-- @column client_address   VARCHAR     -- ip:port of the client
-- @column correlation_id   INT         -- correlation id
-- @column message_id       VARCHAR     -- ids of its messages in this topic-partition,
--                                         separated by spaces
-- @column end_time         TIMESTAMP   -- last byte of the response, or when it was sent
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
-- @column stage            VARCHAR     -- the stage that took longest by the broker's request log,
--                                         without what it asked to wait (see request_stages); no
--                                         cause by itself
-- @column broker           INT         -- the broker that it came to; null when nothing tells
-- @column blocker_broker   INT         -- the broker where the root is, when that is another one
SELECT
    v.latency_ms,
    p.topic,
    p.partition,
    v.cause,
    v.waited_ms,
    v.share_ratio,
    v.blocker_thread,
    v.blocker_ms,
    v.commit_ms,
    v.arrival_time,
    p.write_ns / 1e6 AS write_ms,
    v.confidence,
    v.client_id,
    v.client_address,
    v.correlation_id,
    p.message_id,
    v.end_time,
    v.connection_queue_ms,
    COALESCE(p.lock_wait_ns, 0) / 1e6 AS lock_wait_ms,
    v.api,
    p.tid,
    p.thread_name,
    p.write_file,
    p.write_offset,
    p.matched_by,
    v.blocker_tid,
    v.blocker_file,
    v.lock_class,
    v.request_id,
    p.base_offset,
    concat_ws(
        '; ',
        'own write ' || CAST(p.write_id AS VARCHAR),
        NULLIF(v.other_evidence, '')
    ) AS evidence,
    v.runner_up_cause,
    v.runner_up_ratio,
    v.rule,
    v.journal_ms,
    v.root,
    v.via,
    v.reason,
    v.reasons,
    v.requested_wait_ms,
    v.limits,
    v.stage,
    v.broker,
    v.blocker_broker
FROM request_verdicts AS v
LEFT JOIN slow_partitions AS p ON p.request_id = v.request_id
ORDER BY latency_ms DESC, request_id, topic, partition
