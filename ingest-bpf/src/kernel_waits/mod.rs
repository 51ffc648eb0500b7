//! What a thread of which only the kernel stack is known waits for: classes of waits by the functions on
//! the stack.
//!
//! The list is data, `waits.csv`: a row has the class, a pattern, the mechanism in words, where the function
//! is in the kernel's source, and the kernels in which it is called so. The first row whose pattern fits
//! a stack gives the class, so what encloses a wait and tells most of it (reclaim, the journal, a lock of a
//! known kind) stands before what waits everywhere (`io_schedule`). A pattern is a function, with `*` for
//! anything; `a < b` is a called by b, not necessarily at once, and `a << b` is a called by b with
//! nothing but the lock's own `down_*` in between; `syscall:name` stands for waits of which no
//! stack was taken. What compilers put behind a name (`.isra.0`, `.constprop.0`) does not count. Rows of
//! `interrupt` and `thread` are no waits: they tell who woke a thread.
//!
//! ```
//! use kcorr_ingest_bpf::kernel_waits::of_stack;
//!
//! let stack = ["__schedule", "schedule", "io_schedule", "bit_wait_io", "do_get_write_access", "ext4_dirty_inode"];
//! assert_eq!(of_stack(&stack).wait.class, "journal_buffer");
//! ```
//!
//! It does not know how long a wait was, and a class says what a thread waited in, not who kept it waiting.

use std::sync::OnceLock;

/// A class of waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelWait {
    /// Its name: `journal_handle`, `futex`, …
    pub class: &'static str,
    /// What is waited for, in words.
    pub mechanism: Option<&'static str>,
}

/// No row of the list fits.
pub const UNKNOWN: KernelWait = KernelWait {
    class: "unknown",
    mechanism: None,
};

/// What a stack tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundWait {
    /// The class.
    pub wait: KernelWait,
    /// The frame by which it is known; of [`UNKNOWN`] the innermost frames, joined by ` < `.
    pub function: String,
}

/// Frames of a stack that fit no row and are named all the same.
const NAMED_FRAMES: usize = 3;

/// Functions at the inner end of every stack that has left the CPU.
const SCHEDULER: &[&str] = &[
    "__schedule",
    "schedule",
    "schedule_timeout",
    "preempt_schedule_common",
    "__cond_resched",
    "schedule_hrtimeout_range",
    "schedule_hrtimeout_range_clock",
    "__traceiter_sched_switch",
    "perf_trace_sched_switch",
    "bpf_trace_run",
];

const LIST: &str = include_str!("waits.csv");

struct Class {
    wait: KernelWait,
    /// Functions from the inside out.
    pattern: Vec<Part>,
}

/// A function of a pattern.
struct Part {
    name: &'static str,
    /// Whether it called the part before it itself: what takes a lock, not what goes on while others are taken.
    is_next: bool,
}

struct List {
    stacks: Vec<Class>,
    syscalls: Vec<(&'static str, KernelWait)>,
    interrupts: Vec<&'static str>,
    threads: Vec<&'static str>,
}

fn list() -> &'static List {
    static READ: OnceLock<List> = OnceLock::new();
    READ.get_or_init(|| {
        let mut list = List {
            stacks: Vec::new(),
            syscalls: Vec::new(),
            interrupts: Vec::new(),
            threads: Vec::new(),
        };
        for row in LIST.lines().skip(1) {
            let mut fields = row.splitn(4, ',');
            let (Some(class), Some(pattern)) = (fields.next(), fields.next()) else {
                continue;
            };
            let mechanism = fields.next();
            let wait = KernelWait { class, mechanism };
            if let Some(name) = pattern.strip_prefix("syscall:") {
                list.syscalls.push((name, wait));
            } else if class == "interrupt" {
                list.interrupts.push(pattern);
            } else if class == "thread" {
                list.threads.push(pattern);
            } else {
                let pattern = parts(pattern);
                list.stacks.push(Class { wait, pattern });
            }
        }
        list
    })
}

