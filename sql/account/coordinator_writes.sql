-- The write(2) of each accounted request that a group's or a transaction's coordinator
-- keeps a record of.
--
-- Commits of offsets, members of groups and states of transactions are records of one
-- partition of `__consumer_offsets` or `__transaction_state`, which the hash of the group's
-- or the transaction's id tells. The write is the only one to that partition inside the
-- request's time; with more than one, nothing tells which it is.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  coordinator_partitions BIGINT = 50 -- partitions of these topics
--                                       (offsets.topic.num.partitions)
-- @column request_id     BIGINT      -- the request
-- @column topic          VARCHAR     -- topic
-- @column partition      INT         -- partition
-- @column write_id       BIGINT      -- the write
-- @column tid            INT         -- the thread that wrote
-- @column start_time     TIMESTAMP   -- start of the write
-- @column end_time       TIMESTAMP   -- its end
WITH
logs AS (
    SELECT
        a.request_id, a.service_start, a.response_time,
        k.topic,
        coordinator_partition(
            CASE k.topic WHEN '__consumer_offsets' THEN r.group_id ELSE r.transactional_id END,
            $coordinator_partitions
        ) AS partition
    FROM accounted_requests AS a
    INNER JOIN requests AS r ON r.request_id = a.request_id
    INNER JOIN (
        VALUES
        ('OffsetCommit', '__consumer_offsets'),
        ('TxnOffsetCommit', '__consumer_offsets'),
        ('SyncGroup', '__consumer_offsets'),
        ('InitProducerId', '__transaction_state'),
        ('AddPartitionsToTxn', '__transaction_state'),
        ('AddOffsetsToTxn', '__transaction_state'),
        ('EndTxn', '__transaction_state')
    ) AS k (api, topic) ON k.api = a.api
),
found AS (
    SELECT
        l.request_id, l.topic, l.partition, w.write_id, w.tid, w.start_time, w.end_time,
        COUNT(*) OVER (PARTITION BY l.request_id) AS write_count
    FROM logs AS l
    INNER JOIN writes AS w
        ON w.topic = l.topic
        AND w.partition = l.partition
        AND w.start_time >= add_ns(l.service_start, CAST(-$clock_slack_ms * 1e6 AS BIGINT))
        AND w.start_time < add_ns(l.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
    WHERE w.file_kind = 'log'
        AND file_operation(w.operation) = 'write'
        AND w.end_time <= add_ns(l.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT))
)
SELECT request_id, topic, partition, write_id, tid, start_time, end_time
FROM found
WHERE write_count = 1
ORDER BY request_id
