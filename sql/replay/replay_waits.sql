-- Waits for monitors and stops of the JVM, as a replay needs them.
--
-- @column kind           VARCHAR   -- monitor or pause
-- @column tid            INT       -- the waiting thread; null for pauses
-- @column start_time     TIMESTAMP -- start
-- @column end_time       TIMESTAMP -- end
-- @column id             BIGINT    -- id of the row in lock_waits or pauses
SELECT kind, tid, start_time, end_time, id
FROM (
    SELECT 'monitor' AS kind, tid, start_time, end_time, lock_wait_id AS id
    FROM lock_waits
    WHERE kind = 'monitor'
        AND tid IS NOT NULL
    UNION ALL
    SELECT 'pause' AS kind, CAST(NULL AS INT) AS tid, start_time, end_time, pause_id AS id
    FROM pauses
    WHERE kind IN ('gc', 'safepoint')
)
ORDER BY start_time, kind, id
