-- What the writes, syncs and reads at the root were doing while slow requests waited for
-- them.
--
-- A request is counted once: with the operation and state that took most of its time
-- behind them. The first row is for all; the others add up to it.
-- @column operation      VARCHAR     -- write, sync or read; any for all
-- @column write_state    VARCHAR     -- as in write_states; unknown when no
--                                       recording tells; any for all
-- @column request_count  BIGINT      -- slow requests that this held up longest
-- @column waited_ms      DOUBLE      -- time of slow requests behind operations in
--                                       this state, added up
-- @column waited_ratio   DOUBLE      -- that time's share of the
--                                       latency of all slow requests
WITH
behind AS (
    SELECT
        s.request_id,
        file_operation(w.operation) AS operation,
        COALESCE(s.write_state, 'unknown') AS write_state,
        SUM(s.segment_ns) AS waited_ns
    FROM request_segments AS s
    INNER JOIN writes AS w ON w.write_id = s.root_write_id
    GROUP BY
        s.request_id, file_operation(w.operation), COALESCE(s.write_state, 'unknown')
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY request_id ORDER BY waited_ns DESC, operation, write_state
        ) AS place
    FROM behind
),
counted AS (
    SELECT
        operation,
        write_state,
        COUNT(*) FILTER (WHERE place = 1) AS request_count,
        SUM(waited_ns) AS waited_ns
    FROM placed
    GROUP BY operation, write_state
    UNION ALL
    SELECT
        'any' AS operation,
        'any' AS write_state,
        COUNT(DISTINCT request_id) AS request_count,
        SUM(waited_ns) AS waited_ns
    FROM behind
    HAVING COUNT(*) > 0
)
SELECT
    c.operation,
    c.write_state,
    c.request_count,
    c.waited_ns / 1e6 AS waited_ms,
    c.waited_ns / 1e6 / t.latency_ms AS waited_ratio
FROM counted AS c
CROSS JOIN (
    SELECT SUM(millionths(latency_ms)) / 1e6 AS latency_ms FROM request_verdicts
) AS t
ORDER BY
    CASE c.operation WHEN 'any' THEN 1 ELSE 2 END,
    waited_ms DESC, c.operation, c.write_state
