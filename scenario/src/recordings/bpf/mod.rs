//! `writes.jsonl`: what kcorr's bpftrace probes print (see `probes/README.md`), in the order of printing:
//! by the end of each event.

mod standings;

use std::io::{self, Write};

use super::Recorder;
use super::clock::{MONOTONIC_NS, SourceClock};
use crate::Options;
use crate::broker::PID;
use crate::history::{BROKER_PORT, History, PauseState, Role, Span, Time, WriteState, broker_ip};

const JOURNAL_TID: i32 = 812;
const JOURNAL_COMM: &str = "jbd2/nvme1n1-8";
/// 259:1, as the kernel numbers devices.
const DEVICE: u32 = 259 << 20 | 1;
const EXT4_MAGIC: u32 = 0xef53;
/// The probes print no shorter ones.
const LEAST_JOURNAL_WAIT_NS: i64 = 100_000;
const LEAST_RUN_QUEUE_NS: i64 = 1_000_000;
const CLOCK_INTERVAL_NS: i64 = 5_000_000_000;
/// The network probe prints a thread and a connection so often.
const CONNECTION_INTERVAL_NS: i64 = 10_000_000_000;

/// Lines with the time at which they are printed.
struct Lines {
    clock: SourceClock,
    lines: Vec<(Time, String)>,
}

