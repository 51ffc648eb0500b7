//! What the programs see. Times are ns of `CLOCK_MONOTONIC`; numbers of processes and threads are the host's.

use std::net::SocketAddr;

/// A thread, as it was called at the event's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task<'a> {
    /// Its process.
    pub pid: u32,
    /// The thread itself; 0 is the CPU's idle thread.
    pub tid: u32,
    /// Its name, at most 15 bytes.
    pub comm: &'a [u8],
}

/// An event that was recorded.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A read, write or sync of a file.
    FileOperation(FileOperation<'a>),
    /// A call of a function of the kernel.
    Call(Call<'a>),
    /// A wait of a runnable thread for a CPU.
    RunQueueWait(RunQueueWait<'a>),
    /// A stretch in which a thread did not run.
    Standing(Standing<'a>),
    /// A request to a block device.
    BlockRequest(BlockRequest<'a>),
    /// A thread that uses a connection.
    ConnectionThread(ConnectionThread<'a>),
}

/// A system call on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOperation<'a> {
    /// Entry to the call.
    pub start_ns: u64,
    /// Exit from it.
    pub end_ns: u64,
    /// Who called.
    pub task: Task<'a>,
    /// Which call.
    pub operation: Operation,
    /// What it returned: bytes, or an error's number, negative.
    pub result: i64,
    /// Where in the file it began; of syncs there is none.
    pub offset: Option<i64>,
    /// The file; of msync there is none.
    pub file: Option<File<'a>>,
}

/// A file by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File<'a> {
    /// The last part of its directory's name.
    pub directory: &'a [u8],
    /// Bytes of the directory's name.
    pub directory_bytes: u32,
    /// Its own name.
    pub name: &'a [u8],
    /// Bytes of its name.
    pub name_bytes: u32,
    /// The file system's number in its superblock; of files of a standing thread it is 0.
    pub file_system: u64,
}

/// System calls on files, in the order of `bpf/system_calls.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the calls' names")]
pub enum Operation {
    Write,
    Writev,
    Pwrite,
    Pwritev,
    Fsync,
    Fdatasync,
    Msync,
    Read,
    Readv,
    Pread,
    Preadv,
    Sendfile,
}

impl Operation {
    pub(crate) const ALL: [Self; 12] = [
        Self::Write,
        Self::Writev,
        Self::Pwrite,
        Self::Pwritev,
        Self::Fsync,
        Self::Fdatasync,
        Self::Msync,
        Self::Read,
        Self::Readv,
        Self::Pread,
        Self::Preadv,
        Self::Sendfile,
    ];

    /// Its word in `writes.operation`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Writev => "writev",
            Self::Pwrite => "pwrite",
            Self::Pwritev => "pwritev",
            Self::Fsync => "fsync",
            Self::Fdatasync => "fdatasync",
            Self::Msync => "msync",
            Self::Read => "read",
            Self::Readv => "readv",
            Self::Pread => "pread",
            Self::Preadv => "preadv",
            Self::Sendfile => "sendfile",
        }
    }

    /// Whether it hands nothing over but waits for what was.
    pub fn is_sync(self) -> bool {
        matches!(self, Self::Fsync | Self::Fdatasync | Self::Msync)
    }
}

/// A call of a function of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// When it began.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: u64,
    /// Who called.
    pub task: Task<'a>,
    /// What was called.
    pub function: Function,
    /// The file system's device, by the kernel's number.
    pub device: Option<u32>,
    /// The journal's transaction.
    pub transaction: Option<u32>,
}

/// Functions of the kernel, in the order of `bpf/state.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// A commit of ext4's journal.
    Commit,
    /// Its first phase, which waits for handles.
    CommitLocking,
    /// Its second, which writes file data.
    CommitFlushing,
    /// Its third, which writes the journal.
    CommitLogging,
    /// A fast commit.
    FastCommit,
    /// A wait for a handle of a transaction.
    Handle,
    /// A wait for a buffer that is being written.
    BufferStall,
    /// A wait for space in XFS's log.
    LogGrant,
    /// A reservation in XFS's log.
    LogReserve,
    /// A sync of a file on XFS.
    XfsSync,
    /// A log force of a sync.
    LogForce,
    /// Memory is reclaimed.
    Reclaim,
    /// Memory of a control group is reclaimed.
    GroupReclaim,
    /// Pages are moved together.
    Compaction,
    /// A writer pauses because of too many dirty pages.
    DirtyPages,
    /// A page fault that read from a disk.
    PageFault,
}

impl Function {
    pub(crate) const ALL: [Self; 16] = [
        Self::Commit,
        Self::CommitLocking,
        Self::CommitFlushing,
        Self::CommitLogging,
        Self::FastCommit,
        Self::Handle,
        Self::BufferStall,
        Self::LogGrant,
        Self::LogReserve,
        Self::XfsSync,
        Self::LogForce,
        Self::Reclaim,
        Self::GroupReclaim,
        Self::Compaction,
        Self::DirtyPages,
        Self::PageFault,
    ];

