-- The recordings in the store: what they hold, when, and on which clock.
--
-- @terminal source_id kind row_count loss_count path | first_time last_time format size_bytes
-- @column source_id      BIGINT    -- number of the recording
-- @column kind           VARCHAR   -- the flag it was given with
-- @column broker         INT       -- the broker that it is of; null when nothing tells
-- @column format         VARCHAR   -- the format that was recognised
-- @column path           VARCHAR   -- where it was read from
-- @column size_bytes     BIGINT    -- bytes read
-- @column row_count      BIGINT    -- rows stored from it
-- @column loss_count     BIGINT    -- things lost in it, with severity warning or error
-- @column first_time     TIMESTAMP -- earliest time in its rows
-- @column last_time      TIMESTAMP -- latest time in its rows
-- @column covered_ratio  DOUBLE    -- part of the requests' time that lies between them
-- @column clock          VARCHAR   -- the clock its times were read on
-- @column clock_offset_ms DOUBLE   -- added to its clock to make wall time
-- @column clock_uncertainty_ms DOUBLE -- how far the offset may be off
-- @column clock_basis    VARCHAR   -- what the offset rests on
SELECT
    s.source_id,
    s.kind,
    s.broker,
    s.format,
    s.path,
    s.size_bytes,
    s.row_count,
    s.loss_count,
    s.first_time,
    s.last_time,
    CAST(overlap_ns(a.start_time, a.end_time, s.first_time, s.last_time) AS DOUBLE)
        / elapsed_ns(a.start_time, a.end_time) AS covered_ratio,
    s.clock,
    s.clock_offset_ns / 1e6 AS clock_offset_ms,
    s.clock_uncertainty_ns / 1e6 AS clock_uncertainty_ms,
    s.clock_basis
FROM sources AS s
LEFT JOIN time_axis AS a ON true
ORDER BY s.source_id
