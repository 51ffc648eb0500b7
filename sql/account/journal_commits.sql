-- The commits of file systems' journals: whole transactions, and ext4's fast commits.
-- @column function_call_id BIGINT    -- the recorded call
-- @column function       VARCHAR     -- jbd2_journal_commit_transaction,
--                                       or jbd2_fc_begin_commit for a fast commit
-- @column is_fast        BOOLEAN     -- whether it is a fast commit
-- @column start_time     TIMESTAMP   -- start of the commit
-- @column end_time       TIMESTAMP   -- its end
-- @column duration_ns    BIGINT      -- its length
-- @column tid            INT         -- thread that committed
-- @column comm           VARCHAR     -- its name
-- @column device         VARCHAR     -- block device, as major:minor
-- @column transaction    BIGINT      -- journal transaction (jbd2 tid)
-- @column broker         INT         -- the broker on whose host it was; null when nothing tells
SELECT
    function_call_id,
    CAST(function AS VARCHAR) AS function,
    function = 'jbd2_fc_begin_commit' AS is_fast,
    start_time,
    end_time,
    duration_ns,
    tid,
    CAST(comm AS VARCHAR) AS comm,
    CAST(device AS VARCHAR) AS device,
    transaction,
    (SELECT MIN(broker) FROM sources) AS broker
FROM function_calls
WHERE function IN ('jbd2_journal_commit_transaction', 'jbd2_fc_begin_commit')
ORDER BY start_time, function_call_id
