-- What the writes at the root were doing while slow requests waited for them.
--
-- @param  slo_ms         DOUBLE = 65 -- a request at least this slow is slow
-- @param  clock_slack_ms DOUBLE = 1  -- how far the recordings' clocks may be apart
-- @column write_state    VARCHAR     -- as in write_states;
--                                       unknown when no recording tells
-- @column request_count  BIGINT      -- slow requests concerned
-- @column waited_ms      DOUBLE      -- their time behind writes in this state, added up
-- @column waited_ratio   DOUBLE      -- that time's share of the
--                                       latency of all slow requests
SELECT
    COALESCE(s.write_state, 'unknown') AS write_state,
    COUNT(DISTINCT s.request_id) AS request_count,
    SUM(s.segment_ns) / 1e6 AS waited_ms,
    SUM(s.segment_ns) / 1e6 / MIN(t.latency_ms) AS waited_ratio
FROM request_segments AS s
CROSS JOIN (SELECT SUM(latency_ms) AS latency_ms FROM request_verdicts) AS t
WHERE s.root_write_id IS NOT NULL
GROUP BY COALESCE(s.write_state, 'unknown')
ORDER BY waited_ms DESC, write_state
