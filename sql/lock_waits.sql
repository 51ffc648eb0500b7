-- Waits for monitors and locks, longest first.
--
-- @terminal start_time duration_ms thread_name lock_class | kind owner_name
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
    duration_ms,
    start_time,
    kind,
    tid,
    thread_name,
    lock_class,
    lock_address,
    owner_tid,
    owner_name,
    origin,
    end_time,
    lock_wait_id
FROM long_lock_waits
ORDER BY duration_ms DESC, lock_wait_id
