-- What a thread that stood still was in, by the class of its wait: the mechanism's name, and
-- the root that it is where no file operation is.
--
-- The classes are those of `standings`. Those without a root do not keep a thread from its
-- work: it has none (it polls, sleeps, or reads a socket); or they do not tell.
-- @column wait_class     VARCHAR     -- the class (see standings)
-- @column reason         VARCHAR     -- the mechanism (see reasons); null when it has no name
-- @column root           VARCHAR     -- what it is outside of file operations (see blame); null
--                                       when it is nothing there
-- @column is_lock        BOOLEAN     -- whether whoever woke the thread had what it waited for
SELECT wait_class, CAST(reason AS VARCHAR) AS reason, CAST(root AS VARCHAR) AS root, is_lock
FROM (
    VALUES
    ('journal_handle', 'journal_commit', 'slow_write', FALSE),
    ('journal_buffer', 'journal_commit', 'slow_write', FALSE),
    ('journal_fast_commit', 'journal_commit', 'slow_write', FALSE),
    ('journal_commit_wait', 'journal_commit', 'slow_sync', FALSE),
    ('btrfs_transaction', 'journal_commit', 'slow_write', FALSE),
    ('journal_space', 'journal_wait', 'slow_write', FALSE),
    ('xfs_log_space', 'journal_wait', 'slow_write', FALSE),
    ('xfs_log_buffer', 'journal_wait', 'slow_write', FALSE),
    ('xfs_log_force', 'journal_wait', 'slow_sync', FALSE),
    ('xfs_buffer', 'journal_wait', 'slow_write', FALSE),
    ('xfs_inode_pin', 'journal_wait', 'slow_sync', FALSE),
    ('inode_rwsem', 'inode_lock', 'slow_write', TRUE),
    ('extent_rwsem', 'inode_lock', 'slow_write', TRUE),
    ('mapping_rwsem', 'inode_lock', 'slow_read', TRUE),
    ('directory_rwsem', 'kernel_lock', 'lock_other', TRUE),
    ('mmap_lock', 'kernel_lock', 'lock_other', TRUE),
    ('kernel_rwsem', 'kernel_lock', 'lock_other', TRUE),
    ('kernel_mutex', 'kernel_lock', 'lock_other', TRUE),
    ('file_position', 'kernel_lock', 'lock_other', TRUE),
    ('folio_lock', 'page_lock', 'slow_write', FALSE),
    ('buffer_lock', 'page_lock', 'slow_write', FALSE),
    ('writeback', 'writeback', 'slow_write', FALSE),
    ('dirty_throttle', 'dirty_throttle', 'slow_write', FALSE),
    ('file_fault', 'page_fault', 'slow_read', FALSE),
    ('block_read', 'block_io', 'slow_read', FALSE),
    ('block_write', 'block_io', 'slow_write', FALSE),
    ('block_flush', 'block_io', 'slow_sync', FALSE),
    ('block_io', 'block_io', 'slow_read', FALSE),
    ('block_throttle', 'device_limit', 'slow_write', FALSE),
    ('block_queue', 'device_limit', 'slow_write', FALSE),
    ('direct_reclaim', 'memory_reclaim', 'memory', FALSE),
    ('compaction', 'memory_reclaim', 'memory', FALSE),
    ('memory_limit', 'memory_reclaim', 'memory', FALSE),
    ('swap_read', 'swap', 'memory', FALSE),
    ('page_migration', NULL, 'memory', FALSE),
    ('nfs', 'network_file_system', 'slow_read', FALSE),
    ('fuse', NULL, 'slow_read', FALSE),
    ('file_system_frozen', 'file_system_frozen', 'slow_write', FALSE),
    ('futex', NULL, 'lock_other', TRUE),
    ('kernel_work', NULL, NULL, FALSE),
    ('rcu', NULL, NULL, FALSE),
    ('frozen', NULL, NULL, FALSE),
    ('stopped', NULL, NULL, FALSE),
    ('socket_lock', NULL, NULL, FALSE),
    ('socket_write', NULL, NULL, FALSE),
    ('socket_read', NULL, NULL, FALSE),
    ('socket_accept', NULL, NULL, FALSE),
    ('socket_connect', NULL, NULL, FALSE),
    ('poll', NULL, NULL, FALSE),
    ('pipe', NULL, NULL, FALSE),
    ('eventfd', NULL, NULL, FALSE),
    ('io_uring', NULL, NULL, FALSE),
    ('sleep', NULL, NULL, FALSE),
    ('signal', NULL, NULL, FALSE),
    ('child', NULL, NULL, FALSE),
    ('exit', NULL, NULL, FALSE),
    ('idle', NULL, NULL, FALSE),
    ('journal_commit', NULL, NULL, FALSE),
    ('unknown', NULL, NULL, FALSE)
) AS t (wait_class, reason, root, is_lock)
ORDER BY wait_class
