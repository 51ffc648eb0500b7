-- How many writes to Kafka's files took how long when: the cells of a heatmap.
--
-- One row a step of `time_axis` and duration class with writes. Four classes make a
-- factor of ten.
-- @column start_time    TIMESTAMP    -- start of the step that the writes began in
-- @column end_time      TIMESTAMP    -- its end
-- @column low_ms        DOUBLE       -- lowest duration of the class
-- @column high_ms       DOUBLE       -- end of the class, not part of it
-- @column write_count   BIGINT       -- writes
WITH
classed AS (
    SELECT
        a.start_time AS axis_time,
        a.step_ns,
        elapsed_ns(a.start_time, w.start_time) / a.step_ns AS step,
        floor(4 * log10(GREATEST(w.duration_ns, 1000) / 1e6)) AS class
    FROM writes AS w
    CROSS JOIN time_axis AS a
    WHERE w.file_kind = 'log'
        AND w.operation LIKE '%write%'
        AND w.start_time >= a.start_time
        AND w.start_time < a.end_time
)
SELECT
    add_ns(axis_time, step * step_ns) AS start_time,
    add_ns(axis_time, (step + 1) * step_ns) AS end_time,
    power(10.0, class / 4) AS low_ms,
    power(10.0, (class + 1) / 4) AS high_ms,
    COUNT(*) AS write_count
FROM classed
GROUP BY axis_time, step_ns, step, class
ORDER BY start_time, low_ms
