-- The topic-partitions of every slow request: its own write to each, and its handler's waits
-- for the monitor of each.
--
-- @materialized
-- @column request_id     BIGINT      -- the request
-- @column place          BIGINT      -- 1 for the one that took the longest: by its write, by
--                                       the waits, then by name
-- @column topic          VARCHAR     -- topic; null where only its id is known
-- @column partition      INT         -- partition
-- @column base_offset    BIGINT      -- offset of the request's first record in it
-- @column message_id     VARCHAR     -- ids of the request's messages in it, separated by spaces
-- @column write_id       BIGINT      -- the own write
-- @column matched_by     VARCHAR     -- key by which that was found (see own_writes)
-- @column write_ns       BIGINT      -- how long it took
-- @column tid            INT         -- its thread: the request handler
-- @column thread_name    VARCHAR     -- name of that thread
-- @column write_file     VARCHAR     -- its file
-- @column write_offset   BIGINT      -- its position in the file
-- @column lock_wait_ns   BIGINT      -- the handler's waits for the topic-partition's monitor
WITH
partition_waits AS (
    SELECT
        request_id,
        topic,
        partition,
        SUM(elapsed_ns(start_time, end_time)) AS wait_ns
    FROM own_waits
    GROUP BY request_id, topic, partition
),
partitions AS (
    SELECT
        p.request_id,
        p.topic,
        p.partition,
        p.base_offset,
        array_to_string(p.message_ids, ' ') AS message_id,
        o.write_id,
        o.matched_by,
        w.duration_ns AS write_ns,
        w.tid,
        COALESCE(t.thread_name, w.comm) AS thread_name,
        concat_ws('/', w.directory, w.file) AS write_file,
        w.file_offset AS write_offset,
        COALESCE(l.wait_ns, 0) AS lock_wait_ns
    FROM accounted_requests AS a
    INNER JOIN recorded_partitions AS p ON p.request_id = a.request_id
    LEFT JOIN own_writes AS o ON o.request_partition_id = p.request_partition_id
    LEFT JOIN writes AS w ON w.write_id = o.write_id
    LEFT JOIN thread_names AS t ON t.tid = w.tid
    LEFT JOIN partition_waits AS l
        ON l.request_id = p.request_id
        AND l.topic = p.topic
        AND l.partition = p.partition
    WHERE a.is_slow
)
SELECT
    request_id,
    ROW_NUMBER() OVER (
        PARTITION BY request_id
        ORDER BY write_ns DESC NULLS LAST, lock_wait_ns DESC, topic, partition, write_id
    ) AS place,
    topic,
    partition,
    base_offset,
    message_id,
    write_id,
    matched_by,
    write_ns,
    tid,
    thread_name,
    write_file,
    write_offset,
    lock_wait_ns
FROM partitions
ORDER BY request_id, place
