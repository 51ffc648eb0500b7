-- The write(2) of each produce request's own records, by topic-partition.
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
-- @materialized
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column request_partition_id BIGINT -- the topic-partition of the request
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
reaches AS (
    -- Two seconds around the accounted requests of each log: other requests' writes in them tell the
    -- order.
    SELECT
        p.topic,
        p.partition,
        add_ns(a.arrival_time, CAST(-2e9 AS BIGINT)) AS start_time,
        add_ns(a.end_time, CAST(2e9 AS BIGINT)) AS end_time
    FROM accounted_requests AS a
    INNER JOIN request_partitions AS p ON p.request_id = a.request_id
    WHERE a.api = 'Produce'
),
reached AS (
    SELECT
        *,
        MAX(end_time) OVER (
            PARTITION BY topic, partition
            ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time
    FROM reaches
),
numbered AS (
    SELECT
        *,
        SUM(CASE WHEN start_time <= reached_time THEN 0 ELSE 1 END) OVER (
            PARTITION BY topic, partition
            ORDER BY start_time, end_time
            ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM reached
),
near AS (
    SELECT topic, partition, MIN(start_time) AS start_time, MAX(end_time) AS end_time
    FROM numbered
    GROUP BY topic, partition, stretch
),
near_partitions AS (
    SELECT
        p.request_partition_id, p.request_id, p.topic, p.partition, p.records_bytes, p.base_offset,
        p.record_count
    FROM near AS n
    INNER JOIN request_partitions AS p
        ON p.topic = n.topic
        AND p.partition = n.partition
        AND p.arrival_time >= n.start_time
        AND p.arrival_time < n.end_time
),
spans AS (
    SELECT MIN(start_time) AS start_time, MAX(end_time) AS end_time
    FROM near
),
near_requests AS (
    SELECT r.request_id, r.connection_id, r.api, r.arrival_time, r.read_time, r.response_time, r.end_time
    FROM spans AS n
    INNER JOIN requests AS r
        ON r.arrival_time >= n.start_time
        AND r.arrival_time < n.end_time
    WHERE r.api = 'Produce'
        AND r.end_time IS NOT NULL
),
served AS (
    -- As in services, but of these only.
    SELECT
        request_id,
        COALESCE(response_time, end_time) AS response_time,
        end_time,
        LEAST(
            end_time,
            GREATEST(
                arrival_time,
                read_time,
                MAX(end_time) OVER (
                    PARTITION BY connection_id
                    ORDER BY arrival_time, request_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                )
            )
        ) AS service_start
    FROM near_requests
),
batches AS (
    SELECT
        p.request_partition_id,
        p.request_id,
        p.topic,
        p.partition,
        p.records_bytes,
        p.base_offset,
        p.record_count,
        s.response_time,
        s.end_time,
        add_ns(s.service_start, CAST(-$clock_slack_ms * 1e6 AS BIGINT)) AS search_start,
        add_ns(s.response_time, CAST($clock_slack_ms * 1e6 AS BIGINT)) AS search_end
    FROM near_partitions AS p
    INNER JOIN served AS s ON s.request_id = p.request_id
),
appends AS (
    SELECT w.*
    FROM near AS n
    INNER JOIN writes AS w
        ON w.topic = n.topic
        AND w.partition = n.partition
        AND w.start_time >= n.start_time
        AND w.start_time < n.end_time
    WHERE w.file_kind = 'log'
        AND file_operation(w.operation) = 'write'
),
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
    FROM batches
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
    FROM batches AS b
    INNER JOIN appends AS w
        ON w.topic = b.topic
        AND w.partition = b.partition
        AND w.bytes = b.records_bytes
        AND w.start_time >= b.search_start
        AND w.end_time <= b.search_end
    LEFT JOIN chains AS c ON c.request_partition_id = b.request_partition_id
),
chain_starts AS (
    -- Where a chain starts in its file, by the vote of its batches.
    SELECT topic, partition, segment_base_offset, chain, chain_start, votes
    FROM (
        SELECT
            topic, partition, segment_base_offset, chain, chain_start,
            COUNT(*) AS votes,
            ROW_NUMBER() OVER (
                PARTITION BY topic, partition, segment_base_offset, chain
                ORDER BY COUNT(*) DESC, chain_start
            ) AS place
        FROM sized
        WHERE chain_start IS NOT NULL
        GROUP BY topic, partition, segment_base_offset, chain, chain_start
    )
    WHERE place = 1
        AND votes >= 2
),
by_size AS (
    SELECT
        s.*,
        CASE
            WHEN s.holds_base_offset THEN 'base_offset'
            WHEN v.votes IS NOT NULL THEN 'offset_order'
            ELSE 'size_time'
        END AS matched_by
    FROM sized AS s
    LEFT JOIN chain_starts AS v
        ON v.topic = s.topic
        AND v.partition = s.partition
        AND v.segment_base_offset = s.segment_base_offset
        AND v.chain = s.chain
        AND v.chain_start = s.chain_start
    LEFT JOIN chain_starts AS other
        ON other.topic = s.topic
        AND other.partition = s.partition
        AND other.segment_base_offset = s.segment_base_offset
        AND other.chain = s.chain
        AND other.chain_start <> s.chain_start
    WHERE s.holds_base_offset IS NOT FALSE
        AND (
            s.holds_base_offset
            OR v.votes IS NOT NULL
            OR (s.candidate_count = 1 AND s.claim_count = 1 AND other.votes IS NULL)
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
    FROM batches
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
    INNER JOIN appends AS w
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
ORDER BY m.start_time, m.request_partition_id
