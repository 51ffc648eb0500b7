-- The journal commits at the root of slow requests, with what tells the changes to a
-- journal apart (see `commit_origins`).
-- @column function_call_id BIGINT    -- the commit
-- @column start_time     TIMESTAMP   -- its start
-- @column duration_ms    DOUBLE      -- how long it took
-- @column gap_ms         DOUBLE      -- from the start of the one of its kind
--                                       before; null for the first
-- @column began_by       VARCHAR     -- timer, or request; null when it cannot be told
-- @column flush_ratio    DOUBLE      -- share of it in the phase of flushing;
--                                       null when not recorded
-- @column request_count  BIGINT      -- slow requests behind it
-- @column device         VARCHAR     -- the journal's device, as major:minor
-- @column broker         INT         -- the broker; null when nothing tells
WITH
roots AS (
    SELECT root_id, COUNT(*) AS request_count
    FROM episode_requests
    WHERE kind = 'journal_commit'
    GROUP BY root_id
)
SELECT
    c.function_call_id,
    c.start_time,
    c.duration_ns / 1e6 AS duration_ms,
    c.gap_ns / 1e6 AS gap_ms,
    c.began_by,
    c.flush_ratio,
    r.request_count,
    c.device,
    c.broker
FROM roots AS r
INNER JOIN commit_origins AS c ON c.function_call_id = r.root_id
ORDER BY c.start_time, c.function_call_id