/// The functions of a pattern.
fn parts(pattern: &'static str) -> Vec<Part> {
    let groups = pattern.split(" < ");
    groups
        .flat_map(|group| {
            let names = group.split(" << ").enumerate();
            names.map(|(place, name)| Part {
                name,
                is_next: place > 0,
            })
        })
        .collect()
}

/// What a blocked thread with this kernel stack waits for. Frames are functions, innermost first.
pub fn of_stack<S: AsRef<str>>(frames: &[S]) -> FoundWait {
    for class in &list().stacks {
        if let Some(function) = fits(&class.pattern, frames) {
            return FoundWait {
                wait: class.wait,
                function: function.to_owned(),
            };
        }
    }
    let named = frames
        .iter()
        .map(|frame| plain(frame.as_ref()))
        .skip_while(|frame| SCHEDULER.contains(frame));
    let named: Vec<&str> = named.take(NAMED_FRAMES).collect();
    FoundWait {
        wait: UNKNOWN,
        function: named.join(" < "),
    }
}

/// What an interruptible wait in a system call is for, where the call says it all.
pub fn of_syscall(name: &str) -> Option<KernelWait> {
    let found = list().syscalls.iter().find(|(known, _)| *known == name);
    found.map(|(_, wait)| *wait)
}

/// What a thread waits for that could run: a CPU. It may be that its control group has spent its time.
pub fn of_runnable(syscall: Option<&str>, is_quota_spent: bool) -> KernelWait {
    let (class, mechanism) = match (is_quota_spent, syscall) {
        (true, _) => ("cpu_quota", "CPU time of the control group's quota"),
        (_, Some("sched_yield")) => ("yield", "a CPU, which it gave up"),
        (_, _) => ("preempted", "a CPU, which was taken from it"),
    };
    KernelWait {
        class,
        mechanism: Some(mechanism),
    }
}

/// Whether a waker's stack is inside of an interrupt, or of a device's completion: what happens there has
/// nothing to do with the thread that it came upon. None when the stack is cut before it tells.
pub fn is_interrupt<S: AsRef<str>>(frames: &[S], is_truncated: bool) -> Option<bool> {
    let has_any = |patterns: &[&str]| {
        let mut names = frames.iter().map(|frame| plain(frame.as_ref()));
        names.any(|name| patterns.iter().any(|pattern| is_like(pattern, name)))
    };
    match has_any(&list().interrupts) {
        true => Some(true),
        // Frames have no gap: what only threads do is no interrupt's unless one was found further in.
        false if !is_truncated || has_any(&list().threads) => Some(false),
        false => None,
    }
}

/// The frame that fits the outermost part of a pattern whose parts all fit, in order.
fn fits<'f, S: AsRef<str>>(pattern: &[Part], frames: &'f [S]) -> Option<&'f str> {
    let mut frames = frames.iter().map(|frame| plain(frame.as_ref()));
    let mut found = None;
    for part in pattern {
        let frame = if part.is_next {
            let mut callers = frames.by_ref().skip_while(|frame| is_lock(frame));
            callers.next().filter(|frame| is_like(part.name, frame))
        } else {
            frames.find(|frame| is_like(part.name, frame))
        };
        found = Some(frame?);
    }
    found
}

/// Whether a function only takes a reader-writer semaphore for its caller.
fn is_lock(frame: &str) -> bool {
    is_like("down_*", frame) || is_like("__down_*", frame)
}

/// A function's name without what compilers add: `__mutex_lock.constprop.0`.
fn plain(frame: &str) -> &str {
    frame.split('.').next().unwrap_or(frame)
}

/// Whether a name is like a pattern with `*` for anything.
fn is_like(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    let mut rest = rest;
    // The leftmost place of each part leaves most for the others.
    while let Some((part, behind)) = rest.split_once('*') {
        let Some(at) = name.find(part) else {
            return false;
        };
        name = name.get(at.saturating_add(part.len())..).unwrap_or("");
        rest = behind;
    }
    name.ends_with(rest)
}

#[cfg(test)]
mod tests;
