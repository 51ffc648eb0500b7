-- Pairs of rows of two recordings that are, or may be, of one event, and how far their
-- clocks may be apart.
--
-- What must be added to the times of `source_id` to be in the time of `other_source_id`
-- lies between `lower_ns` and `upper_ns` if the two rows are of one event. Most pairs
-- are not: a request is paired with every write of its size, whatever the time, so that
-- a clock that is off by hours can be found. The right pairs all allow the true
-- difference, the wrong ones are spread widely.
--   request_write   same topic-partition and size: the request is read before its write
--                   starts, and the write ends before the response leaves; of the
--                   commonest sizes only those nearby
--   request_offset  the same by base offset (needs the log segments)
--   monitor_wait    a thread's wait of one length, seen by two recorders (JFR and USDT)
--   lock_handover   a thread's wait ends between the end of another thread's write to a
--                   log and the start of its own, and began after its own write before
--   same_write      a write of one file, size and length, seen by two recorders
--   pause           a pause of one kind and length, seen by two recorders
--   request_log     a line of the broker's request log is written as the response leaves
--   follower_fetch  a fetch of a follower, captured at both brokers: it leaves before it
--                   arrives, and so does its response
-- Recordings of different brokers are of different hosts: only what passes between two
-- brokers ties them.
-- @param  pair_limit     BIGINT = 50000  -- pairs by size of two sources,
--                                           rarest sizes first
-- @param  row_limit      BIGINT = 1000   -- longest waits, writes and pauses of a source
-- @param  size_stride    BIGINT = 1      -- of sizes, only one in so many;
--                                           for very large recordings
-- @param  max_width_ms   DOUBLE = 250    -- pairs that allow more
--                                           than this say too little
-- @column source_id       BIGINT    -- the source whose times would be moved
-- @column other_source_id BIGINT    -- the source that it is compared with
-- @column kind            VARCHAR   -- what ties the rows, as above
-- @column row_id          BIGINT    -- row of source_id
-- @column other_row_id    BIGINT    -- row of other_source_id
-- @column time            TIMESTAMP -- time of the row of source_id
-- @column lower_ns        BIGINT    -- at least this is to be added,
-- @column upper_ns        BIGINT    -- and at most this
WITH
residues AS (
    SELECT source_id, CAST(end_time AS BIGINT) AS time_ns FROM writes
    UNION ALL
    SELECT source_id, CAST(end_time AS BIGINT) AS time_ns FROM lock_waits
    UNION ALL
    SELECT source_id, CAST(end_time AS BIGINT) AS time_ns FROM pauses
    UNION ALL
    SELECT source_id, CAST(arrival_time AS BIGINT) AS time_ns FROM requests
    UNION ALL
    SELECT source_id, CAST(end_time AS BIGINT) AS time_ns FROM broker_requests
),
resolutions AS (
    -- Unit of a source's times: they may be cut off or rounded by that much.
    SELECT
        source_id,
        CASE
            WHEN MIN(time_ns % 1000000000) = MAX(time_ns % 1000000000) THEN 1000000000
            WHEN MIN(time_ns % 1000000) = MAX(time_ns % 1000000) THEN 1000000
            WHEN MIN(time_ns % 1000) = MAX(time_ns % 1000) THEN 1000
            ELSE 1
        END AS resolution_ns
    FROM residues
    GROUP BY source_id
),
unplaced AS (
    -- Requests by their topic-partition; and by none, for tools that do not tell the directory.
    SELECT FALSE AS is_unplaced
    UNION ALL
    SELECT TRUE
    WHERE EXISTS (SELECT 1 FROM writes WHERE topic IS NULL AND file_kind = 'log')
),
keyed_requests AS (
    SELECT
        q.source_id,
        p.request_partition_id AS row_id,
        CASE WHEN u.is_unplaced THEN '' ELSE p.topic END AS topic,
        CASE WHEN u.is_unplaced THEN -1 ELSE p.partition END AS partition,
        p.records_bytes AS bytes,
        CASE WHEN NOT u.is_unplaced THEN p.base_offset END AS base_offset,
        CAST(COALESCE(q.read_time, q.arrival_time) AS BIGINT) AS first_ns,
        CAST(COALESCE(q.response_time, q.end_time) AS BIGINT) AS last_ns
    FROM request_partitions AS p
    INNER JOIN requests AS q ON q.request_id = p.request_id
    CROSS JOIN unplaced AS u
    WHERE q.api = 'Produce'
        AND q.end_time IS NOT NULL
        AND p.records_bytes > 0
        AND (p.records_bytes * 31 + p.partition) % $size_stride = 0
        AND q.latency_ns <= $max_width_ms * 1e6
        AND (u.is_unplaced OR p.topic IS NOT NULL)
),
offset_counts AS (
    SELECT source_id, COUNT(*) AS row_count
    FROM keyed_requests
    WHERE base_offset >= 0
    GROUP BY source_id
),
offset_places AS (
    SELECT
        source_id,
        row_id,
        ROW_NUMBER() OVER (PARTITION BY source_id ORDER BY row_id) AS place
    FROM keyed_requests
    WHERE base_offset >= 0
        AND (SELECT COUNT(*) FROM log_batches) > 0
),
offset_requests AS (
    SELECT p.source_id, p.row_id, p.topic, p.partition, p.base_offset, p.first_ns, p.last_ns
    FROM offset_places AS o
    INNER JOIN offset_counts AS c ON c.source_id = o.source_id
    INNER JOIN keyed_requests AS p
        ON p.source_id = o.source_id
        AND p.row_id = o.row_id
    WHERE o.place % GREATEST(c.row_count / (10 * $row_limit), 1) = 0
),
line_counts AS (
    SELECT source_id, COUNT(*) AS row_count
    FROM broker_requests
    WHERE end_time IS NOT NULL
    GROUP BY source_id
),
line_places AS (
    SELECT
        source_id,
        broker_request_id,
        ROW_NUMBER() OVER (PARTITION BY source_id ORDER BY broker_request_id) AS place
    FROM broker_requests
    WHERE end_time IS NOT NULL
),
log_lines AS (
    SELECT
        b.source_id, b.broker_request_id, b.client_address, b.correlation_id, b.api,
        CAST(b.end_time AS BIGINT) AS end_ns
    FROM line_places AS o
    INNER JOIN line_counts AS c ON c.source_id = o.source_id
    INNER JOIN broker_requests AS b
        ON b.source_id = o.source_id
        AND b.broker_request_id = o.broker_request_id
    WHERE o.place % GREATEST(c.row_count / (10 * $row_limit), 1) = 0
),
appends AS (
    SELECT
        source_id,
        write_id AS row_id,
        tid,
        COALESCE(topic, '') AS topic,
        COALESCE(partition, -1) AS partition,
        bytes,
        base_offset,
        CAST(start_time AS BIGINT) AS start_ns,
        CAST(end_time AS BIGINT) AS end_ns
    FROM writes
    WHERE file_kind = 'log'
        AND bytes > 0
        AND (bytes * 31 + COALESCE(partition, 0)) % $size_stride = 0
        AND file_operation(operation) = 'write'
),
request_sizes AS (
    SELECT source_id, topic, partition, bytes, COUNT(*) AS row_count
    FROM keyed_requests
    GROUP BY source_id, topic, partition, bytes
),
append_sizes AS (
    SELECT source_id, topic, partition, bytes, COUNT(*) AS row_count
    FROM appends
    GROUP BY source_id, topic, partition, bytes
),
sizes AS (
    SELECT
        a.source_id AS other_source_id,
        b.source_id,
        a.topic,
        a.partition,
        a.bytes,
        a.row_count AS request_count,
        SUM(a.row_count * b.row_count) OVER (
            PARTITION BY a.source_id, b.source_id
            ORDER BY a.row_count * b.row_count, a.topic, a.partition, a.bytes
            ROWS UNBOUNDED PRECEDING
        ) <= $pair_limit AS is_rare
    FROM request_sizes AS a
    INNER JOIN append_sizes AS b
        ON b.topic = a.topic
        AND b.partition = a.partition
        AND b.bytes = a.bytes
        AND b.source_id <> a.source_id
    LEFT JOIN sources AS s ON s.source_id = a.source_id
    LEFT JOIN sources AS t ON t.source_id = b.source_id
    WHERE s.broker IS NOT DISTINCT FROM t.broker
),
fetches AS (
    -- Of each capture the same ones, with the broker that sent them.
    SELECT
        r.source_id, r.request_id, s.broker, r.replica_id, r.client_address, r.server_address,
        r.correlation_id, r.arrival_time, r.response_time
    FROM requests AS r
    INNER JOIN sources AS s ON s.source_id = r.source_id
    WHERE r.replica_id >= 0
        AND r.response_time IS NOT NULL
        AND r.correlation_id % (
            SELECT COUNT(*) / (10 * $row_limit) + 1 FROM requests WHERE replica_id >= 0
        ) = 0
        AND (SELECT COUNT(DISTINCT broker) FROM sources) > 1
),
common_counts AS (
    SELECT source_id, other_source_id, SUM(request_count) AS row_count
    FROM sizes
    WHERE NOT is_rare
    GROUP BY source_id, other_source_id
),
common_places AS (
    SELECT
        s.source_id, s.other_source_id, a.row_id, a.partition,
        ROW_NUMBER() OVER (
            PARTITION BY s.source_id, s.other_source_id ORDER BY a.row_id, a.partition
        ) AS place
    FROM sizes AS s
    INNER JOIN keyed_requests AS a
        ON a.source_id = s.other_source_id
        AND a.topic = s.topic
        AND a.partition = s.partition
        AND a.bytes = s.bytes
    WHERE NOT s.is_rare
),
near_requests AS (
    -- A sample of the requests of common sizes, with the tenths of a second around them.
    SELECT
        o.source_id, o.other_source_id,
        a.row_id, a.topic, a.partition, a.bytes, a.first_ns, a.last_ns,
        unnest(range(a.first_ns / 100000000 - 1, a.first_ns / 100000000 + 2)) AS tenth
    FROM common_places AS o
    INNER JOIN common_counts AS c
        ON c.source_id = o.source_id
        AND c.other_source_id = o.other_source_id
    INNER JOIN keyed_requests AS a
        ON a.source_id = o.other_source_id
        AND a.row_id = o.row_id
        AND a.partition = o.partition
    WHERE o.place % GREATEST(c.row_count / $row_limit, 1) = 0
),
-- How long the longest waits are at least, within a 16th of a doubling: so that few have to be put
-- in order.
wait_lengths AS (
    SELECT source_id, CAST(log2(duration_ns) * 16 AS BIGINT) AS length, COUNT(*) AS row_count
    FROM lock_waits
    WHERE kind = 'monitor'
        AND tid IS NOT NULL
        AND duration_ns >= 200000
    GROUP BY source_id, CAST(log2(duration_ns) * 16 AS BIGINT)
),
least_waits AS (
    SELECT source_id, MIN(length) AS length
    FROM (
        SELECT
            source_id,
            length,
            SUM(row_count) OVER (
                PARTITION BY source_id ORDER BY length DESC ROWS UNBOUNDED PRECEDING
            ) - row_count AS longer_count
        FROM wait_lengths
    )
    WHERE longer_count < $row_limit
    GROUP BY source_id
),
long_waits AS (
    SELECT *
    FROM (
        SELECT
            l.source_id, l.lock_wait_id AS row_id, l.tid, l.duration_ns,
            CAST(l.start_time AS BIGINT) AS start_ns,
            CAST(l.end_time AS BIGINT) AS end_ns,
            ROW_NUMBER() OVER (
                PARTITION BY l.source_id ORDER BY l.duration_ns DESC, l.lock_wait_id
            ) AS place
        FROM lock_waits AS l
        INNER JOIN least_waits AS m ON m.source_id = l.source_id
        WHERE l.kind = 'monitor'
            AND l.tid IS NOT NULL
            AND l.duration_ns >= 200000
            AND CAST(log2(l.duration_ns) * 16 AS BIGINT) >= m.length
    )
    WHERE place <= $row_limit
),
neighbours AS (
    SELECT
        source_id, tid, row_id, start_ns,
        LAG(tid) OVER log_order AS holder_tid,
        LAG(end_ns) OVER log_order AS holder_end_ns,
        LAG(end_ns - start_ns) OVER log_order AS holder_ns,
        LAG(end_ns) OVER thread_order AS own_end_ns
    FROM appends
    WHERE topic <> ''
        -- Some other source has one.
        AND (
            source_id <> (SELECT MIN(source_id) FROM long_waits)
            OR source_id <> (SELECT MAX(source_id) FROM long_waits)
        )
    WINDOW log_order AS (
        PARTITION BY source_id, topic, partition ORDER BY start_ns, row_id
    ),
    thread_order AS (PARTITION BY source_id, tid ORDER BY start_ns, row_id)
),
handovers AS (
    -- Writes that start just after another thread's to the same log, the longest of these first.
    SELECT *
    FROM (
        SELECT
            *,
            ROW_NUMBER() OVER (PARTITION BY source_id ORDER BY holder_ns DESC, row_id) AS place
        FROM neighbours
        WHERE tid <> holder_tid
            AND start_ns - holder_end_ns BETWEEN 0 AND 1000000
    )
    WHERE place <= $row_limit
),
write_lengths AS (
    SELECT source_id, CAST(log2(duration_ns) * 16 AS BIGINT) AS length, COUNT(*) AS row_count
    FROM writes
    WHERE file IS NOT NULL
        AND bytes > 0
        AND duration_ns >= 100000
    GROUP BY source_id, CAST(log2(duration_ns) * 16 AS BIGINT)
),
least_writes AS (
    SELECT source_id, MIN(length) AS length
    FROM (
        SELECT
            source_id,
            length,
            SUM(row_count) OVER (
                PARTITION BY source_id ORDER BY length DESC ROWS UNBOUNDED PRECEDING
            ) - row_count AS longer_count
        FROM write_lengths
    )
    WHERE longer_count < $row_limit
    GROUP BY source_id
),
long_writes AS (
    SELECT *
    FROM (
        SELECT
            w.source_id, w.write_id AS row_id, w.file, w.topic, w.bytes, w.duration_ns,
            CAST(w.start_time AS BIGINT) AS start_ns,
            CAST(w.end_time AS BIGINT) AS end_ns,
            ROW_NUMBER() OVER (
                PARTITION BY w.source_id ORDER BY w.duration_ns DESC, w.write_id
            ) AS place
        FROM writes AS w
        INNER JOIN least_writes AS m ON m.source_id = w.source_id
        WHERE w.file IS NOT NULL
            AND w.bytes > 0
            AND w.duration_ns >= 100000
            AND CAST(log2(w.duration_ns) * 16 AS BIGINT) >= m.length
    )
    WHERE place <= $row_limit
),
long_pauses AS (
    SELECT *
    FROM (
        SELECT
            source_id, pause_id AS row_id, kind, duration_ns,
            CAST(start_time AS BIGINT) AS start_ns,
            CAST(end_time AS BIGINT) AS end_ns,
            ROW_NUMBER() OVER (
                PARTITION BY source_id ORDER BY duration_ns DESC, pause_id
            ) AS place
        FROM pauses
        WHERE kind IN ('gc', 'safepoint')
            AND duration_ns >= 100000
    )
    WHERE place <= $row_limit
),
seen_twice AS (
    SELECT
        b.source_id, a.source_id AS other_source_id, 'monitor_wait' AS kind,
        b.row_id, a.row_id AS other_row_id, b.start_ns AS time_ns,
        a.start_ns - b.start_ns AS starts_ns, a.end_ns - b.end_ns AS ends_ns,
        20000 AS slack_ns, 100000 AS most_ns
    FROM long_waits AS a
    INNER JOIN long_waits AS b
        ON b.tid = a.tid
        AND a.source_id < b.source_id
    UNION ALL
    SELECT
        b.source_id, a.source_id AS other_source_id, 'same_write' AS kind,
        b.row_id, a.row_id AS other_row_id, b.start_ns AS time_ns,
        a.start_ns - b.start_ns AS starts_ns, a.end_ns - b.end_ns AS ends_ns,
        20000 AS slack_ns, 100000 AS most_ns
    FROM long_writes AS a
    INNER JOIN long_writes AS b
        ON b.file = a.file
        AND b.bytes = a.bytes
        AND COALESCE(b.topic, a.topic, '') = COALESCE(a.topic, b.topic, '')
        AND a.source_id < b.source_id
    UNION ALL
    SELECT
        b.source_id, a.source_id AS other_source_id, 'pause' AS kind,
        b.row_id, a.row_id AS other_row_id, b.start_ns AS time_ns,
        a.start_ns - b.start_ns AS starts_ns, a.end_ns - b.end_ns AS ends_ns,
        50000 AS slack_ns, 300000 + a.duration_ns / 50 AS most_ns
    FROM long_pauses AS a
    INNER JOIN long_pauses AS b
        ON b.kind = a.kind
        AND a.source_id < b.source_id
),
bounds AS (
    -- One after another: what each holds of its rows goes before the next.
    SELECT
        b.source_id, a.source_id AS other_source_id, 'request_write' AS kind,
        b.row_id, a.row_id AS other_row_id, b.start_ns AS time_ns,
        a.first_ns - b.start_ns AS lower_ns,
        a.last_ns - b.end_ns AS upper_ns
    FROM sizes AS s
    INNER JOIN keyed_requests AS a
        ON a.source_id = s.other_source_id
        AND a.topic = s.topic
        AND a.partition = s.partition
        AND a.bytes = s.bytes
    INNER JOIN appends AS b
        ON b.source_id = s.source_id
        AND b.topic = s.topic
        AND b.partition = s.partition
        AND b.bytes = s.bytes
    WHERE s.is_rare
    UNION ALL BY NAME
    SELECT
        b.source_id, a.other_source_id, 'request_write' AS kind,
        b.row_id, a.row_id AS other_row_id, b.start_ns AS time_ns,
        a.first_ns - b.start_ns AS lower_ns,
        a.last_ns - b.end_ns AS upper_ns
    FROM near_requests AS a
    INNER JOIN appends AS b
        ON b.source_id = a.source_id
        AND b.topic = a.topic
        AND b.partition = a.partition
        AND b.bytes = a.bytes
        AND b.start_ns / 100000000 = a.tenth
    UNION ALL BY NAME
    SELECT
        b.source_id, a.source_id AS other_source_id, 'request_offset' AS kind,
        b.row_id, a.row_id AS other_row_id, b.start_ns AS time_ns,
        a.first_ns - b.start_ns AS lower_ns,
        a.last_ns - b.end_ns AS upper_ns
    FROM offset_requests AS a
    INNER JOIN appends AS b
        ON b.topic = a.topic
        AND b.partition = a.partition
        AND b.base_offset = a.base_offset
    WHERE b.source_id <> a.source_id
    UNION ALL BY NAME
    SELECT
        source_id, other_source_id, kind, row_id, other_row_id, time_ns,
        LEAST(starts_ns, ends_ns) - slack_ns AS lower_ns,
        GREATEST(starts_ns, ends_ns) + slack_ns AS upper_ns
    FROM seen_twice
    WHERE ABS(starts_ns - ends_ns) <= most_ns
    UNION ALL BY NAME
    SELECT
        l.source_id, h.source_id AS other_source_id, 'lock_handover' AS kind,
        l.row_id, h.row_id AS other_row_id, l.end_ns AS time_ns,
        -- It waited after its own write before that, too.
        GREATEST(
            h.holder_end_ns - l.end_ns, COALESCE(h.own_end_ns - l.start_ns, h.holder_end_ns - l.end_ns)
        ) AS lower_ns,
        h.start_ns - l.end_ns AS upper_ns
    FROM long_waits AS l
    INNER JOIN handovers AS h
        ON h.tid = l.tid
        AND h.source_id <> l.source_id
    WHERE l.duration_ns >= 1000000
    UNION ALL BY NAME
    SELECT
        b.source_id, a.source_id AS other_source_id, 'request_log' AS kind,
        b.broker_request_id AS row_id, a.request_id AS other_row_id, b.end_ns AS time_ns,
        CAST(a.response_time AS BIGINT) - b.end_ns - 5000000 AS lower_ns,
        CAST(a.response_time AS BIGINT) - b.end_ns AS upper_ns
    FROM log_lines AS b
    INNER JOIN requests AS a
        ON a.client_address = b.client_address
        AND a.correlation_id = b.correlation_id
        AND a.api = b.api
        AND a.source_id <> b.source_id
    WHERE a.response_time IS NOT NULL
    UNION ALL BY NAME
    SELECT
        f.source_id, l.source_id AS other_source_id, 'follower_fetch' AS kind,
        f.request_id AS row_id, l.request_id AS other_row_id,
        CAST(f.arrival_time AS BIGINT) AS time_ns,
        CAST(l.response_time AS BIGINT) - CAST(f.response_time AS BIGINT) AS lower_ns,
        CAST(l.arrival_time AS BIGINT) - CAST(f.arrival_time AS BIGINT) AS upper_ns
    FROM fetches AS f
    INNER JOIN fetches AS l
        ON l.client_address = f.client_address
        AND l.server_address = f.server_address
        AND l.correlation_id = f.correlation_id
        AND l.replica_id = f.replica_id
    WHERE f.broker = f.replica_id
        AND l.broker <> f.broker
)
SELECT
    b.source_id,
    b.other_source_id,
    b.kind,
    b.row_id,
    b.other_row_id,
    add_ns(CAST(0 AS TIMESTAMP), b.time_ns) AS time,
    b.lower_ns - r.resolution_ns - o.resolution_ns AS lower_ns,
    b.upper_ns + r.resolution_ns + o.resolution_ns AS upper_ns
FROM bounds AS b
INNER JOIN resolutions AS r ON r.source_id = b.source_id
INNER JOIN resolutions AS o ON o.source_id = b.other_source_id
LEFT JOIN sources AS s ON s.source_id = b.source_id
LEFT JOIN sources AS t ON t.source_id = b.other_source_id
WHERE ((s.broker IS NOT DISTINCT FROM t.broker) OR b.kind = 'follower_fetch')
    AND b.lower_ns - r.resolution_ns - o.resolution_ns <= b.upper_ns
    AND b.upper_ns - b.lower_ns <= $max_width_ms * 1e6
ORDER BY source_id, other_source_id, kind, time, row_id, other_row_id
