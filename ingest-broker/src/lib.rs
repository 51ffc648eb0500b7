//! A broker's own files as inputs: what it wrote to its disk and what it said of itself.
//!
//! | decoder | input | tables |
//! |---|---|---|
//! | [`SegmentsDecoder`] | the files of its log directories | `log_batches`, `topics` |
//! | [`GcLogDecoder`] | the JVM's log of collections and safepoints | `pauses` |
//! | [`RequestLogDecoder`] | the broker's request log | `broker_requests`, `broker_request_partitions` |
//! | [`ServerLogDecoder`] | the broker's own log (`server.log`) | `isr_changes` |
//! | [`ThreadDumpDecoder`] | thread dumps of `jstack` and its kin | `threads`, `thread_dump_locks` |
//! | [`CpuStatDecoder`] | samples of its control group's `cpu.stat` | `load_samples` |
//! | [`ContextDecoder`] | what `kcorr record` says of host, settings and itself | `context` |
//!
//! Texts may be UTF-16, coloured, and stored by a collector: behind the prefixes that
//! [`kcorr_model::lines`] knows, or inside of JSON (ECS, Logstash, log4j's JSON layouts, GELF, docker's
//! `json-file`, journald).
//!
//! What it does not do: it opens no files, joins no rows, and reads no keys or values of records.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(not(test), deny(clippy::panic))]

mod context;
mod cpu_stat;
mod gc_log;
mod json_message;
mod line_time;
mod line_times;
mod program_lines;
mod request_log;
mod segments;
mod server_log;
mod thread_dump;
mod unwrapper;

pub use context::{ContextDecoder, broker_in_context, recognise_context};
pub use cpu_stat::{CpuStatDecoder, recognise_cpu_stat};
pub use gc_log::{GcLogDecoder, recognise_gc_log};
pub use request_log::{RequestLogDecoder, recognise_request_log};
pub use segments::SegmentsDecoder;
pub use server_log::{ServerLogDecoder, recognise_server_log};
pub use thread_dump::{ThreadDumpDecoder, recognise_thread_dump};

/// The example of the README, so that it is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
