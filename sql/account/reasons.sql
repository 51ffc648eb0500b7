-- The mechanisms that a verdict's `reason` names: what made the root of it slow.
--
-- A reason is proved by a row, which `shown_by` names, or it is null. What one root was
-- in by turns has its reasons with their shares in `reasons` of blame.
-- @column reason         VARCHAR     -- its name
-- @column roots          VARCHAR     -- the roots (see blame) that it may be at, separated by
--                                       spaces
-- @column meaning        VARCHAR     -- what happened
-- @column shown_by       VARCHAR     -- the row that shows it
SELECT *
FROM (
    VALUES
    ('journal_commit', 'slow_write slow_sync slow_read',
        'the file system''s journal was committing, and the operation waited for it',
        'journal commits over more than half of the operation (jbd2, journal probe)'),
    ('journal_wait', 'slow_write slow_sync slow_read',
        'the operation was in a function of the file system''s journal or inode',
        'a traced function of its thread (ext4slower-like probes, xfs-log)'),
    ('block_io', 'slow_write slow_sync slow_read',
        'the operation waited for the block device',
        'a request of its thread at the device (block-io probe)'),
    ('sendfile', 'slow_read',
        'a network thread sent records from a file, and served none of its other connections meanwhile',
        'a sendfile of that thread (file-reads probe), and what tells the connection''s thread (network probe)'),
    ('log_flush', 'slow_sync',
        'a log was flushed to the disk: flush.messages, flush.ms, or a roll',
        'the sync of a file of a log'),
    ('segment_roll', 'slow_sync',
        'a new segment was begun, and the producer snapshot synced before it',
        'the sync of a producer snapshot'),
    ('busy_log', 'lock_other',
        'a log''s monitor passed from one short append to the next',
        'a run of appends to the log'),
    ('run_queue', 'cpu slow_write slow_sync slow_read',
        'a thread was runnable and no CPU was free for it',
        'its wait in the run queue (run-queue probe), or samples of it in that state'),
    ('computing', 'cpu slow_write slow_sync slow_read',
        'a thread computed',
        'samples of it on a CPU, one right after another'),
    ('late_follower_answer', 'remote',
        'the leader had not answered a follower''s fetch, so that it had not got the records',
        'the follower''s fetch before the one that showed it to have them'),
    ('slow_follower', 'remote',
        'a follower had got the records, or could have, and did not fetch again',
        'its fetch that showed it to have them, and the answer to the one before'),
    ('unprocessed_fetch', 'remote',
        'a follower''s fetch showed it to have the records, and the leader had not processed that',
        'that fetch, and its answer or the request''s own'),
    ('retransmission', 'receive response',
        'bytes of the request or of its response were lost on the network, and sent again',
        'bytes that were sent again, of which the receiver says or the capture shows that they had not arrived'),
    ('client_window', 'response',
        'the client took no more bytes: it did not read, or its receive buffer is small',
        'its closed or full TCP window with more of the response to come'),
    ('broker_window', 'receive',
        'the broker took no more bytes: it did not read, or its receive buffer is small',
        'its closed or full TCP window with more of the request to come'),
    ('client_slow', 'receive',
        'the client''s program had not given its system the rest of the request',
        'acknowledged bytes and an open TCP window with more of the request to come'),
    ('broker_slow', 'response',
        'the broker had not given its system the rest of the response',
        'acknowledged bytes and an open TCP window with more of the response to come'),
    ('client_quota', 'throttled',
        'the broker held the client back for a quota',
        'the throttle time of a response, or of the broker''s own log')
) AS t (reason, roots, meaning, shown_by)
ORDER BY reason
