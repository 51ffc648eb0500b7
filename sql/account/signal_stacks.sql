-- The kernel's stacks of whoever sends a signal to a thread.
--
-- A profiler does so many times a second, to each thread: what the thread waited for, such as a
-- lock, the sender never had. The thread sees to the signal, and waits on.
-- @materialized
-- @column stack_id       BIGINT      -- the stack: standings.waker_stack_id
SELECT stack_id
FROM stacks
WHERE array_has(frames, 'complete_signal')
    OR array_has(frames, '__send_signal_locked')
    OR array_has(frames, 'signal_wake_up_state')
ORDER BY stack_id
