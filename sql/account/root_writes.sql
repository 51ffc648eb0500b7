-- The writes at the root of the account: those that requests spent their time in or
-- behind, those that stops of the JVM waited for, and those that requests at another broker
-- waited for, since this one follows it.
-- @materialized
-- @column write_id       BIGINT      -- the write
-- @column tid            INT         -- the thread that wrote
-- @column comm           VARCHAR     -- its name in the kernel
-- @column start_time     TIMESTAMP   -- start of the write
-- @column end_time       TIMESTAMP   -- its end
-- @column duration_ns    BIGINT      -- its length
-- @column topic          VARCHAR     -- topic
-- @column partition      INT         -- partition
-- @column path           VARCHAR     -- directory and file, or else the log
-- @column file_offset    BIGINT      -- position in the file
-- @column bytes          BIGINT      -- bytes written
-- @column reason         VARCHAR     -- the mechanism that it is by itself (see reasons);
--                                       null where only its states tell
WITH
used AS (
    SELECT root_write_id
    FROM service_segments
    WHERE root_write_id IS NOT NULL
    UNION
    SELECT write_id
    FROM pause_operations
    WHERE write_id IS NOT NULL
    UNION
    -- Those that kept this broker from following another.
    SELECT root_write_id
    FROM followed_waits
    WHERE root_write_id IS NOT NULL
),
checkpointed AS (
    -- Syncs of a log's directory, for the name of its leader epochs' file that was synced just before.
    SELECT DISTINCT w.write_id
    FROM used AS u
    INNER JOIN writes AS w ON w.write_id = u.root_write_id
    INNER JOIN writes AS c
        ON c.tid = w.tid
        AND CAST(c.directory AS VARCHAR) = CAST(w.file AS VARCHAR)
        AND add_ns(w.start_time, -50000000) < c.end_time
        AND c.start_time < w.end_time
    WHERE file_operation(w.operation) = 'sync'
        AND w.topic IS NULL
        AND file_operation(c.operation) = 'sync'
        AND c.file_kind = 'leader_epoch_checkpoint'
)
SELECT
    w.write_id,
    w.tid,
    CAST(w.comm AS VARCHAR) AS comm,
    w.start_time,
    w.end_time,
    w.duration_ns,
    CAST(w.topic AS VARCHAR) AS topic,
    w.partition,
    COALESCE(
        NULLIF(concat_ws('/', w.directory, w.file), ''),
        w.topic || '-' || CAST(w.partition AS VARCHAR)
    ) AS path,
    w.file_offset,
    w.bytes,
    CASE
        WHEN file_operation(w.operation) <> 'sync' THEN NULL
        WHEN w.file_kind = 'snapshot' THEN 'segment_roll'
        WHEN w.file_kind = 'leader_epoch_checkpoint' OR c.write_id IS NOT NULL THEN 'epoch_checkpoint'
        WHEN w.topic IS NOT NULL OR w.operation = 'msync' THEN 'log_flush'
    END AS reason
FROM used AS u
INNER JOIN writes AS w ON w.write_id = u.root_write_id
LEFT JOIN checkpointed AS c ON c.write_id = w.write_id
ORDER BY w.start_time, w.write_id
