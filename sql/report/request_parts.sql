-- What one slow request's time was in, cause by cause, the longest first: why it is that cause
-- and no other.
--
-- @param  request_id     BIGINT      -- the request
-- @column place          BIGINT      -- 1 is the verdict
-- @column cause          VARCHAR     -- as in blame
-- @column part_ms        DOUBLE      -- time in it, added up
-- @column part_ratio     DOUBLE      -- its share in the latency
-- @column confidence     DOUBLE      -- how sure it is, by time
-- @column rule           VARCHAR     -- what shows it, for most of it
-- @column meaning        VARCHAR     -- the row that shows it
-- @column left_open      VARCHAR     -- what is known of time that nothing explains
-- @column settled_by     VARCHAR     -- what to record to know more of that
-- @column start_time     TIMESTAMP   -- when it was in it first
WITH
parts AS (
    SELECT
        cause,
        rule,
        SUM(segment_ns) AS part_ns,
        SUM(segment_ns * confidence) AS sure_ns,
        MIN(start_time) AS start_time,
        ROW_NUMBER() OVER (PARTITION BY cause ORDER BY SUM(segment_ns) DESC, rule) AS place
    FROM request_segments
    WHERE request_id = $request_id
    GROUP BY cause, rule
),
causes AS (
    SELECT
        cause,
        SUM(part_ns) AS part_ns,
        SUM(sure_ns) AS sure_ns,
        MIN(start_time) AS start_time,
        MIN(CASE WHEN place = 1 THEN rule END) AS rule
    FROM parts
    GROUP BY cause
),
told_rules AS (
    SELECT rule, MIN(meaning) AS meaning
    FROM rules
    GROUP BY rule
)
SELECT
    c.place,
    p.cause,
    p.part_ns / 1e6 AS part_ms,
    CAST(p.part_ns AS DOUBLE) / a.latency_ns AS part_ratio,
    CASE WHEN p.cause <> 'unexplained' THEN p.sure_ns / p.part_ns END AS confidence,
    p.rule,
    r.meaning,
    w.reason AS left_open,
    w.recording AS settled_by,
    p.start_time
FROM causes AS p
INNER JOIN accounted_requests AS a ON a.request_id = $request_id
INNER JOIN request_causes AS c
    ON c.request_id = $request_id
    AND c.cause = p.cause
LEFT JOIN told_rules AS r ON r.rule = p.rule
LEFT JOIN recorded_requests AS q ON q.request_id = $request_id
LEFT JOIN sources AS s ON s.source_id = q.source_id
LEFT JOIN why_not AS w
    ON w.rule = p.rule
    AND w.broker IS NOT DISTINCT FROM s.broker
ORDER BY c.place
