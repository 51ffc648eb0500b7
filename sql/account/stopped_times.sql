-- Times near the accounted requests in which the broker's process was stopped by a signal
-- (SIGSTOP): none of its threads runs until another signal lets it go on.
--
-- A thread that stands still as `stopped` shows it, for such a signal is the whole process's; one
-- that a debugger stops by itself is `traced`. What several threads show is one time.
-- @materialized
-- @column start_time     TIMESTAMP   -- the first of them was stopped
-- @column end_time       TIMESTAMP   -- the last of them was woken
-- @column standing_id    BIGINT      -- the longest of them: standings.standing_id
WITH
stopped AS (
    SELECT
        s.standing_id,
        s.start_time,
        COALESCE(s.woken_time, s.end_time) AS end_time
    FROM standings AS s
    WHERE s.state = 'stopped'
        AND s.pid IN (SELECT pid FROM broker_processes)
        AND EXISTS (
            SELECT 1
            FROM near_times AS n
            WHERE s.start_time < n.end_time
                AND n.start_time < s.end_time
        )
),
reached AS (
    SELECT
        *,
        MAX(end_time) OVER (
            ORDER BY start_time, end_time, standing_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached_time
    FROM stopped
    WHERE start_time < end_time
),
numbered AS (
    SELECT
        *,
        SUM(CASE WHEN start_time < reached_time THEN 0 ELSE 1 END) OVER (
            ORDER BY start_time, end_time, standing_id ROWS UNBOUNDED PRECEDING
        ) AS stop,
        elapsed_ns(start_time, end_time) AS stood_ns
    FROM reached
),
placed AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY stop ORDER BY stood_ns DESC, standing_id) AS place
    FROM numbered
)
SELECT
    MIN(start_time) AS start_time,
    MAX(end_time) AS end_time,
    MIN(CASE WHEN place = 1 THEN standing_id END) AS standing_id
FROM placed
GROUP BY stop
ORDER BY start_time
