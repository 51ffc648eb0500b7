-- When requests at one broker waited for another that follows it.
--
-- Of a store with several brokers: where there is one, nothing is recorded of its followers.
-- @over_brokers
-- @materialized
-- @column broker         INT         -- the broker that was waited for
-- @column start_time     TIMESTAMP   -- from when on
-- @column end_time       TIMESTAMP   -- until when
SELECT DISTINCT replica_id AS broker, start_time, end_time
FROM follower_waits
WHERE replica_id >= 0
ORDER BY broker, start_time, end_time
