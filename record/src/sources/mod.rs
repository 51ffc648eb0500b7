//! The sources, a module each, and which of them a recording has.

mod bpftrace;
mod broker_files;
mod context;
mod cpu_stat;
mod jvm;
mod kernel;
mod own_programs;
mod packets;
mod profiler;
mod samples;
mod segments;
mod threads;

pub(crate) use bpftrace::{Bpftrace, version_text as installed_bpftrace};
pub(crate) use broker_files::{log_kind, open_logs};
pub(crate) use context::{FILE as CONTEXT_FILE, Fact, lines as context_lines};
pub(crate) use jvm::{LEAST_FREE_BYTES, RECORDING as JVM_RECORDING, free_bytes, has_recording};
pub use kernel::KernelEvents;
pub(crate) use kernel::{BpfEngine, events_by_need, is_known};
pub(crate) use own_programs::{OwnPrograms, SOURCE as OWN_PROGRAMS, is_own};
pub(crate) use profiler::may_load;

use std::path::Path;

use crate::broker::Broker;
use crate::host::Host;
use crate::source::Source;
use crate::trigger::Triggers;
use broker_files::BrokerFiles;
use context::Context;
use cpu_stat::CpuStat;
use jvm::Jvm;
use packets::Packets;
use profiler::Profiler;
use segments::Segments;
use threads::Threads;

/// Names of the sources besides kernel events, each of which has its probe's name.
pub const SOURCES: [&str; 8] = [
    "context",
    "cpu-stat",
    "broker-files",
    "threads",
    "segments",
    "jvm",
    profiler::NAME,
    "packets",
];

/// What is wanted of sources besides kernel events.
pub(crate) struct Wanted<'a> {
    /// Bytes of each packet, 0 for all.
    pub(crate) snap_length: u32,
    /// Whether segments tell only to which topics something was appended.
    pub(crate) topics_only: bool,
    /// The library of async-profiler.
    pub(crate) profiler: Option<&'a Path>,
    /// What packets are looked at for.
    pub(crate) triggers: &'a Triggers,
}

/// All sources of a broker, in the order in which they are started: what is cheap first, so that what it would miss is
/// little.
pub(crate) fn all(
    host: &Host,
    broker: &Broker,
    engine: &dyn BpfEngine,
    events: &[KernelEvents],
    wanted: &Wanted<'_>,
) -> Vec<Box<dyn Source>> {
    let mut sources: Vec<Box<dyn Source>> = vec![
        Box::new(Context::new(host, broker)),
        Box::new(BrokerFiles::new(host, broker)),
        Box::new(Threads::new(host, broker)),
        Box::new(Segments::new(broker, wanted.topics_only)),
    ];
    if let Some(samples) = CpuStat::new(host, broker) {
        sources.push(Box::new(samples));
    }
    sources.extend(engine.sources(host, broker, events));
    sources.push(Box::new(Jvm::new(host, broker)));
    if let Some(library) = wanted.profiler {
        sources.push(Box::new(Profiler::new(host, broker, library)));
    }
    let observer = wanted
        .triggers
        .packets(broker.ports().into_iter().collect());
    sources.push(Box::new(Packets::new(
        host,
        broker,
        wanted.snap_length,
        observer,
    )));
    sources
}
