-- In which functions of the kernel threads stood still while they were in a write, by stacks
-- of off-CPU time.
--
-- A stack is in a write when it has a frame of write(2), of the VFS's or of a file
-- system's (short stacks have no more), and none of a read, a sync, a page fault, an open(2)
-- or the kernel's own writeback and journal. Its functions are the three innermost frames that are not the scheduler's. Sums
-- without times of their own are enough: they say where most of the time went, not of which
-- write.
-- @param  max_places   BIGINT = 10     -- at most this many
-- @column functions    VARCHAR         -- innermost first
-- @column weight_ms    DOUBLE          -- time in them
-- @column weight_ratio DOUBLE          -- its share of all off-CPU time in writes
-- @column sample_count BIGINT          -- stretches off the CPU
WITH
waits AS (
    SELECT
        array_to_string(
            array_slice(
                array_except(
                    s.frames,
                    [
                        'schedule', '__schedule', '__schedule+0', 'schedule_timeout',
                        'schedule_preempt_disabled', 'io_schedule', 'io_schedule_timeout',
                        '__cond_resched', 'preempt_schedule_common', 'finish_task_switch',
                        'finish_task_switch.isra.0', 'bit_wait', 'bit_wait_io', 'out_of_line_wait_on_bit',
                        '__wait_on_bit', '__wait_on_bit_lock'
                    ]
                ),
                1, 3
            ),
            ' ← '
        ) AS functions,
        x.weight_ns,
        x.sample_count
    FROM stack_samples AS x
    INNER JOIN stacks AS s ON s.stack_id = x.stack_id
    WHERE x.state = 'off_cpu'
        AND array_to_string(s.frames, ' ') ~ '(vfs|ksys|sys)_p?write|file_write_iter|perform_write|(ext4|xfs|btrfs|jbd2)_'
        AND array_to_string(s.frames, ' ')
            !~ '(vfs|ksys|sys)_p?read|file_read_iter|filemap_read|fsync|fdatasync|msync|kjournald2|wb_workfn|sys_open|page_fault'
),
places AS (
    SELECT
        functions,
        SUM(weight_ns) / 1e6 AS weight_ms,
        CAST(SUM(weight_ns) AS DOUBLE) / NULLIF(SUM(SUM(weight_ns)) OVER (), 0) AS weight_ratio,
        SUM(sample_count) AS sample_count
    FROM waits
    WHERE functions <> ''
    GROUP BY functions
)
SELECT functions, weight_ms, weight_ratio, sample_count
FROM places
ORDER BY weight_ms DESC, functions
LIMIT $max_places
