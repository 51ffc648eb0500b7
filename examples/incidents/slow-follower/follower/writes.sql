-- The follower's long writes, and how long its file system's journal was committing meanwhile.
SELECT thread_name, file, CAST(duration_ms AS INT) AS duration_ms, CAST(commit_ms AS INT) AS commit_ms
FROM slow_writes
WHERE operation = 'write'
    AND duration_ms >= 100
ORDER BY start_time