impl Lines {
    /// An event: its name, its time, and what else it has.
    fn event(&mut self, event: &str, span: Span, rest: &str) {
        let (start, end) = (self.monotonic(span.start), self.monotonic(span.end));
        let line = format!(r#"{{"ev":"{event}","start_ns":{start},"end_ns":{end},{rest}}}"#);
        self.lines.push((span.end, line));
    }

    /// An event without a length.
    fn moment(&mut self, event: &str, time: Time, rest: &str) {
        let at = self.monotonic(time);
        let line = format!(r#"{{"ev":"{event}","time_ns":{at},{rest}}}"#);
        self.lines.push((time, line));
    }

    fn monotonic(&self, time: Time) -> i64 {
        MONOTONIC_NS + self.clock.drifted(time)
    }
}

pub(super) fn write(
    history: &History,
    options: &Options,
    mut recorder: Recorder,
    mut output: impl Write,
) -> io::Result<()> {
    let mut lines = Lines {
        clock: recorder.clock,
        lines: Vec::new(),
    };
    push_writes(history, options, &mut lines);
    push_gc_log(history, options, &mut lines);
    if options.standings {
        standings::push(history, &mut lines);
    } else {
        push_commits(history, &mut lines);
        for wait in &history.run_queue_waits {
            let who = thread(history, wait.thread);
            lines.event("run_queue_wait", wait.span, &who);
        }
    }
    if options.usdt {
        push_monitors(history, &mut lines);
    }
    if options.file_reads {
        push_connections(history, &mut lines);
    }
    lines.lines.sort_by_key(|(time, _)| *time);

    writeln!(output, "Attaching 27 probes...")?;
    // The one probe tells what the three others tell.
    let mut names = if options.standings {
        vec!["file-writes", "standing"]
    } else {
        vec!["file-writes", "journal", "block-io", "run-queue"]
    };
    if options.usdt {
        names.push("monitors");
    }
    if options.file_reads {
        names.extend(["file-reads", "network"]);
    }
    for name in names {
        let threshold = match name {
            "journal" => LEAST_JOURNAL_WAIT_NS,
            "run-queue" => LEAST_RUN_QUEUE_NS,
            "standing" => standings::LEAST_NS,
            _ => 0,
        };
        writeln!(
            output,
            r#"{{"ev":"probe","name":"{name}","pid":{PID},"threshold_ns":{threshold}}}"#
        )?;
    }
    let mut next_clock = 0;
    let mut told = 0;
    for (time, line) in &lines.lines {
        while *time >= next_clock {
            let wall = recorder.clock.wall(next_clock).div_euclid(1_000);
            let (seconds, micros) = (wall.div_euclid(1_000_000), wall.rem_euclid(1_000_000));
            let mono = lines.monotonic(next_clock);
            writeln!(
                output,
                r#"{{"ev":"clock","mono_ns":{mono},"wall":"{seconds}.{micros:06}"}}"#
            )?;
            if recorder.lost > told {
                writeln!(output, "Lost {} events", recorder.lost - told)?;
                told = recorder.lost;
            }
            next_clock += CLOCK_INTERVAL_NS;
        }
        // Stacks are maps that are printed until they are read.
        if line.starts_with(r#"{"ev":"kernel_stack""#) || !recorder.loses() {
            writeln!(output, "{line}")?;
        }
    }
    if recorder.lost > told {
        writeln!(output, "Lost {} events", recorder.lost - told)?;
    }
    output.flush()
}

fn thread(history: &History, thread: usize) -> String {
    let of = &history.threads[thread];
    let comm: String = of.name.chars().take(15).collect();
    format!(r#""pid":{PID},"tid":{},"comm":"{comm}""#, of.tid)
}

fn push_writes(history: &History, options: &Options, lines: &mut Lines) {
    let mut sector = 1_000_000_u64;
    for write in &history.writes {
        let who = thread(history, write.thread);
        let directory = &history.logs[write.log].directory;
        let file = &write.file;
        let place = if write.operation == "write" || write.is_read() {
            format!(r#","bytes":{},"offset":{}"#, write.bytes, write.offset)
        } else {
            String::new()
        };
        // Which file a mapping is of, the probe does not see.
        let of = if write.operation == "msync" {
            String::new()
        } else {
            format!(r#"{place},"dir":"{directory}","file":"{file}","fs_magic":{EXT4_MAGIC}"#)
        };
        let rest = format!(r#""op":"{}",{who}{of}"#, write.operation);
        lines.event("write", write.span, &rest);
        if options.standings {
            continue;
        }
        for (span, state) in &write.states {
            match state {
                WriteState::JournalWait(commit) if span.ns() >= LEAST_JOURNAL_WAIT_NS => {
                    // The handle is one of the next transaction.
                    let transaction = history.commits[*commit].transaction + 1;
                    let rest = format!(r#"{who},"dev":{DEVICE},"transaction":{transaction}"#);
                    lines.event("journal_wait", *span, &rest);
                }
                WriteState::BlockIo => {
                    sector += 4_096;
                    let op = if write.operation == "write" || write.is_read() {
                        "R"
                    } else {
                        "WS"
                    };
                    let rest = format!(
                        r#""queue_ns":1500,"op":"{op}","dev":{DEVICE},"sector":{sector},"bytes":4096,{who}"#
                    );
                    lines.event("block_io", *span, &rest);
                }
                WriteState::RunQueue if span.ns() >= LEAST_RUN_QUEUE_NS => {
                    lines.event("run_queue_wait", *span, &who);
                }
                _ => {}
            }
        }
    }
}

/// The VM thread writes the GC log while the JVM is stopped.
fn push_gc_log(history: &History, options: &Options, lines: &mut Lines) {
    let vm_thread = history.threads.iter().position(|t| t.role == Role::Vm);
    let Some(vm_thread) = vm_thread else { return };
    let who = thread(history, vm_thread);
    let states = history.pause_states.iter().flatten();
    let writes = states.filter(|(_, state)| *state == PauseState::Io);
    for (number, (span, _)) in writes.enumerate() {
        let (offset, sector) = (4_096 + 190 * number, 7_000_000 + 8 * number);
        let place = format!(
            r#""bytes":95,"offset":{offset},"dir":"logs","file":"gc.log","fs_magic":{EXT4_MAGIC}"#
        );
        lines.event("write", *span, &format!(r#""op":"write",{who},{place}"#));
        if options.standings {
            continue;
        }
        let io = Span {
            start: span.start + 2_000,
            end: span.end - 1_000,
        };
        let rest = format!(
            r#""queue_ns":1500,"op":"R","dev":{DEVICE},"sector":{sector},"bytes":4096,{who}"#
        );
        lines.event("block_io", io, &rest);
    }
}

fn push_commits(history: &History, lines: &mut Lines) {
    for (number, commit) in history.commits.iter().enumerate() {
        let rest = format!(
            r#""tid":{JOURNAL_TID},"comm":"{JOURNAL_COMM}","dev":{DEVICE},"transaction":{}"#,
            commit.transaction
        );
        lines.event("journal_commit", commit.span, &rest);
        // The device writes the transaction in the commit's last part.
        let io = Span {
            start: commit.locked_until,
            end: commit.span.end - 1_000,
        };
        if io.ns() > 0 {
            let sector = 9_000_000 + 2_048 * number;
            let rest = format!(
                r#""op":"WFS","dev":{DEVICE},"sector":{sector},"bytes":131072,"tid":{JOURNAL_TID},"comm":"{JOURNAL_COMM}""#
            );
            lines.event("block_io", io, &rest);
        }
    }
}

/// Which thread reads a connection: the first request of each ten seconds tells.
fn push_connections(history: &History, lines: &mut Lines) {
    for connection in &history.connections {
        let [a, b, c, d] = connection.ip;
        let [e, f, g, h] = broker_ip(history.broker_id);
        let rest = format!(
            r#"{},"peer":"::ffff:{a}.{b}.{c}.{d}","peer_port":{},"local":"::ffff:{e}.{f}.{g}.{h}","local_port":{BROKER_PORT}"#,
            thread(history, connection.thread),
            connection.port
        );
        let mut told = -1;
        for request in &connection.requests {
            let time = history.requests[*request].queued;
            let period = time / CONNECTION_INTERVAL_NS;
            if time > 0 && period > told {
                told = period;
                lines.moment("connection_thread", time, &rest);
            }
        }
    }
}

fn push_monitors(history: &History, lines: &mut Lines) {
    for wait in &history.waits {
        let who = thread(history, wait.thread);
        let of = &history.threads[wait.thread];
        debug_assert!(of.role != Role::Network);
        let class = history.monitors[wait.monitor].class.replace('.', "/");
        let address = 0x7f1b_700a_3000_u64 + 0x100 * wait.monitor as u64;
        let rest = format!(
            r#"{who},"java_thread_id":{},"monitor":"0x{address:x}","class":"{class}""#,
            of.java_id
        );
        lines.event("monitor_contended", wait.span, &rest);
    }
}
