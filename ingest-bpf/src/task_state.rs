//! States in which a thread leaves the CPU, as the tracepoint `sched:sched_switch` tells them in
//! `prev_state`.

/// A state. The numbers are those of `TASK_REPORT` (`include/linux/sched.h`), the same from 4.14 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TaskState {
    /// It gave way, or a CPU was taken from it when it returned to user mode.
    Runnable,
    /// A CPU was taken from it inside of the kernel.
    Preempted,
    Interruptible,
    Uninterruptible,
    Stopped,
    Traced,
    Parked,
    /// A thread of the kernel without work.
    Idle,
    Other,
}

impl TaskState {
    /// The state of a `prev_state`.
    pub(crate) fn of_number(number: i64) -> Self {
        match number {
            0 => TaskState::Runnable,
            // The lowest bit beyond those that are reported: `TASK_REPORT_MAX`.
            0x100 => TaskState::Preempted,
            0x01 => TaskState::Interruptible,
            0x02 => TaskState::Uninterruptible,
            0x04 => TaskState::Stopped,
            0x08 => TaskState::Traced,
            0x40 => TaskState::Parked,
            0x80 => TaskState::Idle,
            _ => TaskState::Other,
        }
    }

    /// Whether it waits for a CPU only.
    pub(crate) fn is_runnable(self) -> bool {
        matches!(self, TaskState::Runnable | TaskState::Preempted)
    }

    /// As `standings.state` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            TaskState::Runnable => "runnable",
            TaskState::Preempted => "preempted",
            TaskState::Interruptible => "interruptible",
            TaskState::Uninterruptible => "uninterruptible",
            TaskState::Stopped => "stopped",
            TaskState::Traced => "traced",
            TaskState::Parked => "parked",
            TaskState::Idle => "idle",
            TaskState::Other => "other",
        }
    }
}
