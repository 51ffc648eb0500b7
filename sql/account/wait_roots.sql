-- The file operation at the root of each lock wait: the holder's own, or the one that the
-- holder waited for; or the holder's wait for a CPU.
--
-- A holder that is itself waiting for another lock is followed to that lock's holder,
-- and so on, up to eight holders deep, always within the common time.
-- @materialized
-- @column lock_wait_id   BIGINT      -- the wait
-- @column start_time     TIMESTAMP   -- start of the part of it that the write explains
-- @column end_time       TIMESTAMP   -- its end
-- @column root           VARCHAR     -- slow_write, slow_sync, slow_read or cpu;
--                                       lock_other where a run of short appends held it
-- @column root_write_id  BIGINT      -- the operation; null where a run of
--                                       short appends held the lock, or of cpu
-- @column holder_tid     INT         -- the thread that held the lock waited for
-- @column depth          INT         -- holders between the wait and the write,
--                                       1 when the holder itself wrote
-- @column rule           VARCHAR     -- how the holder is known (see wait_holders)
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH RECURSIVE
links AS (
    SELECT
        lock_wait_id,
        start_time,
        end_time,
        holder_tid,
        holder_write_id,
        holder_wait_id,
        is_ready,
        rule,
        confidence,
        CAST(1 AS INT) AS depth
    FROM wait_holders
    UNION ALL
    SELECT
        l.lock_wait_id,
        GREATEST(l.start_time, h.start_time) AS start_time,
        LEAST(l.end_time, h.end_time) AS end_time,
        l.holder_tid,
        h.holder_write_id,
        h.holder_wait_id,
        h.is_ready,
        CASE WHEN h.rule IN ('same_log_run', 'flush_held') THEN h.rule ELSE l.rule END AS rule,
        l.confidence * h.confidence AS confidence,
        CAST(l.depth + 1 AS INT) AS depth
    FROM links AS l
    INNER JOIN wait_holders AS h
        ON h.lock_wait_id = l.holder_wait_id
        AND h.start_time < l.end_time
        AND l.start_time < h.end_time
    WHERE l.depth < 8
)
SELECT
    k.lock_wait_id,
    k.start_time,
    k.end_time,
    CASE
        WHEN k.is_ready THEN 'cpu'
        WHEN k.holder_write_id IS NULL THEN 'lock_other'
        WHEN w.is_sync THEN 'slow_sync'
        WHEN w.is_read THEN 'slow_read'
        ELSE 'slow_write'
    END AS root,
    k.holder_write_id AS root_write_id,
    k.holder_tid,
    k.depth,
    k.rule,
    k.confidence
FROM links AS k
LEFT JOIN near_writes AS w ON w.write_id = k.holder_write_id
WHERE k.holder_write_id IS NOT NULL
    OR k.rule = 'same_log_run'
    OR k.is_ready
ORDER BY lock_wait_id, start_time, end_time, root_write_id, depth, rule
