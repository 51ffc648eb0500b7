-- Waits for monitors and locks that took long, with the names of their threads.
--
-- @param  min_ms        DOUBLE = 10  -- a wait at least this long is listed
-- @column duration_ms   DOUBLE       -- how long it took
-- @column start_time    TIMESTAMP    -- its start
-- @column kind          VARCHAR      -- monitor, monitor_wait, park or native
-- @column tid           INT          -- thread id of the operating system
-- @column thread_name   VARCHAR      -- name of the thread in Java,
--                                       or else in the kernel
-- @column lock_class    VARCHAR      -- class of the lock
-- @column lock_address  VARCHAR      -- address of the lock, in hex
-- @column owner_tid     INT          -- thread that held the lock,
--                                       where the recorder knows
-- @column owner_name    VARCHAR      -- its name
-- @column origin        VARCHAR      -- what saw it: jfr or usdt
-- @column end_time      TIMESTAMP    -- its end
-- @column lock_wait_id  BIGINT       -- id of the row in lock_waits
SELECT
    l.duration_ns / 1e6 AS duration_ms,
    l.start_time,
    l.kind,
    l.tid,
    COALESCE(l.thread_name, t.thread_name, l.comm) AS thread_name,
    l.lock_class,
    '0x' || to_hex(l.lock_address) AS lock_address,
    l.owner_tid,
    COALESCE(l.owner_thread_name, o.thread_name) AS owner_name,
    l.origin,
    l.end_time,
    l.lock_wait_id
FROM lock_waits AS l
LEFT JOIN thread_names AS t ON t.tid = l.tid
LEFT JOIN thread_names AS o ON o.tid = l.owner_tid
WHERE l.duration_ns >= $min_ms * 1e6
