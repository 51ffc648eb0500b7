//! `profile.jfr`: what async-profiler writes with `cpu,wall=…,lock=…` (JFR 2.0, one chunk).
//!
//! Monitor waits: one of at least the lock interval is always there; shorter ones are when the waiting
//! time of all threads together passes the next interval, as in async-profiler's `LockTracer`. The owner
//! before is null, as async-profiler leaves it, unless the scenario wants it as the JDK has it.

mod chunk;
mod metadata;
mod samples;

use std::io::{self, Write};

use super::Recorder;
use super::clock::SourceClock;
use crate::Options;
use crate::history::{History, Time};
use chunk::{Bytes, Chunk};
use metadata::types;
use samples::{STATE_DEFAULT, STATE_SLEEPING, Stack};

/// The time-stamp counter's frequency, and its reading at the scenario's start.
const TICKS_PER_SECOND: i64 = 2_496_000_123;
const START_TICKS: i64 = 1_509_584_000_000_000;

/// Ticks of the counter.
fn ticks(clock: SourceClock, time: Time) -> i64 {
    let ticks = i128::from(clock.drifted(time)) * i128::from(TICKS_PER_SECOND) / 1_000_000_000;
    START_TICKS + ticks as i64
}

pub(super) fn write(
    history: &History,
    options: &Options,
    mut recorder: Recorder,
    mut output: impl Write,
) -> io::Result<()> {
    let mut chunk = Chunk::new(metadata::event());
    let clock = recorder.clock;
    push_settings(options, clock, &mut chunk);
    push_waits(history, options, &mut recorder, &mut chunk);
    samples::push(history, options, &mut recorder, &mut chunk);
    push_pools(history, &mut chunk);
    let wall = clock.wall(0);
    let duration = clock.drifted(history.end);
    output.write_all(&chunk.finish(wall, duration, START_TICKS, TICKS_PER_SECOND))?;
    output.flush()
}

fn push_settings(options: &Options, clock: SourceClock, chunk: &mut Chunk) {
    let start = ticks(clock, 0);
    let number = |n: i64| n.to_string();
    let lock = number(options.lock_interval_us * 1_000);
    let cpu = number(options.cpu_interval_ms * 1_000_000);
    let wall = number(options.wall_interval_ms * 1_000_000);
    let recording: [(&str, &str); 8] = [
        ("version", "4.6"),
        ("engine", "perf_events"),
        ("clock", "tsc"),
        ("event", "cpu"),
        ("interval", &cpu),
        ("wall", &wall),
        ("lock", &lock),
        ("jstackdepth", "2048"),
    ];
    let mut push = |about: i64, name: &str, value: &str| {
        let event = Bytes::default()
            .number(start)
            .number(0)
            .number(0)
            .number(0)
            .number(about)
            .text(name)
            .text(value);
        chunk.event(types::ACTIVE_SETTING, event);
    };
    for (name, value) in recording {
        push(types::ACTIVE_RECORDING, name, value);
    }
    push(types::EXECUTION_SAMPLE, "enabled", "true");
    push(types::EXECUTION_SAMPLE, "interval", &cpu);
    push(types::WALL_CLOCK_SAMPLE, "enabled", "true");
    push(types::WALL_CLOCK_SAMPLE, "interval", &wall);
    push(types::JAVA_MONITOR_ENTER, "enabled", "true");
    push(types::JAVA_MONITOR_ENTER, "lock", &lock);
}

fn push_waits(history: &History, options: &Options, recorder: &mut Recorder, chunk: &mut Chunk) {
    let interval = (options.lock_interval_us * 1_000).max(1);
    let mut waited = 0;
    for wait in &history.waits {
        waited += wait.span.ns();
        let sampled = wait.span.ns() >= interval || waited >= interval;
        if !sampled {
            continue;
        }
        waited %= interval;
        if recorder.loses() {
            continue;
        }
        let (start, end) = (
            ticks(recorder.clock, wait.span.start),
            ticks(recorder.clock, wait.span.end),
        );
        let owner = if options.previous_owner {
            i64::from(history.threads[wait.previous_owner].tid)
        } else {
            0
        };
        // Objects move in collections.
        let pauses = history.pauses.partition_point(|p| p.end <= wait.span.start);
        let address = 0xc000_0000_i64 + 0x40 * wait.monitor as i64 + 0x10_0000 * pauses as i64;
        let is_log = wait.monitor < history.logs.len();
        let stack = if is_log { Stack::Append } else { Stack::Sensor };
        let event = Bytes::default()
            .number(start)
            .number(end - start)
            .number(i64::from(history.threads[wait.thread].tid))
            .number(stack.id())
            .number(class_id(is_log))
            .number(owner)
            .number(address);
        chunk.event(types::JAVA_MONITOR_ENTER, event);
    }
}

