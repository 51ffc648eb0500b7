-- When nothing was recorded of what charts show: gaps of a chart that are none of the load.
--
-- One row a stretch of `time_axis`, a step of it at least, that lies before, behind or
-- between the recordings of one kind of row: between the first and the last row of each it
-- was recorded. What a recording lost in that time is in `losses`.
-- @column what       VARCHAR   -- requests or writes
-- @column start_time TIMESTAMP -- end of the recording before, or the start of the axis
-- @column end_time   TIMESTAMP -- start of the next, or the end of the axis
-- @column gap_s      DOUBLE    -- its length
WITH
covering AS (
    SELECT t.what, s.first_time, s.last_time
    FROM sources AS s
    INNER JOIN (
        SELECT DISTINCT 'requests' AS what, source_id FROM requests
        UNION
        SELECT DISTINCT 'requests' AS what, source_id FROM broker_requests
        UNION
        SELECT DISTINCT 'writes' AS what, source_id FROM writes
    ) AS t ON t.source_id = s.source_id
    WHERE s.first_time IS NOT NULL
),
edges AS (
    SELECT what, first_time, last_time FROM covering
    UNION ALL
    -- Behind the last recording the axis ends.
    SELECT c.what, a.end_time AS first_time, a.end_time AS last_time
    FROM (SELECT DISTINCT what FROM covering) AS c
    CROSS JOIN time_axis AS a
),
reached AS (
    SELECT
        what,
        first_time,
        MAX(last_time) OVER (
            PARTITION BY what
            ORDER BY first_time, last_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time
    FROM edges
),
gaps AS (
    SELECT
        r.what,
        GREATEST(COALESCE(r.reached_time, a.start_time), a.start_time) AS start_time,
        LEAST(r.first_time, a.end_time) AS end_time,
        a.step_ns
    FROM reached AS r
    CROSS JOIN time_axis AS a
)
SELECT what, start_time, end_time, elapsed_ns(start_time, end_time) / 1e9 AS gap_s
FROM gaps
WHERE elapsed_ns(start_time, end_time) >= step_ns
ORDER BY what, start_time
