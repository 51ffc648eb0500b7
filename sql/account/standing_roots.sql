-- What is at the end of the chain of wakers behind each wait for a lock of the process.
--
-- The thread that ended the wait let the lock go; what it was in meanwhile is the cause, and
-- where it waited itself, what the thread was in that ended that wait, and so on, up to
-- 64 threads deep, always within the common time: in a convoy each holder is one deeper.
-- @materialized
-- @column standing_id    BIGINT      -- the wait: standings.standing_id
-- @column start_time     TIMESTAMP   -- start of the part of it that is explained
-- @column end_time       TIMESTAMP   -- its end
-- @column root           VARCHAR     -- what it was behind (see blame)
-- @column reason         VARCHAR     -- the mechanism, where a stretch shows it (see reasons)
-- @column root_write_id  BIGINT      -- the file operation
-- @column root_standing_id BIGINT    -- or the stretch in which the last thread stood still
-- @column holder_tid     INT         -- the thread that ended the wait
-- @column depth          INT         -- threads between the wait and the root
-- @column confidence     DOUBLE      -- how sure it is, 0 to 1
WITH RECURSIVE
links AS (
    SELECT
        standing_id, start_time, end_time, holder_tid, holder_write_id, holder_standing_id,
        wait_standing_id, root, reason, confidence, CAST(1 AS INT) AS depth
    FROM standing_holders
    UNION ALL
    SELECT
        l.standing_id,
        GREATEST(l.start_time, h.start_time) AS start_time,
        LEAST(l.end_time, h.end_time) AS end_time,
        l.holder_tid,
        h.holder_write_id,
        h.holder_standing_id,
        h.wait_standing_id,
        h.root,
        h.reason,
        0.99 * l.confidence AS confidence,
        CAST(l.depth + 1 AS INT) AS depth
    FROM links AS l
    INNER JOIN standing_holders AS h
        ON h.standing_id = l.wait_standing_id
        AND h.start_time < l.end_time
        AND l.start_time < h.end_time
    WHERE l.depth < 64
)
SELECT
    l.standing_id,
    l.start_time,
    l.end_time,
    l.root,
    l.reason,
    l.holder_write_id AS root_write_id,
    l.holder_standing_id AS root_standing_id,
    l.holder_tid,
    l.depth,
    l.confidence
FROM links AS l
INNER JOIN futex_waits AS f ON f.standing_id = l.standing_id
WHERE l.root IS NOT NULL
ORDER BY l.standing_id, l.start_time, l.end_time, root_write_id, root_standing_id, l.depth
