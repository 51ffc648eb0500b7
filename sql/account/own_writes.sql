-- The write(2) of each request's own records, by topic-partition.
--
-- A handler thread appends the records of one topic-partition of a request with one
-- write. It is found by the strongest key there is, and `matched_by` says which:
--   base_offset   the write's file bytes hold the request's base offset (needs the log
--                 segments)
--   offset_order  same topic-partition, same size, inside the request's time, and its
--                 place in the file continues the one of the request with the offsets
--                 before
--   size_time     the only write of the topic-partition with that size inside the
--                 request's time, and the only request that it could be of
--   time_order    sizes unknown: as many writes as requests in a stretch of time, taken
--                 in order
--   coordinator   the record that a coordinator keeps of a request of a group or a
--                 transaction (see coordinator_writes)
-- @materialized
-- @column request_partition_id BIGINT -- the topic-partition of the produce request
-- @column request_id     BIGINT      -- the request
-- @column topic          VARCHAR     -- topic
-- @column partition      INT         -- partition
-- @column write_id       BIGINT      -- the write
-- @column tid            INT         -- the thread that wrote: the request's handler
-- @column start_time     TIMESTAMP   -- start of the write
-- @column end_time       TIMESTAMP   -- its end
-- @column matched_by     VARCHAR     -- the key, as above
-- @column candidate_count BIGINT     -- writes that the key without
--                                       order would have allowed
-- @column confidence     DOUBLE      -- how sure the match is, 0 to 1
WITH
linked AS (
    -- Batches whose offsets follow each other lie one behind the other in the file.
    SELECT
        *,
        CASE
            WHEN base_offset = LAG(base_offset + record_count) OVER (
                PARTITION BY topic, partition ORDER BY base_offset, request_partition_id
            ) THEN 0
            ELSE 1
        END AS is_first
    FROM sent_batches
    WHERE base_offset >= 0
        AND records_bytes IS NOT NULL
),
chains AS (
    SELECT
        request_partition_id,
        SUM(is_first) OVER offset_order AS chain,
        SUM(records_bytes) OVER offset_order - records_bytes AS bytes_before
    FROM linked
    WINDOW offset_order AS (
        PARTITION BY topic, partition
        ORDER BY base_offset, request_partition_id
        ROWS UNBOUNDED PRECEDING
    )
),
sized AS (
    SELECT
        b.request_partition_id,
        b.request_id,
        b.topic,
        b.partition,
        w.write_id,
        w.tid,
        w.start_time,
        w.end_time,
        w.segment_base_offset,
        c.chain,
        w.file_offset - c.bytes_before AS chain_start,
        b.base_offset BETWEEN w.base_offset AND w.last_offset AS holds_base_offset,
        COUNT(*) OVER (PARTITION BY b.request_partition_id) AS candidate_count,
        COUNT(*) OVER (PARTITION BY w.write_id) AS claim_count
    FROM sent_batches AS b
    INNER JOIN log_appends AS w
        ON w.topic = b.topic
        AND w.partition = b.partition
        AND w.bytes = b.records_bytes
        AND w.start_time >= b.search_start
        AND w.end_time <= b.search_end
    LEFT JOIN chains AS c ON c.request_partition_id = b.request_partition_id
),
voted AS (
    -- Where a chain would start in its file, by each of its batches.
    SELECT
        *,
        COUNT(chain_start) OVER (
            PARTITION BY topic, partition, segment_base_offset, chain, chain_start
        ) AS votes
    FROM sized
),
started AS (
    -- Where it does start, by the vote of its batches.
    SELECT
        *,
        FIRST_VALUE(votes) OVER vote_order >= 2 AND segment_base_offset IS NOT NULL AS is_started,
        FIRST_VALUE(chain_start) OVER vote_order AS true_start
    FROM voted
    WINDOW vote_order AS (
        PARTITION BY topic, partition, segment_base_offset, chain
        ORDER BY votes DESC, chain_start
    )
),
by_size AS (
    SELECT
        request_partition_id, request_id, topic, partition, write_id, tid, start_time, end_time,
        candidate_count,
        CASE
            WHEN holds_base_offset THEN 'base_offset'
            WHEN is_started AND chain_start = true_start THEN 'offset_order'
            ELSE 'size_time'
        END AS matched_by
    FROM started
    WHERE holds_base_offset IS NOT FALSE
        AND (
            holds_base_offset
            OR (is_started AND chain_start = true_start)
            OR (
                candidate_count = 1
                AND claim_count = 1
                AND NOT COALESCE(is_started AND chain_start <> true_start, FALSE)
            )
        )
),
unsized AS (
    SELECT
        *,
        MAX(search_end) OVER (
            PARTITION BY topic, partition
            ORDER BY search_start, request_partition_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS busy_until
    FROM sent_batches
    WHERE records_bytes IS NULL
),
stretches AS (
    SELECT
        *,
        SUM(CASE WHEN search_start <= busy_until THEN 0 ELSE 1 END) OVER (
            PARTITION BY topic, partition
            ORDER BY search_start, request_partition_id
            ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM unsized
),
stretch_bounds AS (
    SELECT
        topic, partition, stretch,
        MIN(search_start) AS first_time,
        MAX(search_end) AS last_time,
        COUNT(*) AS request_count
    FROM stretches
    GROUP BY topic, partition, stretch
),
placed_requests AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY topic, partition, stretch
            ORDER BY base_offset, end_time, search_start, request_partition_id
        ) AS place
    FROM stretches
),
placed_writes AS (
    SELECT
        w.write_id, w.tid, w.start_time, w.end_time,
        t.topic, t.partition, t.stretch, t.request_count,
        COUNT(*) OVER (PARTITION BY t.topic, t.partition, t.stretch) AS write_count,
        ROW_NUMBER() OVER (
            PARTITION BY t.topic, t.partition, t.stretch
            ORDER BY w.start_time, w.end_time, w.write_id
        ) AS place
    FROM stretch_bounds AS t
    INNER JOIN log_appends AS w
        ON w.topic = t.topic
        AND w.partition = t.partition
        AND w.start_time >= t.first_time
        AND w.end_time <= t.last_time
),
by_time AS (
    SELECT
        r.request_partition_id, r.request_id, r.topic, r.partition,
        w.write_id, w.tid, w.start_time, w.end_time,
        'time_order' AS matched_by,
        w.write_count AS candidate_count
    FROM placed_requests AS r
    INNER JOIN placed_writes AS w
        ON w.topic = r.topic
        AND w.partition = r.partition
        AND w.stretch = r.stretch
        AND w.place = r.place
    WHERE w.write_count = w.request_count
        AND w.start_time >= r.search_start
        AND w.end_time <= r.search_end
),
matches AS (
    SELECT
        request_partition_id, request_id, topic, partition,
        write_id, tid, start_time, end_time, matched_by, candidate_count
    FROM by_size
    UNION ALL
    SELECT
        request_partition_id, request_id, topic, partition,
        write_id, tid, start_time, end_time, matched_by, candidate_count
    FROM by_time
),
strongest AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY request_partition_id
            ORDER BY
                CASE matched_by WHEN 'base_offset' THEN 1 WHEN 'offset_order' THEN 2 ELSE 3 END,
                start_time,
                write_id
        ) AS place
    FROM matches
)
SELECT
    m.request_partition_id,
    m.request_id,
    m.topic,
    m.partition,
    m.write_id,
    m.tid,
    m.start_time,
    m.end_time,
    m.matched_by,
    m.candidate_count,
    CASE m.matched_by
        WHEN 'base_offset' THEN 1.0
        WHEN 'offset_order' THEN 0.98
        WHEN 'size_time' THEN 0.9
        ELSE 0.7
    END AS confidence
FROM strongest AS m
INNER JOIN accounted_requests AS a ON a.request_id = m.request_id
WHERE m.place = 1
UNION ALL
SELECT
    NULL, request_id, topic, partition, write_id, tid, start_time, end_time, 'coordinator', 1, confidence
FROM coordinator_writes
ORDER BY start_time, request_partition_id, write_id
