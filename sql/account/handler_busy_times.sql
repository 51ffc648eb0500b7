-- When each request handler was busy, by rows that overlap or follow each other at once.
--
-- A request whose handler was busy with others all the time until it began on this one was in
-- the queue, whatever the other handlers did.
-- @materialized
-- @param  handoff_ms     DOUBLE = 1  -- a thread appends this soon after a monitor wait
-- @column tid            INT         -- the handler
-- @column start_time     TIMESTAMP   -- start of the stretch
-- @column end_time       TIMESTAMP   -- its end
WITH
reached AS (
    SELECT
        tid, start_time, end_time,
        MAX(end_time) OVER (
            PARTITION BY tid
            ORDER BY start_time, end_time
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time
    FROM handler_states
),
numbered AS (
    SELECT
        tid, start_time, end_time,
        SUM(CASE
            WHEN elapsed_ns(reached_time, start_time) <= $handoff_ms * 1e6 THEN 0
            ELSE 1
        END) OVER (
            PARTITION BY tid ORDER BY start_time, end_time ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM reached
)
SELECT tid, MIN(start_time) AS start_time, MAX(end_time) AS end_time
FROM numbered
GROUP BY tid, stretch
ORDER BY tid, start_time
