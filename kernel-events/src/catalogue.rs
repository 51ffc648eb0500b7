//! The programs of the object, what each is attached to, and for which probes it is needed.

use crate::probe::Probe;
use crate::probe::Probe::{
    BlockIo, FileReads, FileWrites, Journal, Memory, Network, RunQueue, Standing, XfsLog,
};

/// A program of `bpf/`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    /// Its function in C, and those that do the same for other kernels; the first that loads is taken.
    pub(crate) functions: &'static [&'static str],
    pub(crate) hook: Hook,
    /// The probes that need it.
    pub(crate) probes: &'static [Probe],
    /// Whether the probes are worth something without it.
    pub(crate) is_optional: bool,
}

/// Where a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    /// A tracepoint by its name; the first that the kernel has.
    Tracepoint(&'static [&'static str]),
    /// A page fault that read from a disk.
    MajorFault,
}

const fn program(
    function: &'static [&'static str],
    tracepoint: &'static [&'static str],
    probes: &'static [Probe],
) -> Program {
    Program {
        functions: function,
        hook: Hook::Tracepoint(tracepoint),
        probes,
        is_optional: false,
    }
}

const fn optional(program: Program) -> Program {
    Program {
        is_optional: true,
        ..program
    }
}

const FILES: &[Probe] = &[FileWrites, FileReads, XfsLog, Network];
const OPERATIONS: &[Probe] = &[FileWrites, FileReads, XfsLog];

/// All programs. Those that end something stand before those that begin it, so that nothing is begun whose end
/// is not seen.
pub(crate) const PROGRAMS: &[Program] = &[
    program(&["leave"], &["sys_exit"], OPERATIONS),
    program(&["enter"], &["sys_enter"], FILES),
    // Journal.
    program(&["end_commit"], &["jbd2_end_commit"], &[Journal]),
    program(&["log_commit"], &["jbd2_commit_logging"], &[Journal]),
    program(&["flush_commit"], &["jbd2_commit_flushing"], &[Journal]),
    program(&["lock_commit"], &["jbd2_commit_locking"], &[Journal]),
    program(&["start_commit"], &["jbd2_start_commit"], &[Journal]),
    optional(program(
        &["stop_fast_commit"],
        &["ext4_fc_commit_stop"],
        &[Journal],
    )),
    optional(program(
        &["start_fast_commit"],
        &["ext4_fc_commit_start"],
        &[Journal],
    )),
    program(&["end_handle"], &["jbd2_handle_stats"], &[Journal]),
    program(&["have_handle"], &["jbd2_handle_start"], &[Journal]),
    optional(program(
        &["start_handle_inode"],
        &["ext4_journal_start_inode"],
        &[Journal],
    )),
    // Until Linux 6.2 there was one for both.
    program(
        &["start_handle_super"],
        &["ext4_journal_start_sb", "ext4_journal_start"],
        &[Journal],
    ),
    optional(program(
        &["start_handle_reserved"],
        &["ext4_journal_start_reserved"],
        &[Journal],
    )),
    program(
        &["stall_on_buffer"],
        &["jbd2_lock_buffer_stall"],
        &[Journal],
    ),
    // XFS.
    program(&["wake_for_grant"], &["xfs_log_grant_wake"], &[XfsLog]),
    program(&["sleep_for_grant"], &["xfs_log_grant_sleep"], &[XfsLog]),
    program(&["have_reservation"], &["xfs_log_reserve_exit"], &[XfsLog]),
    program(&["ask_for_reservation"], &["xfs_log_reserve"], &[XfsLog]),
    program(&["sync_file"], &["xfs_file_fsync"], &[XfsLog]),
    program(&["force_log"], &["xfs_log_force"], &[XfsLog]),
    // Threads.
    program(
        &["change", "change_5_17"],
        &["sched_switch"],
        &[RunQueue, Standing],
    ),
    program(&["wake"], &["sched_waking"], &[Standing]),
    program(&["wake_up"], &["sched_wakeup"], &[RunQueue]),
    program(&["wake_up_new"], &["sched_wakeup_new"], &[RunQueue]),
    optional(program(
        &["end_writing_back"],
        &["writeback_written"],
        &[Standing],
    )),
    optional(program(
        &["start_writing_back"],
        &["writeback_start"],
        &[Standing],
    )),
    // Memory.
    program(
        &["end_reclaim"],
        &["mm_vmscan_direct_reclaim_end"],
        &[Memory],
    ),
    program(
        &["begin_reclaim"],
        &["mm_vmscan_direct_reclaim_begin"],
        &[Memory],
    ),
    optional(program(
        &["end_group_reclaim"],
        &["mm_vmscan_memcg_reclaim_end"],
        &[Memory],
    )),
    optional(program(
        &["begin_group_reclaim"],
        &["mm_vmscan_memcg_reclaim_begin"],
        &[Memory],
    )),
    optional(program(
        &["end_compaction"],
        &["mm_compaction_end"],
        &[Memory],
    )),
    optional(program(
        &["begin_compaction"],
        &["mm_compaction_begin"],
        &[Memory],
    )),
    // What reads more arguments than there are is refused, so the one with more comes first.
    program(
        &["balance_dirty_6_12", "balance_dirty"],
        &["balance_dirty_pages"],
        &[Memory],
    ),
    optional(Program {
        functions: &["end_fault"],
        hook: Hook::MajorFault,
        probes: &[Memory],
        is_optional: true,
    }),
    optional(program(
        &["begin_user_fault"],
        &["page_fault_user"],
        &[Memory],
    )),
    optional(program(
        &["begin_kernel_fault"],
        &["page_fault_kernel"],
        &[Memory],
    )),
    // Block devices.
    program(&["complete_request"], &["block_rq_complete"], &[BlockIo]),
    program(&["merge_request"], &["block_rq_merge"], &[BlockIo]),
    program(&["issue_request"], &["block_rq_issue"], &[BlockIo]),
    program(&["insert_request"], &["block_rq_insert"], &[BlockIo]),
];
