-- What a group's or a transaction's coordinator appended for each accounted request.
--
-- Commits of offsets, members of groups and states of transactions are records of one
-- partition of `__consumer_offsets` or `__transaction_state`, which the hash of the group's
-- or the transaction's id tells. The write is
--   only_write    the only one to that partition inside the request's time, and inside that of no
--                 other such request
--   arrival_order in a stretch of time with as many such requests as writes by request
--                 handlers, the one whose turn it is: what is written before the next request
--                 comes is of those that have come. Of several that came before the first of
--                 their writes, nothing tells which is whose: then all of them are told as one
--   time_order    the same by answers: each is answered once its own write is
--                 done, and writes to one log follow each other. It is told where its answer
--                 left before the next write was done, and after its own was done the one
--                 before had left
-- Where two of these tell different writes, none is told. Of SyncGroup only one member's appends,
-- and what was answered with an error mostly appended nothing, so that a stretch with one tells
-- nothing, and of what was answered with an error nothing is told.
--
-- These logs are compacted: once records are taken away, others lie where a write was. Its offset
-- is known only where no record is missing in its segment up to there.
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  coordinator_partitions BIGINT = 50 -- partitions of these topics
--                                       (offsets.topic.num.partitions)
-- @column request_id     BIGINT      -- the request
-- @column topic          VARCHAR     -- topic
-- @column partition      INT         -- partition
-- @column write_id       BIGINT      -- the write; null where it is one of several
-- @column tid            INT         -- the thread that wrote; null then
-- @column start_time     TIMESTAMP   -- start of the write, or of the first of them
-- @column end_time       TIMESTAMP   -- its end, or of the last of them
-- @column appended_time  TIMESTAMP   -- its end, or of the first of them
-- @column next_offset    BIGINT      -- the offset behind its records, or those of the first of
--                                       them; null without the log's segments
-- @column matched_by     VARCHAR     -- as above
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH
asked AS (
    SELECT
        r.request_id, r.connection_id, r.api, r.arrival_time, r.read_time, r.end_time, r.is_captured,
        r.time_slack_ns,
        COALESCE(r.error_code, 0) <> 0 AS is_failed,
        COALESCE(r.response_time, r.end_time) AS response_time,
        k.topic,
        coordinator_partition(
            CASE k.topic WHEN '__consumer_offsets' THEN r.group_id ELSE r.transactional_id END,
            $coordinator_partitions
        ) AS partition
    FROM recorded_requests AS r
    INNER JOIN (
        VALUES
        ('OffsetCommit', '__consumer_offsets'),
        ('TxnOffsetCommit', '__consumer_offsets'),
        ('SyncGroup', '__consumer_offsets'),
        ('InitProducerId', '__transaction_state'),
        ('AddPartitionsToTxn', '__transaction_state'),
        ('AddOffsetsToTxn', '__transaction_state'),
        ('EndTxn', '__transaction_state')
    ) AS k (api, topic) ON k.api = r.api
    WHERE r.end_time IS NOT NULL
        AND r.time_slack_ns <= 5000000
),
served AS (
    -- Not before the one ahead on its connection was answered.
    SELECT
        request_id, api, is_failed, topic, partition,
        add_ns(
            LEAST(
                end_time,
                GREATEST(
                    arrival_time,
                    read_time,
                    MAX(CASE WHEN is_captured THEN end_time END) OVER (
                        PARTITION BY connection_id
                        ORDER BY arrival_time, request_id
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    )
                )
            ),
            CAST(-$clock_slack_ms * 1e6 AS BIGINT) - time_slack_ns
        ) AS search_start,
        response_time,
        add_ns(response_time, CAST($clock_slack_ms * 1e6 AS BIGINT) + time_slack_ns) AS search_end
    FROM asked
    WHERE partition IS NOT NULL
),
kept_batches AS (
    SELECT
        topic, partition, segment_base_offset, last_offset,
        SUM(record_count) OVER (
            PARTITION BY topic, partition, segment_base_offset
            ORDER BY last_offset
            ROWS UNBOUNDED PRECEDING
        ) = last_offset + 1 - segment_base_offset AS is_whole
    FROM (
        SELECT
            CAST(topic AS VARCHAR) AS topic, partition, segment_base_offset, last_offset,
            MAX(record_count) AS record_count
        FROM log_batches
        WHERE topic IN ('__consumer_offsets', '__transaction_state')
        GROUP BY CAST(topic AS VARCHAR), partition, segment_base_offset, last_offset
    )
),
appends AS (
    SELECT
        w.write_id, w.tid, w.start_time, w.end_time, w.topic, w.partition,
        CASE WHEN b.is_whole IS NOT FALSE THEN w.last_offset + 1 END AS next_offset,
        h.tid IS NULL AS is_other
    FROM (
        SELECT
            write_id, tid, start_time, end_time, CAST(topic AS VARCHAR) AS topic, partition,
            segment_base_offset, last_offset
        FROM writes
        WHERE topic IN ('__consumer_offsets', '__transaction_state')
            AND file_kind = 'log'
            AND file_operation(operation) = 'write'
    ) AS w
    LEFT JOIN request_handlers AS h ON h.tid = w.tid
    LEFT JOIN kept_batches AS b
        ON b.topic = w.topic
        AND b.partition = w.partition
        AND b.segment_base_offset = w.segment_base_offset
        AND b.last_offset = w.last_offset
),
only_writes AS (
    SELECT
        s.request_id, s.topic, s.partition, w.write_id, w.tid, w.start_time, w.end_time, w.next_offset,
        COUNT(*) OVER (PARTITION BY s.request_id) AS write_count
    FROM served AS s
    INNER JOIN accounted_requests AS a ON a.request_id = s.request_id
    INNER JOIN appends AS w
        ON w.topic = s.topic
        AND w.partition = s.partition
        AND w.start_time >= s.search_start
        AND w.start_time < s.search_end
    WHERE w.end_time <= s.search_end
),
own_times AS (
    -- Those that no other request may have done.
    SELECT o.request_id
    FROM only_writes AS o
    INNER JOIN served AS s
        ON s.topic = o.topic
        AND s.partition = o.partition
        AND s.search_start <= o.start_time
        AND o.start_time < s.search_end
    WHERE o.write_count = 1
        AND o.end_time <= s.search_end
    GROUP BY o.request_id
    HAVING COUNT(*) = 1
),
reached AS (
    SELECT
        *,
        MAX(search_end) OVER (
            PARTITION BY topic, partition
            ORDER BY search_start, request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS busy_until
    FROM served
),
stretches AS (
    SELECT
        *,
        SUM(CASE WHEN search_start <= busy_until THEN 0 ELSE 1 END) OVER (
            PARTITION BY topic, partition
            ORDER BY search_start, request_id
            ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM reached
),
placed_requests AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY topic, partition, stretch ORDER BY response_time, request_id
        ) AS place
    FROM stretches
),
bounds AS (
    SELECT
        topic, partition, stretch,
        MIN(search_start) AS first_time,
        MAX(search_end) AS last_time,
        COUNT(*) AS request_count
    FROM stretches
    GROUP BY topic, partition, stretch
    HAVING COUNT(*) > 1
        AND COUNT(*) FILTER (WHERE api = 'SyncGroup' OR is_failed) = 0
),
placed_writes AS (
    SELECT
        w.write_id, w.tid, w.start_time, w.end_time, w.next_offset,
        b.topic, b.partition, b.stretch, b.request_count,
        COUNT(*) OVER (PARTITION BY b.topic, b.partition, b.stretch) AS write_count,
        ROW_NUMBER() OVER done_order AS place,
        LAG(w.end_time) OVER done_order AS previous_end_time
    FROM bounds AS b
    INNER JOIN appends AS w
        ON w.topic = b.topic
        AND w.partition = b.partition
        AND w.start_time >= b.first_time
        AND w.start_time < b.last_time
    WHERE NOT w.is_other
    WINDOW done_order AS (
        PARTITION BY b.topic, b.partition, b.stretch ORDER BY w.end_time, w.write_id
    )
),
arrivals AS (
    SELECT
        request_id, topic, partition, stretch, search_start, search_end,
        ROW_NUMBER() OVER arrival_order AS place,
        LEAD(search_start) OVER arrival_order AS next_start
    FROM stretches
    WINDOW arrival_order AS (
        PARTITION BY topic, partition, stretch ORDER BY search_start, request_id
    )
),
turns AS (
    SELECT
        a.request_id, a.topic, a.partition, a.stretch, a.search_start, a.search_end,
        w.write_id, w.tid, w.start_time, w.end_time, w.next_offset,
        -- One turn is over once as many were written as had come.
        SUM(CASE WHEN w.previous_end_time < a.search_start THEN 1 ELSE 0 END) OVER (
            PARTITION BY a.topic, a.partition, a.stretch
            ORDER BY w.end_time, w.write_id
            ROWS UNBOUNDED PRECEDING
        ) AS turn
    FROM arrivals AS a
    INNER JOIN placed_writes AS w
        ON w.topic = a.topic
        AND w.partition = a.partition
        AND w.stretch = a.stretch
        AND w.place = a.place
    WHERE w.write_count = w.request_count
),
in_turn AS (
    SELECT
        t.request_id, t.topic, t.partition,
        CASE WHEN w.write_count = 1 THEN t.write_id END AS write_id,
        CASE WHEN w.write_count = 1 THEN t.tid END AS tid,
        w.start_time, w.end_time, w.appended_time, w.next_offset, w.write_count
    FROM turns AS t
    INNER JOIN (
        SELECT
            topic, partition, stretch, turn,
            COUNT(*) AS write_count,
            MIN(search_start) AS search_start,
            MIN(start_time) AS start_time,
            MAX(end_time) AS end_time,
            MIN(end_time) AS appended_time,
            CASE WHEN COUNT(*) = COUNT(next_offset) THEN MIN(next_offset) END AS next_offset
        FROM turns
        GROUP BY topic, partition, stretch, turn
    ) AS w
        ON w.topic = t.topic
        AND w.partition = t.partition
        AND w.stretch = t.stretch
        AND w.turn = t.turn
    -- Where a write is lost and another is no request's, the times do not fit.
    WHERE w.start_time >= w.search_start
        AND w.end_time <= t.search_end
),
ordered AS (
    SELECT
        r.request_id, r.topic, r.partition, w.write_id, w.tid, w.start_time, w.end_time, w.next_offset,
        r.search_start, r.search_end, r.response_time,
        LAG(r.response_time) OVER turns AS previous_response_time,
        LEAD(w.end_time) OVER turns AS next_end_time
    FROM placed_requests AS r
    INNER JOIN placed_writes AS w
        ON w.topic = r.topic
        AND w.partition = r.partition
        AND w.stretch = r.stretch
        AND w.place = r.place
    WHERE w.write_count = w.request_count
    WINDOW turns AS (PARTITION BY r.topic, r.partition, r.stretch ORDER BY r.place)
),
found AS (
    SELECT
        o.request_id, o.topic, o.partition, o.write_id, o.tid, o.start_time, o.end_time,
        o.end_time AS appended_time, o.next_offset,
        'only_write' AS matched_by,
        1 AS rank
    FROM only_writes AS o
    INNER JOIN own_times AS t ON t.request_id = o.request_id
    WHERE o.write_count = 1
    UNION ALL
    SELECT
        request_id, topic, partition, write_id, tid, start_time, end_time, appended_time, next_offset,
        'arrival_order',
        CASE WHEN write_count = 1 THEN 2 ELSE 4 END
    FROM in_turn
    UNION ALL
    SELECT
        request_id, topic, partition, write_id, tid, start_time, end_time,
        end_time AS appended_time, next_offset,
        'time_order', 3
    FROM ordered
    WHERE start_time >= search_start
        AND end_time <= search_end
        AND end_time >= COALESCE(previous_response_time, end_time)
        AND response_time <= COALESCE(next_end_time, response_time)
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY request_id ORDER BY rank) AS place,
        COALESCE(
            MIN(write_id) OVER (PARTITION BY request_id) <> MAX(write_id) OVER (PARTITION BY request_id),
            FALSE
        ) AS is_unclear
    FROM found
)
SELECT
    p.request_id, p.topic, p.partition, p.write_id, p.tid, p.start_time, p.end_time, p.appended_time,
    p.next_offset,
    p.matched_by,
    CASE p.rank WHEN 1 THEN 0.9 ELSE 0.8 END AS confidence
FROM placed AS p
INNER JOIN accounted_requests AS a ON a.request_id = p.request_id
INNER JOIN served AS s ON s.request_id = p.request_id
WHERE p.place = 1
    AND NOT p.is_unclear
    AND NOT s.is_failed
ORDER BY p.request_id
