-- Slow requests and what each one waited for, worst first.
--
-- One row per slow request; `blame_partitions` has one per topic-partition of it. Of a request
-- with several, `topic`, `partition` and what is said of its own write are those of the one
-- that took the longest, and its own writes and lock waits are added up. `root` is what the
-- most of its time was in, at the end of the chain:
--   slow_write      a write(2) of records
--   slow_sync       an fsync, fdatasync or msync
--   slow_read       a read or sendfile of a file
--   pause           the JVM was stopped
--   cpu             a thread waited for a CPU, or computed
--   cpu_throttle    its control group had used up its CPU quota
--   memory          a thread waited for memory: reclaim, or a swap file
--   throttled       the broker held it back for a client quota
--   remote          acks=all: a follower had not caught up; or a transaction's coordinator was
--                   asked before the append (reason transaction_check)
--   network         what passes between two brokers was on the way
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
--   remote          acks=all: a follower was in it, by that broker's own recordings
-- `cause` is both in one word: the root when own, else `<via>_behind_<root>`
-- (lock_wait_behind_slow_write); a lock wait behind nothing known is `lock_wait_other`.
-- `reason` is the mechanism that made the root slow (see reasons): the one of most of that
-- time, where a row shows one for most of it.
-- @by_broker
-- @terminal arrival_time client_id latency_ms cause | reason waited_ms topic partition request_id
--   blocker_thread blocker_ms client_address api confidence
-- @column latency_ms       DOUBLE      -- from the first byte of the request
--                                         to the last of the response
-- @column topic            VARCHAR     -- topic: of several, that of the topic-partition that
--                                         took the longest
-- @column partition        INT         -- partition of that topic
-- @column cause            VARCHAR     -- what took most of the request's time, as above
-- @column waited_ms        DOUBLE      -- part of the latency spent on `cause`
-- @column share_ratio      DOUBLE      -- waited_ms / (latency_ms − requested_wait_ms)
-- @column blocker_thread   VARCHAR     -- thread whose file operation it waited behind
-- @column blocker_ms       DOUBLE      -- duration of that operation
-- @column commit_ms        DOUBLE      -- journal commit during the write at the root
-- @column arrival_time     TIMESTAMP   -- first byte of the request on the wire; of one that only
--                                         the request log has, when it was read; null when
--                                         nothing tells that
-- @column write_ms         DOUBLE      -- its own writes, added up
-- @column confidence       DOUBLE      -- how sure the cause is, 0 to 1;
--                                         null when unexplained
-- @column client_id        VARCHAR     -- client id
-- @column client_address   VARCHAR     -- ip:port of the client
-- @column correlation_id   INT         -- correlation id
-- @column message_id       VARCHAR     -- ids of its messages, separated by spaces
-- @column end_time         TIMESTAMP   -- last byte of the response, or when it was sent
-- @column connection_queue_ms DOUBLE   -- time behind earlier requests of its connection
-- @column lock_wait_ms     DOUBLE      -- its handler's waits for the monitors of its logs
-- @column api              VARCHAR     -- API
-- @column tid              INT         -- thread of its own write to `topic` and `partition`:
--                                         the request handler
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
--                                         in `topic` and `partition`
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
-- @column partitions       VARCHAR[]   -- all its topic-partitions, as topic-partition; ? is a
--                                         topic of which only the id is known
-- @column broker           INT         -- the broker that it came to; null when nothing tells
-- @column blocker_broker   INT         -- the broker where the root is, when that is another one
WITH
longest AS (
    SELECT *
    FROM slow_partitions
    WHERE place = 1
),
lists AS (
    SELECT
        request_id,
        array_agg(
            COALESCE(topic, '?') || '-' || CAST(partition AS VARCHAR) ORDER BY topic, partition
        ) AS partitions,
        string_agg(NULLIF(message_id, ''), ' ' ORDER BY topic, partition) AS message_id
    FROM slow_partitions
    GROUP BY request_id
)
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
    v.write_ms,
    v.confidence,
    v.client_id,
    v.client_address,
    v.correlation_id,
    l.message_id,
    v.end_time,
    v.connection_queue_ms,
    v.lock_wait_ms,
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
    v.evidence,
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
    l.partitions,
    v.broker,
    v.blocker_broker
FROM request_verdicts AS v
LEFT JOIN longest AS p ON p.request_id = v.request_id
LEFT JOIN lists AS l ON l.request_id = v.request_id
ORDER BY latency_ms DESC, request_id
