-- The file operations of followers that requests at another broker waited for.
-- @over_brokers
-- @materialized
-- @column write_id       BIGINT      -- the operation
-- @column broker         INT         -- the follower
-- @column tid            INT         -- its thread
-- @column thread_name    VARCHAR     -- the thread's name
-- @column end_time       TIMESTAMP   -- end of the operation
-- @column duration_ns    BIGINT      -- its length
-- @column path           VARCHAR     -- directory and file, or else the log
-- @column reason         VARCHAR     -- the mechanism that it is by itself (see root_writes)
SELECT
    r.write_id, w.broker, r.tid, COALESCE(t.thread_name, r.comm) AS thread_name, r.end_time, r.duration_ns,
    r.path, r.reason
FROM (SELECT DISTINCT root_write_id, blocker_broker AS broker FROM followed_waits) AS w
INNER JOIN root_writes AS r ON r.write_id = w.root_write_id
LEFT JOIN thread_names AS t
    ON t.tid = r.tid
    AND t.broker = w.broker
ORDER BY r.write_id
