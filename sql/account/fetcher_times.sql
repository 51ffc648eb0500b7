-- When requests at other brokers waited for this one, which follows them: the stretches of
-- followed_times that are of this broker, merged where they overlap.
-- @materialized
-- @column start_time     TIMESTAMP   -- start of the stretch
-- @column end_time       TIMESTAMP   -- its end
WITH
reached AS (
    SELECT
        t.start_time,
        t.end_time,
        MAX(t.end_time) OVER (
            ORDER BY t.start_time, t.end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time
    FROM followed_times AS t
    INNER JOIN (SELECT MIN(broker) AS broker FROM sources) AS b ON b.broker = t.broker
),
numbered AS (
    SELECT
        start_time,
        end_time,
        SUM(CASE WHEN start_time <= reached_time THEN 0 ELSE 1 END) OVER (
            ORDER BY start_time, end_time
            ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM reached
)
SELECT
    MIN(start_time) AS start_time,
    MAX(end_time) AS end_time
FROM numbered
GROUP BY stretch
ORDER BY start_time
