-- Page faults, by the function of the kernel that was traced.
--
-- A thread in one waits for its page, for the disk where the page is a file's, and comes to
-- no safepoint meanwhile.
-- @column function_call_id BIGINT    -- the traced call
-- @column pid            INT         -- its process
-- @column tid            INT         -- its thread
-- @column comm           VARCHAR     -- its thread's name in the kernel
-- @column start_time     TIMESTAMP   -- start of the fault
-- @column end_time       TIMESTAMP   -- its end
SELECT
    function_call_id,
    pid,
    tid,
    CAST(comm AS VARCHAR) AS comm,
    start_time,
    end_time
FROM function_calls
WHERE function IN ('page_fault', 'filemap_fault', 'handle_mm_fault')
ORDER BY start_time, function_call_id
