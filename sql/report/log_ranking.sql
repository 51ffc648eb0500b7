-- The logs whose writes held requests up: one row a topic-partition.
--
-- @param  max_rows       BIGINT = 15 -- at most this many
-- @column topic          VARCHAR     -- topic
-- @column partition      INT         -- partition
-- @column root_count     BIGINT      -- writes to it that slow requests waited for
-- @column worst_write_ms DOUBLE      -- the longest of them
-- @column request_count  BIGINT      -- slow requests that waited for them
-- @column cost_ms        DOUBLE      -- time they waited, added up
-- @column cost_ratio     DOUBLE      -- that time's share of the
--                                       latency of all slow requests
SELECT
    w.topic,
    w.partition,
    COUNT(DISTINCT w.write_id) AS root_count,
    MAX(w.duration_ns) / 1e6 AS worst_write_ms,
    COUNT(*) AS request_count,
    SUM(millionths(v.waited_ms)) / 1e6 AS cost_ms,
    SUM(millionths(v.waited_ms)) / 1e6 / MIN(t.latency_ms) AS cost_ratio
FROM request_verdicts AS v
INNER JOIN writes AS w ON w.write_id = v.root_write_id
CROSS JOIN (
    SELECT SUM(millionths(latency_ms)) / 1e6 AS latency_ms FROM request_verdicts
) AS t
GROUP BY w.topic, w.partition
ORDER BY cost_ms DESC, w.topic, w.partition
LIMIT $max_rows
