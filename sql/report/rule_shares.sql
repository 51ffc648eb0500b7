-- The rules that the time of the slow requests rests on, and what shows it by each.
--
-- What a rule is stands in `rules`; behind an earlier request of its connection a
-- request's time rests on that request's rules.
-- @column rule           VARCHAR     -- the rule; null for what needs none: bytes that were
--                                       still arriving
-- @column meaning        VARCHAR     -- the row that shows it
-- @column told_ms        DOUBLE      -- time of slow requests that rests on it, added up
-- @column told_ratio     DOUBLE      -- that time's share of the
--                                       latency of all slow requests; what they asked to
--                                       wait counts in neither
-- @column request_count  BIGINT      -- slow requests with some of it
-- @column confidence     DOUBLE      -- how sure it is, by time, 0 to 1;
--                                       null when it explains nothing
WITH
told AS (
    SELECT
        rule,
        COUNT(DISTINCT request_id) AS request_count,
        SUM(segment_ns) AS told_ns,
        SUM(millionths(segment_ns / 1e6 * confidence)) / CAST(SUM(segment_ns) AS DOUBLE)
            AS confidence
    FROM request_segments
    WHERE root <> 'requested_wait'
    GROUP BY rule
),
meanings AS (
    SELECT rule, FIRST_VALUE(meaning ORDER BY rank, branch) AS meaning
    FROM rules
    GROUP BY rule
),
total AS (
    SELECT CAST(SUM(latency_ns - requested_wait_ns) AS DOUBLE) AS latency_ns
    FROM accounted_requests
    WHERE is_slow
)
SELECT
    t.rule,
    m.meaning,
    t.told_ns / 1e6 AS told_ms,
    t.told_ns / a.latency_ns AS told_ratio,
    t.request_count,
    t.confidence
FROM told AS t
CROSS JOIN total AS a
LEFT JOIN meanings AS m ON m.rule = t.rule
ORDER BY told_ms DESC, t.rule