    /// The function's name in the kernel; phases of a commit have those of their tracepoints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "jbd2_journal_commit_transaction",
            Self::CommitLocking => "jbd2_commit_locking",
            Self::CommitFlushing => "jbd2_commit_flushing",
            Self::CommitLogging => "jbd2_commit_logging",
            Self::FastCommit => "ext4_fc_commit",
            Self::Handle => "start_this_handle",
            Self::BufferStall => "do_get_write_access",
            Self::LogGrant => "xlog_grant_head_wait",
            Self::LogReserve => "xfs_log_reserve",
            Self::XfsSync => "xfs_file_fsync",
            Self::LogForce => "xfs_log_force",
            Self::Reclaim => "try_to_free_pages",
            Self::GroupReclaim => "try_to_free_mem_cgroup_pages",
            Self::Compaction => "compact_zone",
            Self::DirtyPages => "balance_dirty_pages",
            Self::PageFault => "handle_mm_fault",
        }
    }

    /// Whether it is part of a commit, which the kernel's own threads do for everybody.
    pub fn is_of_commit(self) -> bool {
        matches!(
            self,
            Self::Commit | Self::CommitLocking | Self::CommitFlushing | Self::CommitLogging
        )
    }
}

/// A wait of a runnable thread for a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunQueueWait<'a> {
    /// When it could run.
    pub start_ns: u64,
    /// When it ran.
    pub end_ns: u64,
    /// The thread.
    pub task: Task<'a>,
}

/// A stretch in which a thread did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing<'a> {
    /// When it left the CPU; none when it may have run unseen since.
    pub start_ns: Option<u64>,
    /// When it was woken, if that was seen.
    pub woken_ns: Option<u64>,
    /// When it ran again.
    pub end_ns: u64,
    /// The thread.
    pub task: Task<'a>,
    /// `prev_state` of the tracepoint sched:sched_switch.
    pub state: u32,
    /// The system call that it is in, by its number on x86-64.
    pub call: Option<i32>,
    /// The call's first argument.
    pub argument: u64,
    /// Of futex: whether the call ends by itself after a time.
    pub is_timed: bool,
    /// The regular file of the call.
    pub file: Option<StandingFile<'a>>,
    /// Whether its control group had no CPU time; none where the kernel knows no quotas.
    pub is_throttled: Option<bool>,
    /// Who woke it, or what thread the interrupt came upon that did; 0 is the idle thread.
    pub waker_tid: u32,
    /// The waker's name.
    pub waker_comm: &'a [u8],
    /// Who had the CPU right before it.
    pub ran_tid: u32,
    /// Its name.
    pub ran_comm: &'a [u8],
    /// Its own kernel stack, where the call does not say all, with the tracer's own frames in front.
    pub stack: Frames<'a>,
    /// The waker's kernel stack, with the tracer's own frames in front.
    pub waker_stack: Frames<'a>,
}

/// The file of a standing thread's call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingFile<'a> {
    /// The kernel's number of its device.
    pub device: u32,
    /// Its inode's number.
    pub inode: u64,
    /// What tells it from earlier files of the same number.
    pub generation: u32,
    /// Its name.
    pub name: File<'a>,
}

/// Return addresses in the kernel, innermost first, as eight bytes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Frames<'a>(pub(crate) &'a [u8]);

impl<'a> Frames<'a> {
    /// The addresses.
    pub fn addresses(self) -> impl Iterator<Item = u64> + 'a {
        let frames = self.0.chunks_exact(8);
        frames.map(|frame| u64::from_ne_bytes(frame.try_into().unwrap_or_default()))
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        self.0
    }
}

/// A request to a block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRequest<'a> {
    /// When it was put into the queue; none when it was issued directly.
    pub queued_ns: Option<u64>,
    /// When the device got it.
    pub start_ns: u64,
    /// When it was done.
    pub end_ns: u64,
    /// Who issued it, which is often a worker of the kernel. The process is not known.
    pub task: Task<'a>,
    /// The kernel's number of the device.
    pub device: u32,
    /// Its first sector, of 512 bytes.
    pub sector: u64,
    /// Its length.
    pub bytes: u32,
    /// The kernel's operation (`enum req_op`) and flags.
    pub flags: RequestFlags,
}

/// What a request does: the kernel's operation in the low byte, and flags in bits of `bpf/block_io.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestFlags(pub(crate) u32);

impl RequestFlags {
    /// As the kernel's tracepoints print it (`blk_fill_rwbs`): `R`, `WS`, `FWFS`.
    pub fn letters(self) -> String {
        let mut letters = String::new();
        let has = |bit: u32| self.0 & bit != 0;
        if has(0x800) {
            letters.push('F');
        }
        letters.push_str(match self.0 & 0xff {
            0 => "R",
            1 => "W",
            2 => "F",
            3 => "D",
            5 => "DE",
            _ => "N",
        });
        for (bit, letter) in [
            (0x400, 'F'),
            (0x1000, 'A'),
            (0x100, 'S'),
            (0x200, 'M'),
            (0x2000, 'U'),
        ] {
            if has(bit) {
                letters.push(letter);
            }
        }
        letters
    }
}

/// A thread that uses a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionThread<'a> {
    /// When it was seen.
    pub time_ns: u64,
    /// The thread.
    pub task: Task<'a>,
    /// The other end.
    pub peer: SocketAddr,
    /// This end.
    pub local: SocketAddr,
}