/// Classes are numbered: that of a log's monitor, that of the other lock, then those of frames.
fn class_id(is_log: bool) -> i64 {
    if is_log { 1 } else { 2 }
}

fn push_pools(history: &History, chunk: &mut Chunk) {
    let mut classes = vec!["java/lang/Object".to_owned()];
    let other = history.monitors.last().map_or("", |monitor| monitor.class);
    classes.push(other.replace('.', "/"));
    let mut symbols = classes.clone();
    let mut methods: Vec<(i64, i64)> = Vec::new();
    let mut traces = Vec::new();
    for stack in Stack::ALL {
        let mut frames = Vec::new();
        for (class, method) in stack.frames() {
            let class = number_of(class, &mut classes);
            let name = number_of(method, &mut symbols);
            frames.push(number_of_pair((class, name), &mut methods));
        }
        traces.push((stack.id(), frames));
    }
    let class_symbols: Vec<i64> = classes
        .iter()
        .map(|class| number_of(class, &mut symbols))
        .collect();

    let threads = history.threads.iter().map(|thread| {
        let os_name: String = thread.name.chars().take(15).collect();
        let value = Bytes::default()
            .text(&os_name)
            .number(i64::from(thread.tid))
            .text(&thread.name)
            .number(thread.java_id);
        (i64::from(thread.tid), value)
    });
    chunk.pool(types::THREAD, threads);
    let class_entries = class_symbols.iter().zip(1..).map(|(symbol, id)| {
        let value = Bytes::default()
            .number(0)
            .number(*symbol)
            .number(0)
            .number(1);
        (id, value)
    });
    chunk.pool(types::CLASS, class_entries);
    let symbol_entries = symbols
        .iter()
        .zip(1..)
        .map(|(symbol, id)| (id, Bytes::default().text(symbol)));
    chunk.pool(types::SYMBOL, symbol_entries);
    let method_entries = methods.iter().zip(1..).map(|((class, name), id)| {
        let value = Bytes::default()
            .number(*class)
            .number(*name)
            .number(0)
            .number(1)
            .byte(0);
        (id, value)
    });
    chunk.pool(types::METHOD, method_entries);
    let trace_entries = traces.iter().map(|(id, frames)| {
        let mut value = Bytes::default().byte(0).number(frames.len() as i64);
        for frame in frames {
            value = value.number(*frame).number(0).number(0).number(1);
        }
        (*id, value)
    });
    chunk.pool(types::STACK_TRACE, trace_entries);
    let states = [
        (STATE_DEFAULT, "STATE_DEFAULT"),
        (STATE_SLEEPING, "STATE_SLEEPING"),
    ];
    let states = states.map(|(id, name)| (id, Bytes::default().text(name)));
    chunk.pool(types::THREAD_STATE, states.into_iter());
    let frame_types = [(1, Bytes::default().text("JIT compiled"))];
    chunk.pool(types::FRAME_TYPE, frame_types.into_iter());
}

/// The number of a text in a list of them, from 1; it is added if it is not there.
fn number_of(text: &str, list: &mut Vec<String>) -> i64 {
    match list.iter().position(|known| known == text) {
        Some(place) => place as i64 + 1,
        None => {
            list.push(text.to_owned());
            list.len() as i64
        }
    }
}

fn number_of_pair(pair: (i64, i64), list: &mut Vec<(i64, i64)>) -> i64 {
    match list.iter().position(|known| *known == pair) {
        Some(place) => place as i64 + 1,
        None => {
            list.push(pair);
            list.len() as i64
        }
    }
}
