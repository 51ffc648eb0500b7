-- The file operations near the accounted requests, each with the log that it was on.
--
-- Appends run under the log's monitor, so one that starts within `handoff_ms` of the end
-- of the one before may have waited for it: such appends of one log are a run. An msync
-- tells no file: its log is that of the sync that its thread did just before (a flush is
-- an fsync of the log, then msyncs of its indexes); so is that of an fsync of the log's
-- directory. Consecutive syncs of one thread on one log are a chain: one stretch under
-- the log's monitor, if any of it is.
-- @materialized
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @column write_id       BIGINT      -- the operation
-- @column tid            INT         -- the thread that did it
-- @column start_time     TIMESTAMP   -- start of the operation
-- @column end_time       TIMESTAMP   -- its end
-- @column topic          VARCHAR     -- topic of the log; null when it was on no log,
--                                       or on one that is not known
-- @column partition      INT         -- partition of the log
-- @column is_append      BOOLEAN     -- whether it appended records
--                                       (an append holds the log's monitor)
-- @column is_read        BOOLEAN     -- whether it only read
-- @column is_sync        BOOLEAN     -- whether it waited for the disk to have what was
--                                       written before (fsync, fdatasync, msync)
-- @column is_snapshot    BOOLEAN     -- whether it was on a producer snapshot,
--                                       which a roll writes before the append
-- @column run_start      TIMESTAMP   -- start of the run of appends it belongs to;
--                                       null when it is no append
-- @column previous_append_time TIMESTAMP -- start of its thread's last append before it
-- @column next_append_time TIMESTAMP -- start of its thread's next append after it
-- @column thread_next_start TIMESTAMP -- start of its thread's next operation
-- @column log_next_append_time TIMESTAMP -- start of the next append to its log
-- @column chain_start    TIMESTAMP   -- start of its chain of syncs;
--                                       null when it is no sync
WITH
near AS (
    SELECT
        w.write_id,
        w.tid,
        w.start_time,
        w.end_time,
        CAST(w.topic AS VARCHAR) AS topic,
        w.partition,
        CAST(w.file AS VARCHAR) AS file,
        file_operation(w.operation) = 'read' AS is_read,
        file_operation(w.operation) = 'sync' AS is_sync,
        COALESCE(w.file_kind = 'log', FALSE) AS is_log,
        COALESCE(w.file_kind = 'snapshot', FALSE) AS is_snapshot,
        w.topic IS NULL
            AND (w.operation = 'msync'
                OR (w.operation IN ('fsync', 'fdatasync') AND w.file LIKE '%-%'))
            AS follows
    FROM writes AS w
    WHERE w.tid IS NOT NULL
        AND EXISTS (
            SELECT 1
            FROM near_times AS n
            WHERE w.start_time < n.end_time
                AND n.start_time < w.end_time
        )
),
grouped AS (
    -- A group is an operation whose file is known, and the syncs that follow it without one.
    SELECT
        *,
        is_log AND NOT is_read AND NOT is_sync AS is_append,
        SUM(CASE WHEN follows THEN 0 ELSE 1 END) OVER thread_order AS group_number,
        LAG(end_time) OVER thread_line AS thread_last_end,
        LAG(CASE WHEN is_sync THEN write_id END) OVER thread_line AS thread_last_sync,
        MAX(end_time) OVER before_order AS thread_previous_end,
        MAX(CASE WHEN is_log AND NOT is_read AND NOT is_sync THEN start_time END)
            OVER before_order AS previous_append_time,
        MIN(CASE WHEN is_log AND NOT is_read AND NOT is_sync THEN start_time END) OVER (
            PARTITION BY tid
            ORDER BY start_time, end_time, write_id
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS next_append_time,
        LEAD(start_time) OVER thread_line AS thread_next_start
    FROM near
    WINDOW
        thread_line AS (PARTITION BY tid ORDER BY start_time, end_time, write_id),
        thread_order AS (
            PARTITION BY tid
            ORDER BY start_time, end_time, write_id
            ROWS UNBOUNDED PRECEDING
        ),
        before_order AS (
            PARTITION BY tid
            ORDER BY start_time, end_time, write_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),
led AS (
    -- The syncs at the head of a group: one a group, and few beside all operations.
    SELECT tid, group_number, topic, partition
    FROM grouped
    WHERE NOT follows
        AND is_sync
),
synced AS (
    -- Each sync with its log: that of its file, else that of the sync which it follows.
    SELECT
        g.write_id,
        g.tid,
        g.start_time,
        g.end_time,
        g.thread_last_sync,
        g.thread_previous_end,
        CASE
            WHEN NOT g.follows THEN g.topic
            WHEN elapsed_ns(g.thread_last_end, g.start_time) <= 5e7
                AND (g.file IS NULL OR g.file = l.topic || '-' || CAST(l.partition AS VARCHAR))
                THEN l.topic
        END AS topic,
        CASE WHEN g.follows THEN l.partition ELSE g.partition END AS partition
    FROM grouped AS g
    LEFT JOIN led AS l
        ON l.tid = g.tid
        AND l.group_number = g.group_number
        AND g.follows
    WHERE g.is_sync
),
chained AS (
    SELECT
        s.write_id,
        s.topic,
        s.partition,
        MAX(
            CASE
                WHEN s.topic = b.topic
                    AND (s.partition IS NOT DISTINCT FROM b.partition)
                    AND s.start_time
                        <= add_ns(s.thread_previous_end, CAST($handoff_ms * 1e6 AS BIGINT))
                    THEN NULL
                ELSE s.start_time
            END
        ) OVER (
            PARTITION BY s.tid
            ORDER BY s.start_time, s.end_time, s.write_id
            ROWS UNBOUNDED PRECEDING
        ) AS chain_start
    FROM synced AS s
    LEFT JOIN synced AS b ON b.write_id = s.thread_last_sync
),
logged AS (
    SELECT
        g.write_id, g.tid, g.start_time, g.end_time, g.is_append, g.is_read, g.is_sync,
        g.is_snapshot, g.previous_append_time, g.next_append_time, g.thread_next_start,
        CASE WHEN g.is_sync THEN c.topic ELSE g.topic END AS topic,
        CASE WHEN g.is_sync THEN c.partition ELSE g.partition END AS partition,
        c.chain_start
    FROM grouped AS g
    LEFT JOIN chained AS c ON c.write_id = g.write_id
),
followed AS (
    SELECT
        *,
        MAX(CASE WHEN is_append THEN end_time END) OVER (
            PARTITION BY topic, partition
            ORDER BY start_time, end_time, write_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time,
        MIN(CASE WHEN is_append THEN start_time END) OVER (
            PARTITION BY topic, partition
            ORDER BY start_time, end_time, write_id
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS log_next_append_time
    FROM logged
),
runs AS (
    SELECT
        *,
        MAX(
            CASE
                WHEN NOT is_append
                    OR start_time
                        <= add_ns(reached_time, CAST($handoff_ms * 1e6 AS BIGINT)) THEN NULL
                ELSE start_time
            END
        ) OVER (
            PARTITION BY topic, partition
            ORDER BY start_time, end_time, write_id
            ROWS UNBOUNDED PRECEDING
        ) AS run_start
    FROM followed
)
SELECT
    write_id,
    tid,
    start_time,
    end_time,
    topic,
    CASE WHEN topic IS NOT NULL THEN partition END AS partition,
    is_append,
    is_read,
    is_sync,
    is_snapshot,
    CASE WHEN is_append THEN run_start END AS run_start,
    previous_append_time,
    next_append_time,
    thread_next_start,
    log_next_append_time,
    chain_start
FROM runs
ORDER BY start_time, write_id
