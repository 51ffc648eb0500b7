-- The file operations on logs near the accounted requests.
--
-- Appends run under the log's monitor, so one that starts within `handoff_ms` of the end
-- of the one before may have waited for it: such appends of one log are a run.
-- @materialized
-- @param  slo_ms         DOUBLE = 65 -- requests at least this slow are accounted for
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @column write_id       BIGINT      -- the operation
-- @column tid            INT         -- the thread that did it
-- @column start_time     TIMESTAMP   -- start of the operation
-- @column end_time       TIMESTAMP   -- its end
-- @column topic          VARCHAR     -- topic of the log
-- @column partition      INT         -- partition of the log
-- @column is_append      BOOLEAN     -- whether it appended records
--                                       (an append holds the log's monitor)
-- @column is_read        BOOLEAN     -- whether it only read
-- @column run_start      TIMESTAMP   -- start of the run of appends it belongs to;
--                                       null when it is no append
-- @column thread_previous_end TIMESTAMP -- end of the operation that
--                                          its thread did before
WITH
near AS (
    SELECT
        w.write_id,
        w.tid,
        w.start_time,
        w.end_time,
        CAST(w.topic AS VARCHAR) AS topic,
        w.partition,
        w.file_kind = 'log'
            AND w.operation NOT IN ('read', 'pread', 'readv', 'sendfile', 'fsync', 'fdatasync')
            AS is_append,
        w.operation IN ('read', 'pread', 'readv', 'sendfile') AS is_read
    FROM writes AS w
    WHERE w.topic IS NOT NULL
        AND w.tid IS NOT NULL
        AND EXISTS (
            SELECT 1
            FROM near_times AS n
            WHERE w.start_time < n.end_time
                AND n.start_time < w.end_time
        )
),
followed AS (
    SELECT
        *,
        MAX(end_time) OVER (
            PARTITION BY topic, partition, is_append
            ORDER BY start_time, end_time, write_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time,
        MAX(end_time) OVER (
            PARTITION BY tid
            ORDER BY start_time, end_time, write_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS thread_previous_end
    FROM near
),
runs AS (
    SELECT
        *,
        MAX(
            CASE
                WHEN start_time
                    <= add_ns(reached_time, CAST($handoff_ms * 1e6 AS BIGINT)) THEN NULL
                ELSE start_time
            END
        ) OVER (
            PARTITION BY topic, partition, is_append
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
    partition,
    is_append,
    is_read,
    CASE WHEN is_append THEN run_start END AS run_start,
    thread_previous_end
FROM runs
ORDER BY start_time, write_id
