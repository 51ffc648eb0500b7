-- The rules that say what an accounted request's time was in, strongest first: one row a
-- branch of `explained_times`, which takes from here what its branch does not say.
--
-- No rule concludes from the absence of rows: `meaning` names the row which shows that the
-- request's time was in it. From rank 14 on the time is unexplained, and `left_open` says
-- what is known of it. A new rule is a row here and a branch there.
-- @column branch         VARCHAR     -- the branch of explained_times
-- @column rule           VARCHAR     -- what answers call it; a rule that is stronger in some
--                                       cases has a branch for each
-- @column rank           INT         -- where several cover a moment, the lowest counts
-- @column segment        VARCHAR     -- stage of the request's life (see request_segments);
--                                       null where the branch says which
-- @column root           VARCHAR     -- what the time was in (see blame); null where the
--                                       branch says what
-- @column reason         VARCHAR     -- the mechanism at the root (see reasons); null where the
--                                       branch, or what is at the root, says it
-- @column confidence     DOUBLE      -- how sure the rule is, times that of its rows; null
--                                       where it explains nothing
-- @column is_bounded     BOOLEAN     -- whether a stretch lies inside the stage that the
--                                       broker's own log has for its segment
-- @column meaning        VARCHAR     -- the row that shows it
-- @column left_open      VARCHAR     -- what is known of time that it leaves unexplained
-- @column settled_by     VARCHAR     -- what to record to know more; null where that depends on
--                                       what there is (see why_not)
SELECT
    branch,
    rule,
    CAST(rank AS INT) AS rank,
    segment,
    root,
    CAST(reason AS VARCHAR) AS reason,
    CAST(confidence AS DOUBLE) AS confidence,
    is_bounded,
    meaning,
    left_open,
    settled_by
