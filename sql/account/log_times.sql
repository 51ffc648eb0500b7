-- The stretches of time in which the appends to each log of the accounted requests tell
-- which is whose.
--
-- Two seconds around each request: other requests' appends in them tell the order.
-- @materialized
-- @column topic          VARCHAR     -- topic of the log
-- @column partition      INT         -- its partition
-- @column start_time     TIMESTAMP   -- start of the stretch
-- @column end_time       TIMESTAMP   -- its end
WITH
reaches AS (
    SELECT
        p.topic,
        p.partition,
        add_ns(a.arrival_time, CAST(-2e9 AS BIGINT)) AS start_time,
        add_ns(a.end_time, CAST(2e9 AS BIGINT)) AS end_time
    FROM accounted_requests AS a
    INNER JOIN recorded_partitions AS p ON p.request_id = a.request_id
    WHERE a.api = 'Produce'
        AND a.time_slack_ns <= 5000000
),
reached AS (
    SELECT
        *,
        MAX(end_time) OVER (
            PARTITION BY topic, partition
            ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time
    FROM reaches
),
numbered AS (
    SELECT
        *,
        SUM(CASE WHEN start_time <= reached_time THEN 0 ELSE 1 END) OVER (
            PARTITION BY topic, partition
            ORDER BY start_time, end_time
            ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM reached
)
SELECT topic, partition, MIN(start_time) AS start_time, MAX(end_time) AS end_time
FROM numbered
GROUP BY topic, partition, stretch
ORDER BY topic, partition, start_time
