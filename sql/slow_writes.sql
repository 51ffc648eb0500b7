-- File operations that took long, longest first.
--
-- @by_broker
-- @terminal start_time duration_ms operation thread_name file | commit_ms bytes tid
-- @param  min_ms        DOUBLE = 10 -- an operation at least this long is listed
-- @column duration_ms   DOUBLE      -- how long it took
-- @column start_time    TIMESTAMP   -- its start
-- @column operation     VARCHAR     -- write, fsync, …
-- @column tid           INT         -- thread id of the operating system
-- @column thread_name   VARCHAR     -- name of the thread in Java, or else in the kernel
-- @column bytes         BIGINT      -- bytes written
-- @column file_offset   BIGINT      -- position in the file before it
-- @column file          VARCHAR     -- directory and name of the file
-- @column commit_ms     DOUBLE      -- part of it during which the file
--                                      system committed its journal
-- @column end_time      TIMESTAMP   -- its end
-- @column write_id      BIGINT      -- id of the row in writes
WITH
slow AS (
    SELECT *
    FROM writes
    WHERE duration_ns >= $min_ms * 1e6
),
commits AS (
    SELECT
        s.write_id,
        SUM(overlap_ns(s.start_time, s.end_time, f.start_time, f.end_time)) AS commit_ns
    FROM slow AS s
    INNER JOIN journal_commits AS f
        ON f.start_time < s.end_time AND s.start_time < f.end_time
    GROUP BY s.write_id
)
SELECT
    s.duration_ns / 1e6 AS duration_ms,
    s.start_time,
    s.operation,
    s.tid,
    COALESCE(t.thread_name, s.comm) AS thread_name,
    s.bytes,
    s.file_offset,
    concat_ws('/', s.directory, s.file) AS file,
    COALESCE(c.commit_ns, 0) / 1e6 AS commit_ms,
    s.end_time,
    s.write_id
FROM slow AS s
LEFT JOIN commits AS c ON c.write_id = s.write_id
LEFT JOIN thread_names AS t ON t.tid = s.tid
ORDER BY s.duration_ns DESC, s.write_id
