-- What the file operations of followers were doing that requests at another broker waited
-- for (see write_states).
-- @over_brokers
-- @materialized
-- @column write_id       BIGINT      -- the operation
-- @column start_time     TIMESTAMP   -- start of the state
-- @column end_time       TIMESTAMP   -- its end
-- @column write_state    VARCHAR     -- the state
-- @column function_call_id BIGINT    -- the journal's commit or the traced function
-- @column block_io_id    BIGINT      -- the request to the block device
-- @column standing_id    BIGINT      -- the stretch in which its thread stood still
-- @column reason         VARCHAR     -- the mechanism that the state shows (see reasons)
SELECT
    s.write_id, s.start_time, s.end_time, s.write_state, s.function_call_id, s.block_io_id, s.standing_id,
    s.reason
FROM write_states AS s
INNER JOIN followed_roots AS r ON r.write_id = s.write_id
ORDER BY s.write_id, s.start_time
