-- Who waited for whom, as pairs of slices: the arrows of a timeline viewer.
--
-- Kinds and ids are those of `trace_slices`. A pair is listed once, with its time over
-- all slow requests.
-- @column flow_id        BIGINT      -- number of the pair, from 1
-- @column waiter_kind    VARCHAR     -- request, lock_wait or write
-- @column waiter_id      BIGINT      -- its id
-- @column blocker_kind   VARCHAR     -- request, lock_wait, write, pause,
--                                       function_call or block_io
-- @column blocker_id     BIGINT      -- its id
-- @column wait_ms        DOUBLE      -- how long it waited for it
SELECT
    ROW_NUMBER() OVER (ORDER BY waiter_kind, waiter_id, blocker_kind, blocker_id) AS flow_id,
    waiter_kind,
    waiter_id,
    blocker_kind,
    blocker_id,
    SUM(wait_ns) / 1e6 AS wait_ms
FROM wait_edges
GROUP BY waiter_kind, waiter_id, blocker_kind, blocker_id
ORDER BY flow_id
