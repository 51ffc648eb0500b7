//! What the probe `standing` prints: each stretch in which a thread did not run, from 1 ms on.
//!
//! A thread that waits for a monitor is woken by the one that had it; one that is stopped with the JVM, by
//! the VM thread; a handler without work, by the network thread that hands it a request, or by the timer
//! of its poll. What waits for the journal its thread wakes, and what waits for the disk an interrupt.

use super::{JOURNAL_COMM, JOURNAL_TID, Lines, PauseState, Role, Span, Time, WriteState, thread};
use crate::history::{Activity, History, Thread};
use crate::stops::{self, Stop};

/// The probe prints no shorter ones.
pub(super) const LEAST_NS: i64 = 1_000_000;
/// `KafkaRequestHandler` looks for requests for so long.
const POLL_NS: i64 = 300_000_000;
/// From being woken to a CPU, where one is free.
const WAKE_NS: i64 = 10_000;
/// Buffers of the CPUs are read one after another, so that lines come late by up to so much.
const MOST_LATE_NS: i64 = 20_000_000;

const FUTEX: i32 = 202;
const EPOLL_WAIT: i32 = 232;
const INTERRUPTIBLE: u32 = 1;
const UNINTERRUPTIBLE: u32 = 2;
const STOPPED: u32 = 4;

/// Who sends signals to the process.
const SENDER_TID: i32 = 9_310;

/// Kernel stacks by their ids, innermost frames first.
const STACKS: [(u32, &str); 11] = [
    (
        HANDLE,
        "__schedule schedule wait_transaction_locked add_transaction_credits start_this_handle jbd2__journal_start __ext4_journal_start_sb ext4_dirty_inode __mark_inode_dirty generic_update_time file_modified ext4_buffered_write_iter vfs_write ksys_write",
    ),
    (
        BUFFER,
        "__schedule schedule io_schedule bit_wait_io __wait_on_bit out_of_line_wait_on_bit do_get_write_access jbd2_journal_get_write_access __ext4_journal_get_write_access ext4_reserve_inode_write __ext4_mark_inode_dirty ext4_dirty_inode vfs_write ksys_write",
    ),
    (
        READ,
        "__schedule schedule io_schedule bit_wait_io __wait_on_bit out_of_line_wait_on_bit ext4_block_write_begin ext4_da_write_begin generic_perform_write ext4_buffered_write_iter vfs_write ksys_write",
    ),
    (
        CACHE,
        "__schedule schedule io_schedule folio_wait_bit_common filemap_get_pages filemap_read ext4_file_read_iter vfs_read ksys_pread64",
    ),
    (
        SYNC,
        "__schedule schedule io_schedule folio_wait_bit_common folio_wait_writeback __filemap_fdatawait_range file_write_and_wait_range ext4_sync_file do_fsync",
    ),
    (
        BY_THREAD,
        "try_to_wake_up wake_up_q futex_wake do_futex __x64_sys_futex do_syscall_64",
    ),
    (
        BY_JOURNAL,
        "try_to_wake_up autoremove_wake_function __wake_up_common __wake_up jbd2_journal_commit_transaction kjournald2 kthread",
    ),
    (
        BY_DISK,
        "try_to_wake_up wake_page_function folio_wake_bit bio_endio blk_mq_end_request nvme_irq __handle_irq_event_percpu asm_common_interrupt",
    ),
    (
        BY_TIMER,
        "try_to_wake_up hrtimer_wakeup __hrtimer_run_queues hrtimer_interrupt asm_sysvec_apic_timer_interrupt",
    ),
    (
        SIGNAL,
        "__schedule schedule do_signal_stop get_signal arch_do_signal_or_restart exit_to_user_mode_loop do_syscall_64 entry_SYSCALL_64_after_hwframe",
    ),
    (
        BY_SIGNAL,
        "try_to_wake_up signal_wake_up_state prepare_signal __send_signal_locked do_send_sig_info kill_pid_info __x64_sys_kill do_syscall_64",
    ),
];
const HANDLE: u32 = 101;
const BUFFER: u32 = 102;
const READ: u32 = 103;
const CACHE: u32 = 104;
const SYNC: u32 = 105;
const SIGNAL: u32 = 106;
const BY_SIGNAL: u32 = 205;
const BY_THREAD: u32 = 201;
const BY_JOURNAL: u32 = 202;
const BY_DISK: u32 = 203;
const BY_TIMER: u32 = 204;

/// Who woke a thread.
#[derive(Debug, Clone, Copy)]
enum Waker {
    /// A thread of the process, by its number.
    Thread(usize),
    Journal,
    Disk,
    Timer,
    /// A process that sent a signal.
    Sender,
}

