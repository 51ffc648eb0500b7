-- The lock waits near the accounted requests, as each recording has them.
-- @materialized
-- @param  min_wait_ms    DOUBLE = 0.05 -- shorter waits are left out
-- @column lock_wait_id   BIGINT      -- the wait
-- @column tid            INT         -- the waiting thread
-- @column start_time     TIMESTAMP   -- start of the wait
-- @column end_time       TIMESTAMP   -- its end
-- @column duration_ns    BIGINT      -- its length
-- @column lock_class     VARCHAR     -- class of the lock
-- @column lock_address   BIGINT      -- address of the lock
-- @column owner_tid      INT         -- who held it last, where a recorder knows
-- @column origin         VARCHAR     -- what saw it: jfr or usdt
-- @column source_id      BIGINT      -- the recording
SELECT DISTINCT
    l.lock_wait_id,
    l.tid,
    l.start_time,
    l.end_time,
    l.duration_ns,
    CAST(l.lock_class AS VARCHAR) AS lock_class,
    l.lock_address,
    l.owner_tid,
    CAST(l.origin AS VARCHAR) AS origin,
    l.source_id
FROM near_times AS n
INNER JOIN lock_waits AS l
    ON l.start_time < n.end_time
    AND n.start_time < l.end_time
WHERE l.kind IN ('monitor', 'park', 'native')
    AND l.tid IS NOT NULL
    AND l.duration_ns >= $min_wait_ms * 1e6
    -- A thread that polls an empty queue parks on a condition: it has nothing to do.
    AND COALESCE(l.lock_class, '') NOT LIKE '%ConditionObject'
ORDER BY start_time, lock_wait_id