FROM (
    VALUES
    ('own_write', 'own_write', 1, 'write', 'slow_write', NULL, 1.0, TRUE,
        'the write that carried its records',
        NULL, NULL),
    ('own_sync', 'own_sync', 1, 'sync', 'slow_sync', NULL, 1.0, TRUE,
        'a sync of its handler, between or right beside its own writes to the log (see own_operations)',
        NULL, NULL),
    ('recorded_owner', 'recorded_owner', 2, 'lock_wait', NULL, NULL, 1.0, TRUE,
        'its handler''s lock wait, and the file operation of the thread that the recording names as owner',
        NULL, NULL),
    ('same_log', 'same_log', 2, 'lock_wait', NULL, NULL, 1.0, TRUE,
        'its handler''s lock wait, and another thread''s append to the same log, which is under its monitor',
        NULL, NULL),
    ('same_log_sync', 'same_log_sync', 2, 'lock_wait', NULL, NULL, 1.0, TRUE,
        'its handler''s lock wait, and another thread''s sync of the same log under its monitor',
        NULL, NULL),
    ('owner_waited', 'owner_waited', 2, 'lock_wait', NULL, NULL, 1.0, TRUE,
        'its handler''s lock wait, the lock wait of the owner that the recording names, and what is behind that',
        NULL, NULL),
    ('acquired_before', 'acquired_before', 2, 'lock_wait', NULL, NULL, 1.0, TRUE,
        'its handler''s lock wait, and what the thread was in that took the lock last',
        NULL, NULL),
    ('run_queue_taken', 'run_queue', 2, NULL, 'cpu', 'run_queue', 0.9, FALSE,
        'its handler''s wait for a CPU, begun when the request was there: it was woken to take it',
        NULL, NULL),
    ('run_queue_sample_taken', 'run_queue', 2, 'handler', 'cpu', 'run_queue', 0.7, FALSE,
        'samples of its handler waiting for a CPU, begun when it was done with others: it has the request',
        NULL, NULL),
    ('on_cpu_sample_taken', 'on_cpu_sample', 2, 'handler', 'cpu', 'computing', 0.7, FALSE,
        'samples of its handler one right after another, begun when it was done with others: it has the request',
        NULL, NULL),
    ('all_handlers_busy', 'all_handlers_busy', 3, 'request_queue', NULL, NULL, 0.9, TRUE,
        'what every request handler was in before its own began on it; the root is that of most (see queue_times)',
        'all handlers were busy, most of them in a wait for a lock of unknown holder',
        'the lock''s owner: a JFR recording with jdk.JavaMonitorEnter (async-profiler jfrsync without lock=), or more file operations: kcorr probes file-writes and file-reads'),
    ('pause', 'pause', 4, 'pause', 'pause', NULL, 0.9, FALSE,
        'the stop of the JVM',
        NULL, NULL),
    ('same_log_run', 'same_log_run', 5, 'lock_wait', NULL, 'busy_log', 1.0, TRUE,
        'its handler''s lock wait, and a run of short appends to the log',
        'the lock passed from one append of the same log to the next, in no long one',
        'nothing to record: spread the topic over more partitions, or let producers batch more (linger.ms)'),
    ('flush_held', 'flush_held', 5, 'lock_wait', NULL, NULL, 1.0, TRUE,
        'its handler''s lock wait for the log after another thread''s sync, while nobody else had it yet',
        NULL, NULL),
    ('own_flush_held', 'flush_held', 5, 'sync', 'slow_sync', NULL, 0.7, TRUE,
        'after an own sync, lock waits of others for the log, while nobody else had it yet (see wait_holders)',
        NULL, NULL),
    ('append_returned', 'append_returned', 5, 'lock_wait', NULL, 'run_queue', 1.0, TRUE,
        'its handler''s lock wait, and the holder''s wait for a CPU since its append to the log returned',
        NULL, NULL),
    ('holder_ready', 'acquired_before', 5, 'lock_wait', NULL, 'run_queue', 1.0, TRUE,
        'its handler''s lock wait, and the wait for a CPU of the thread that took the lock last',
        NULL, NULL),
    ('run_queue', 'run_queue', 5, NULL, 'cpu', 'run_queue', 0.9, FALSE,
        'its handler''s wait for a CPU: during its work, right before it, or right after (unless acks=all)',
        NULL, NULL),
    ('lock_wait', 'lock_wait', 6, 'lock_wait', 'lock_other', NULL, 1.0, TRUE,
        'its handler''s lock wait; nothing shows behind what',
        'its handler waited for a lock, and nothing shows what the holder did',
        'the lock''s owner: a JFR recording with jdk.JavaMonitorEnter (async-profiler jfrsync without lock=), or more file operations: kcorr probes file-writes and file-reads'),
    ('append_run', 'append_run', 7, 'lock_wait', 'slow_write', NULL, 0.5, TRUE,
        'its own append began just when another thread''s long append to the log ended, and no wait for any log was recorded then',
        NULL, NULL),
    ('network_thread_busy', 'network_thread_busy', 8, NULL, NULL, NULL, 1.0, TRUE,
        'file operations, waits for a CPU or samples of its connection''s network thread, or of all, begun before it could be read, or ending when its handler began or its response left',
        NULL, NULL),
    ('network_thread_matches', 'network_thread_matches', 8, NULL, 'cpu', NULL, 0.6, TRUE,
        'waits for a CPU of a network thread from when the request could be read to when its handler began, or from when that was done to when the response left',
        NULL, NULL),
    ('response_bytes', 'response_bytes', 10, 'response', 'response', NULL, 1.0, FALSE,
        'the bytes of its response on the wire',
        NULL, NULL),
    ('follower_fetch', 'follower_fetch', 11, 'remote', 'remote', NULL, 0.9, TRUE,
        'acks=all: the fetch by which the last follower showed that it had the records, and its answer (see replication)',
        NULL, NULL),
    ('request_log', 'request_log', 12, NULL, NULL, NULL, 0.9, TRUE,
        'the broker''s own log: remote, throttled; response where rows show what kept its network thread for most of that stage',
        NULL, NULL),
    ('run_queue_sample', 'run_queue', 13, 'handler', 'cpu', 'run_queue', 0.7, FALSE,
        'samples of its handler waiting for a CPU, one right after another, during its work or up to its beginning',
        NULL, NULL),
    ('on_cpu_sample', 'on_cpu_sample', 13, 'handler', 'cpu', 'computing', 0.7, FALSE,
        'samples of its handler one right after another, during its work or up to its beginning (see handler_samples)',
        NULL, NULL),
    ('request_log_contradicts', 'request_log_contradicts', 14, 'unexplained', 'unexplained', NULL, NULL, FALSE,
        'another rule explains it, but the broker''s own log has the request in another stage then',
        'other rows explain it, but the broker''s own log has it in another stage then',
        'nothing to record: see kcorr clocks, and whether log and capture are of one broker'),
    ('handler_working', 'handler_working', 15, 'handler', 'unexplained', NULL, NULL, FALSE,
        'its handler was at work on it, in no recorded row',
        'its handler was at work on it, but in no recorded wait or write', NULL),
    ('request_log_open', 'request_log', 16, NULL, 'unexplained', NULL, NULL, FALSE,
        'the broker''s log has it unread, in the queue, in the handler, or waiting for its response to leave',
        'the broker''s own log has it unread, in the queue or in the handler', NULL),
    ('own_write_unknown', 'own_write_unknown', 20, 'unexplained', 'unexplained', NULL, NULL, FALSE,
        'no write was found that carried its records',
        'the write of its records was not found, so its handler is unknown', NULL),
    ('before_first_write', 'before_first_write', 20, 'unexplained', 'unexplained', NULL, NULL, FALSE,
        'no row before its handler''s first',
        'it was read, but its handler shows no wait or write for it yet', NULL),
    ('some_writes_unknown', 'some_writes_unknown', 20, 'unexplained', 'unexplained', NULL, NULL, FALSE,
        'no write was found for some of its topic-partitions',
        'the writes of some of its topic-partitions were not found', NULL),
    ('write_unsure', 'write_unsure', 20, 'unexplained', 'unexplained', NULL, NULL, FALSE,
        'its write was found by size and time alone',
        'appended, if the write found by size and time alone is its own',
        'give the log segments, which match by offset: --segments DIR'),
    ('followers_unseen', 'followers_unseen', 20, 'unexplained', 'unexplained', NULL, NULL, FALSE,
        'acks=all, and no fetch of a follower',
        'acks=all: appended, and no fetch of a follower was captured',
        'capture the replication listener too (all broker ports), or give --request-log'),
    ('acks_unknown', 'acks_unknown', 20, 'unexplained', 'unexplained', NULL, NULL, FALSE,
        'its acks were not captured',
        'appended, and its acks are not known', NULL),
    ('after_last_write', 'after_last_write', 20, 'unexplained', 'unexplained', NULL, NULL, FALSE,
        'no row after its last',
        'appended and handled, and nothing shows when its response was ready or sent', NULL)
) AS t (
    branch, rule, rank, segment, root, reason, confidence, is_bounded, meaning, left_open, settled_by
)
ORDER BY rank, branch
