-- Who held the log's monitor during each handler's lock wait.
--
-- The holder is a thread that appended to the same topic-partition during the wait: an append runs under
-- the log's monitor. Any other file operation of the partition (a sync, say) counts only when a recorder
-- names its thread as the owner. In a convoy several threads hold it one after another; each has a row with its
-- part of the wait.
-- @materialized
-- @param  slo_ms         DOUBLE = 65 -- requests at least this slow are accounted for
-- @column request_id     BIGINT      -- the request
-- @column lock_wait_id   BIGINT      -- the wait
-- @column holder_write_id BIGINT     -- the holder's write
-- @column holder_tid     INT         -- the holder
-- @column start_time     TIMESTAMP   -- start of the common time
-- @column end_time       TIMESTAMP   -- its end
-- @column held_ns        BIGINT      -- its length
-- @column is_known_owner BOOLEAN     -- whether a recorder names this thread as the owner; null when none does
SELECT
    h.request_id,
    h.lock_wait_id,
    w.write_id AS holder_write_id,
    w.tid AS holder_tid,
    GREATEST(h.start_time, w.start_time) AS start_time,
    LEAST(h.end_time, w.end_time) AS end_time,
    overlap_ns(h.start_time, h.end_time, w.start_time, w.end_time) AS held_ns,
    w.tid = h.owner_tid AS is_known_owner
FROM handler_waits AS h
INNER JOIN writes AS w
    ON w.topic = h.topic
    AND w.partition = h.partition
    AND w.start_time < h.end_time
    AND h.start_time < w.end_time
WHERE w.tid <> h.tid
    AND (
        w.tid = h.owner_tid
        OR (
            w.file_kind = 'log'
            AND w.operation NOT IN ('read', 'pread', 'readv', 'sendfile', 'fsync', 'fdatasync')
        )
    )
ORDER BY start_time, lock_wait_id, request_id, holder_write_id
