//! `standings`: why threads stood still.

use crate::{Column, Table, Type};

/// A stretch in which a thread did not run.
pub static STANDINGS: Table = Table {
    name: "standings",
    doc: "A stretch in which a thread did not run: first blocked, then runnable and waiting for a CPU. Of the broker's threads, and of the kernel's that write for it (`jbd2/*`, `xfsaild/*`, workers while they write back).",
    sorted_by: Some("start_time"),
    columns: &[
        Column::required("standing_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("start_time", Type::Time, "The thread left the CPU."),
        Column::optional(
            "woken_time",
            Type::Time,
            "It became runnable: `start_time` where it was so all the time (`state` `runnable` or `preempted`), else when it was woken; null when that was not seen.",
        ),
        Column::required("end_time", Type::Time, "It was on a CPU again."),
        Column::required("duration_ns", Type::Int64, "end_time − start_time."),
        Column::optional(
            "blocked_ns",
            Type::Int64,
            "woken_time − start_time: `wait_class` says what for.",
        ),
        Column::optional(
            "runnable_ns",
            Type::Int64,
            "end_time − woken_time: it waited for a CPU only.",
        ),
        Column::optional(
            "pid",
            Type::Int32,
            "Process id; of a thread of the kernel its own.",
        ),
        Column::optional("tid", Type::Int32, "Thread id of the operating system."),
        Column::optional(
            "comm",
            Type::Label,
            "Name of the thread in the kernel, cut to 15 bytes.",
        ),
        Column::required(
            "state",
            Type::Label,
            "State in which it left the CPU: `interruptible`, `uninterruptible`, `runnable` (a CPU was taken from it as it returned to user mode, or it gave way), `preempted` (one was taken from it inside of the kernel), `stopped`, `traced`, `parked`, `idle` (a thread of the kernel without work), `other`.",
        ),
        Column::required(
            "wait_class",
            Type::Label,
            "What it was blocked for, by its stack (or its system call and state where they say it all): `journal_handle`, `inode_rwsem`, `dirty_throttle`, `futex`, … as `kernel_waits/waits.csv` of the decoder lists them, `preempted`, `yield`, `cpu_quota`, or `unknown`.",
        ),
        Column::optional(
            "wait_mechanism",
            Type::Label,
            "The mechanism in words, of the same list.",
        ),
        Column::optional(
            "wait_function",
            Type::Label,
            "The frame by which the class is known; of `unknown` the innermost frames, joined by ` < `.",
        ),
        Column::optional(
            "stack_id",
            Type::Int64,
            "Its kernel stack when it left the CPU: `stacks.stack_id`. Null where none was taken: an interruptible wait in futex, epoll, poll, select or sleep, and a runnable thread.",
        ),
        Column::optional(
            "syscall",
            Type::Label,
            "System call that it was in; null outside of one (a page fault, a preempted thread), and of a thread of the kernel.",
        ),
        Column::optional(
            "fd",
            Type::Int32,
            "First argument of the call, where that is a file descriptor; of `sendfile` the one that is written to.",
        ),
        Column::optional(
            "futex_address",
            Type::Int64,
            "First argument of `futex`: threads that wait for one thing wait at one address.",
        ),
        Column::optional(
            "is_timed",
            Type::Bool,
            "Of `futex`: whether the wait has a timeout, after which it ends by itself. An idle thread of a pool looks for work so; whoever waits for a lock mostly has none.",
        ),
        Column::optional(
            "device",
            Type::Label,
            "Device of the file that the call reads, writes or syncs (of `sendfile` the one it reads), as `major:minor`.",
        ),
        Column::optional("inode", Type::Int64, "That file's number on its device."),
        Column::optional(
            "directory",
            Type::Label,
            "Name of that file's directory (its last component).",
        ),
        Column::optional("file", Type::Label, "Name of that file."),
        Column::optional("topic", Type::Label, "Topic that the directory belongs to."),
        Column::optional(
            "partition",
            Type::Int32,
            "Partition that the directory belongs to.",
        ),
        Column::optional(
            "waker_tid",
            Type::Int32,
            "Thread that woke it; null when an interrupt did, which has nothing to do with the thread that it came upon.",
        ),
        Column::optional(
            "waker_comm",
            Type::Label,
            "That thread's name in the kernel.",
        ),
        Column::optional(
            "is_waker_interrupt",
            Type::Bool,
            "Whether no thread woke it but an interrupt: a timer, a device that has completed. Null when the waker's stack does not tell, as of waits that were short until then.",
        ),
        Column::optional(
            "waker_stack_id",
            Type::Int64,
            "The waker's kernel stack: `stacks.stack_id`.",
        ),
        Column::optional(
            "ran_instead_tid",
            Type::Int32,
            "Thread that the CPU ran right before this one; 0 when that CPU was idle. It bears on `runnable_ns` only.",
        ),
        Column::optional(
            "ran_instead_comm",
            Type::Label,
            "That thread's name in the kernel.",
        ),
        Column::optional(
            "is_quota_spent",
            Type::Bool,
            "Whether its control group had no CPU time left when it left the CPU runnable, or when it was woken. False proves little: the group may have run out of it later.",
        ),
    ],
};
