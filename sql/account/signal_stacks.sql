-- The wakers' kernel stacks that do not show that who woke a thread had what it waited for: of whoever sends
-- it a signal, and those that are not in the recordings any more.
--
-- A profiler sends signals many times a second, to each thread: what the thread waited for, such as a
-- lock, the sender never had. The thread sees to the signal, and waits on.
-- @materialized
-- @column stack_id       BIGINT      -- the stack: standings.waker_stack_id
SELECT w.stack_id
FROM (
    SELECT DISTINCT waker_stack_id AS stack_id
    FROM standings
    WHERE waker_stack_id IS NOT NULL
) AS w
LEFT JOIN stacks AS k ON k.stack_id = w.stack_id
WHERE k.stack_id IS NULL
    OR array_has(k.frames, 'complete_signal')
    OR array_has(k.frames, '__send_signal_locked')
    OR array_has(k.frames, 'signal_wake_up_state')
ORDER BY w.stack_id