/// What a thread does not run for.
#[derive(Debug, Clone, Copy)]
enum Standing {
    /// It waits at a place in memory, for a time at most or not.
    Futex {
        address: u64,
        is_timed: bool,
        waker: Waker,
    },
    Poll,
    /// It is in a file operation (its number), or in that of the VM thread's log, and waits there.
    File {
        write: Option<usize>,
        stack: u32,
        waker: Waker,
    },
    /// The whole process is stopped by a signal.
    Stopped,
    /// It has no CPU; its control group has no time left.
    Ready {
        is_throttled: bool,
    },
}

/// Prints the stacks, and all stretches.
pub(super) fn push(history: &History, lines: &mut Lines) {
    for (id, frames) in STACKS {
        let frames = frames.replace(' ', "\\n    ");
        let line =
            format!(r#"{{"ev":"kernel_stack","id":{id},"depth":16,"stack":"\n    {frames}\n"}}"#);
        lines.lines.push((0, line));
    }
    let mut files = Vec::new();
    for number in 0..history.threads.len() {
        let mut open: Option<Open> = None;
        let standings = of_thread(history, number).into_iter();
        let standings =
            standings.flat_map(|(span, standing)| cut_by_signals(history, span, standing));
        for (span, standing) in standings {
            let goes_on = open.as_mut().filter(|open| open.end == span.start);
            match (standing, goes_on) {
                (Standing::Ready { is_throttled }, Some(open)) => {
                    open.is_throttled |= is_throttled && open.woken == open.end;
                    open.end = span.end;
                }
                _ => {
                    if let Some(open) = open.take() {
                        open.push(history, number, &mut files, lines);
                    }
                    open = Some(Open::new(span, standing));
                }
            }
        }
        if let Some(open) = open {
            open.push(history, number, &mut files, lines);
        }
    }
}

/// A signal ends what a thread waits for where it may be interrupted; when the process goes on, it waits again.
fn cut_by_signals(history: &History, span: Span, standing: Standing) -> Vec<(Span, Standing)> {
    if !matches!(standing, Standing::Futex { .. } | Standing::Poll) {
        return vec![(span, standing)];
    }
    let parts = stops::cut(history, span);
    if !parts
        .iter()
        .any(|(_, stop)| matches!(stop, Some(Stop::Process(_))))
    {
        return vec![(span, standing)];
    }
    let mut cut: Vec<(Span, Standing)> = Vec::new();
    for (part, stop) in parts {
        if matches!(stop, Some(Stop::Process(_))) {
            if let Some((_, Standing::Futex { waker, .. })) = cut.last_mut() {
                *waker = Waker::Sender;
            }
            cut.push((part, Standing::Stopped));
            continue;
        }
        // Other stops are no end of a wait.
        match cut.last_mut() {
            Some((last, Standing::Futex { .. } | Standing::Poll)) => last.end = part.end,
            _ => cut.push((part, standing)),
        }
    }
    cut
}

/// A stretch whose end is not known yet.
struct Open {
    start: Time,
    woken: Time,
    end: Time,
    standing: Standing,
    is_throttled: bool,
}

impl Open {
    fn new(span: Span, standing: Standing) -> Self {
        let (woken, is_throttled) = match standing {
            Standing::Ready { is_throttled } => (span.start, is_throttled),
            _ => (span.end, false),
        };
        Self {
            start: span.start,
            woken,
            end: span.end,
            standing,
            is_throttled,
        }
    }

    fn push(self, history: &History, number: usize, files: &mut Vec<String>, lines: &mut Lines) {
        if self.end - self.start < LEAST_NS {
            return;
        }
        let woken = match self.standing {
            // Where nothing kept it from a CPU, it had one soon.
            Standing::Ready { .. } => self.start,
            _ if self.woken == self.end => self.end - WAKE_NS,
            _ => self.woken,
        };
        let (state, stack, call, argument, is_timed, waker) = match self.standing {
            Standing::Futex {
                address,
                is_timed,
                waker,
            } => (INTERRUPTIBLE, 0, FUTEX, address, is_timed, Some(waker)),
            Standing::Stopped => (STOPPED, SIGNAL, FUTEX, 0, false, Some(Waker::Sender)),
            Standing::Poll => (INTERRUPTIBLE, 0, EPOLL_WAIT, 98, false, Some(Waker::Disk)),
            Standing::File {
                write,
                stack,
                waker,
            } => {
                let operation = write.map_or("write", |write| history.writes[write].operation);
                (
                    UNINTERRUPTIBLE,
                    stack,
                    call_of(operation),
                    231,
                    false,
                    Some(waker),
                )
            }
            Standing::Ready { .. } => (0, 0, -1, 0, false, None),
        };
        let file = match self.standing {
            Standing::File {
                write: Some(write), ..
            } => file(history, write, files, lines),
            _ => r#""dev":0,"ino":0,"gen":0"#.to_owned(),
        };
        let waker = match waker {
            Some(Waker::Thread(waker)) => {
                let of = &history.threads[waker];
                let comm: String = of.name.chars().take(15).collect();
                format!(
                    r#""waker_tid":{},"waker_comm":"{comm}","waker_stack":{BY_THREAD}"#,
                    of.tid
                )
            }
            Some(Waker::Journal) => format!(
                r#""waker_tid":{JOURNAL_TID},"waker_comm":"{JOURNAL_COMM}","waker_stack":{BY_JOURNAL}"#
            ),
            Some(Waker::Disk) => {
                format!(r#""waker_tid":0,"waker_comm":"swapper/1","waker_stack":{BY_DISK}"#)
            }
            Some(Waker::Sender) => {
                format!(r#""waker_tid":{SENDER_TID},"waker_comm":"kill","waker_stack":{BY_SIGNAL}"#)
            }
            Some(Waker::Timer) => {
                format!(r#""waker_tid":0,"waker_comm":"swapper/1","waker_stack":{BY_TIMER}"#)
            }
            None => r#""waker_tid":0,"waker_comm":"","waker_stack":0"#.to_owned(),
        };
        let (start, woken, end) = (
            lines.monotonic(self.start),
            lines.monotonic(woken),
            lines.monotonic(self.end),
        );
        let line = format!(
            r#"{{"ev":"standing","start_ns":{start},"woken_ns":{woken},"end_ns":{end},{},"state":{state},"stack":{stack},"call":{call},"argument":{argument},"timed":{},{file},"throttled":{},{waker},"ran_tid":0,"ran_comm":"swapper/1"}}"#,
            thread(history, number),
            u32::from(is_timed),
            u32::from(self.is_throttled),
        );
        let late = i64::from(history.threads[number].tid) * 7_919_000 % MOST_LATE_NS;
        lines.lines.push((self.end + late, line));
    }
}

fn call_of(operation: &str) -> i32 {
    match operation {
        "pread" => 17,
        "msync" => 26,
        "sendfile" => 40,
        "fsync" => 74,
        _ => 1,
    }
}

/// The file of an operation; its name is printed once. Of a mapping the probe does not see it.
fn file(history: &History, write: usize, files: &mut Vec<String>, lines: &mut Lines) -> String {
    let of = &history.writes[write];
    if of.operation == "msync" {
        return r#""dev":0,"ino":0,"gen":0"#.to_owned();
    }
    let directory = &history.logs[of.log].directory;
    let name = format!(
        r#""dir_len":{},"dir":"{directory}","file":"{}""#,
        directory.len(),
        of.file
    );
    let place = files.iter().position(|file| *file == name);
    let place = place.unwrap_or_else(|| {
        files.push(name.clone());
        let inode = 4_000 + files.len() - 1;
        let line = format!(
            r#"{{"ev":"file_name","dev":{},"ino":{inode},"gen":7,{name}}}"#,
            super::DEVICE
        );
        lines.lines.push((of.span.end, line));
        files.len() - 1
    });
    format!(r#""dev":{},"ino":{},"gen":7"#, super::DEVICE, 4_000 + place)
}

/// What a thread stood still for, in order.
fn of_thread(history: &History, number: usize) -> Vec<(Span, Standing)> {
    let thread = &history.threads[number];
    if thread.role == Role::Vm {
        return of_vm_thread(history);
    }
    let mut standings = Vec::new();
    let mut time = 0;
    for (span, activity) in &thread.activities {
        push_idle(
            history,
            number,
            Span {
                start: time,
                end: span.start,
            },
            &mut standings,
        );
        time = span.end;
        match *activity {
            Activity::Cpu => {}
            Activity::RunQueue => standings.push((
                *span,
                Standing::Ready {
                    is_throttled: false,
                },
            )),
            Activity::Throttle(_) => {
                standings.push((*span, Standing::Ready { is_throttled: true }))
            }
            Activity::Stopped(_) => standings.push((*span, Standing::Stopped)),
            Activity::Pause(_) => standings.push((*span, stopped(history))),
            Activity::Wait(wait) => push_wait(history, wait, &mut standings),
            Activity::Write(write) => push_write(history, write, &mut standings),
        }
    }
    let rest = Span {
        start: time,
        end: history.end,
    };
    push_idle(history, number, rest, &mut standings);
    standings
}

/// A thread that came to the safepoint waits until the VM thread lets all go on.
fn stopped(history: &History) -> Standing {
    let is_vm = |thread: &Thread| thread.role == Role::Vm;
    let vm_thread = history.threads.iter().position(is_vm).unwrap_or_default();
    Standing::Futex {
        address: 0x7f1b_6800_0100,
        is_timed: false,
        waker: Waker::Thread(vm_thread),
    }
}

/// A wait for a monitor: until it was given up, and until the thread ran.
fn push_wait(history: &History, wait: usize, standings: &mut Vec<(Span, Standing)>) {
    let of = &history.waits[wait];
    let holds = &history.monitors[of.monitor].holds;
    let first = holds.partition_point(|(hold, _)| hold.start <= of.span.start);
    let mut own = holds
        .iter()
        .skip(first)
        .filter(|(_, owner)| *owner == of.thread);
    let given = own
        .next()
        .map_or(of.span.end, |(hold, _)| hold.start)
        .min(of.span.end);
    standings.push((
        Span {
            start: of.span.start,
            end: given,
        },
        Standing::Futex {
            // Each thread parks at a place of its own.
            address: 0x7f1b_7000_0000 + 0x1000 * of.thread as u64,
            is_timed: false,
            waker: Waker::Thread(of.previous_owner),
        },
    ));
    let waking = Span {
        start: given,
        end: of.span.end,
    };
    for (part, stop) in stops::cut(history, waking) {
        let standing = match stop {
            Some(Stop::Pause(_)) => stopped(history),
            Some(Stop::Throttle(_)) => Standing::Ready { is_throttled: true },
            Some(Stop::Process(_)) => Standing::Stopped,
            _ => Standing::Ready {
                is_throttled: false,
            },
        };
        standings.push((part, standing));
    }
}

fn push_write(history: &History, write: usize, standings: &mut Vec<(Span, Standing)>) {
    let of = &history.writes[write];
    for (span, state) in &of.states {
        let (stack, waker) = match state {
            WriteState::OnCpu => continue,
            WriteState::RunQueue => {
                standings.push((
                    *span,
                    Standing::Ready {
                        is_throttled: false,
                    },
                ));
                continue;
            }
            WriteState::JournalWait(_) => (HANDLE, Waker::Journal),
            WriteState::JournalCommit(_) => (BUFFER, Waker::Journal),
            WriteState::BlockIo if of.is_read() => (CACHE, Waker::Disk),
            WriteState::BlockIo if of.operation == "write" => (READ, Waker::Disk),
            WriteState::BlockIo => (SYNC, Waker::Disk),
        };
        let standing = Standing::File {
            write: Some(write),
            stack,
            waker,
        };
        standings.push((*span, standing));
    }
}

/// The VM thread waits for work, and within a stop of the JVM for the disk of the GC log.
fn of_vm_thread(history: &History) -> Vec<(Span, Standing)> {
    let mut standings = Vec::new();
    let mut time = 0;
    for (pause, states) in history.pauses.iter().zip(&history.pause_states) {
        push_polls(
            Span {
                start: time,
                end: pause.start,
            },
            0x7f1b_6800_0200,
            Waker::Timer,
            &mut standings,
        );
        time = pause.end;
        for (span, state) in states {
            if *state == PauseState::Io {
                let io = Span {
                    start: span.start + 2_000,
                    end: span.end - 1_000,
                };
                let standing = Standing::File {
                    write: None,
                    stack: READ,
                    waker: Waker::Disk,
                };
                standings.push((io, standing));
            }
        }
    }
    standings
}

/// A thread without work.
fn push_idle(history: &History, number: usize, span: Span, standings: &mut Vec<(Span, Standing)>) {
    if span.start >= span.end {
        return;
    }
    let address = 0x7f1b_7000_0800 + 0x1000 * number as u64;
    let waker = match history.threads[number].role {
        Role::Network | Role::Fetcher => {
            standings.push((span, Standing::Poll));
            return;
        }
        // The network thread that handed over what it takes next.
        Role::Handler => {
            let of_handler = history.requests.iter().filter(|r| r.handler == number);
            let next = of_handler.filter(|r| r.taken >= span.end && r.assigned >= span.start);
            let next = next.min_by_key(|request| request.taken);
            let next = next.filter(|request| request.assigned <= span.end);
            next.map_or(Waker::Timer, |request| {
                Waker::Thread(history.connections[request.connection].thread)
            })
        }
        _ => Waker::Timer,
    };
    push_polls(span, address, waker, standings);
}

/// Waits of a thread that looks for work now and then; `waker` ends the last.
fn push_polls(span: Span, address: u64, waker: Waker, standings: &mut Vec<(Span, Standing)>) {
    let mut start = span.start;
    while start < span.end {
        let end = (start + POLL_NS).min(span.end);
        let waker = if end == span.end { waker } else { Waker::Timer };
        let standing = Standing::Futex {
            address,
            is_timed: true,
            waker,
        };
        standings.push((Span { start, end }, standing));
        // It looks for work, and waits again.
        start = end + WAKE_NS;
    }
}
