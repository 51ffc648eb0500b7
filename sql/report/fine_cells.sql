-- How many produce requests, and writes to Kafka's files, took how long when, in steps as short
-- as 10 ms: what a heatmap shows of a part of its time.
--
-- One row a step and class with some. Classes are those of `latency_heatmap` and
-- `write_heatmap`, and steps are the shortest of which there are no more than `max_cells` such
-- rows. Where those of `time_axis` are as short, there is none.
-- @param  max_cells     BIGINT = 10000 -- at most this many rows for requests, and for writes
-- @column what          VARCHAR      -- requests or writes
-- @column start_time    TIMESTAMP    -- start of the step in which they arrived or began
-- @column step_ns       BIGINT       -- its length
-- @column low_ms        DOUBLE       -- shortest duration of the class
-- @column high_ms       DOUBLE       -- end of the class, not part of it
-- @column cell_count    BIGINT       -- requests or writes
WITH
timed AS (
    SELECT 'requests' AS what, arrival_time AS start_time, latency_ns AS took_ns
    FROM recorded_requests
    WHERE api = 'Produce'
        AND latency_ns IS NOT NULL
        AND time_slack_ns IS NOT NULL
    UNION ALL
    SELECT 'writes' AS what, start_time, duration_ns AS took_ns
    FROM writes
    WHERE file_kind = 'log'
        AND operation LIKE '%write%'
),
widths AS (
    SELECT w.width_ns, a.start_time AS axis_time, a.end_time AS axis_end
    FROM (
        SELECT unnest([10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000])
            * 1000000 AS width_ns
    ) AS w
    INNER JOIN time_axis AS a ON w.width_ns < a.step_ns
),
cells AS (
    SELECT
        t.what,
        w.width_ns,
        w.axis_time,
        elapsed_ns(w.axis_time, t.start_time) / w.width_ns AS step,
        floor(4 * log10(GREATEST(t.took_ns, 1000) / 1e6)) AS class,
        COUNT(*) AS cell_count
    FROM timed AS t
    CROSS JOIN widths AS w
    WHERE t.start_time >= w.axis_time
        AND t.start_time < w.axis_end
    GROUP BY
        t.what, w.width_ns, w.axis_time, elapsed_ns(w.axis_time, t.start_time) / w.width_ns,
        floor(4 * log10(GREATEST(t.took_ns, 1000) / 1e6))
),
chosen AS (
    SELECT what, MIN(width_ns) AS width_ns
    FROM (
        SELECT what, width_ns, COUNT(*) AS row_count
        FROM cells
        GROUP BY what, width_ns
    )
    WHERE row_count <= $max_cells
    GROUP BY what
)
SELECT
    c.what,
    add_ns(c.axis_time, c.step * c.width_ns) AS start_time,
    c.width_ns AS step_ns,
    power(10.0, c.class / 4) AS low_ms,
    power(10.0, (c.class + 1) / 4) AS high_ms,
    c.cell_count
FROM cells AS c
INNER JOIN chosen AS s
    ON s.what = c.what
    AND s.width_ns = c.width_ns
ORDER BY c.what, c.step, c.class
