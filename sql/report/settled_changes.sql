-- What recordings would ask for, but is so on the host already, by the recorded context.
--
-- Each is a change of `asked_changes` that is no row of `advice`.
-- @column change        VARCHAR -- as in `advice`
-- @column present       VARCHAR -- what is set, with where
-- @column request_count BIGINT  -- slow requests that would ask for it
-- @column gain_ratio    DOUBLE  -- the time that they spent on what it is about, as a share
--                                  of the latency of all slow requests
-- @column evidence      VARCHAR -- what the evidence is, in words
-- @column broker        INT     -- the broker; null when nothing tells
SELECT change, present, request_count, gain_ratio, evidence, broker
FROM asked_changes
WHERE is_on
ORDER BY gain_ratio DESC, broker, rank, change, evidence
