//! What eBPF tracers print, as rows of kcorr's tables.
//!
//! People trace file systems with bpftrace one-liners, with bcc's tools, with scripts of their own. This
//! crate reads what these print: JSON lines of kcorr's own probes, `bpftrace -f json`, bpftrace's
//! text with maps of stacks, the text and CSV of `ext4slower` and its kin, `fileslower`,
//! `funcslower`, `biosnoop`, `runqslower`, `profile` and `offcputime`, collapsed stacks of async-profiler,
//! lines with start and end time, and any JSON by a [`FieldMap`]; in UTF-8 or UTF-16, with the colours of
//! a terminal and the prefixes of collectors.
//!
//! ```
//! use kcorr_ingest_bpf::{BpfDecoder, BpfOptions};
//! use kcorr_model::{Decoder, SourceId};
//!
//! let line = br#"{"ev":"write","start_ns":5,"end_ns":9,"tid":7,"dir":"orders-0"}"#;
//! let mut decoder = BpfDecoder::new(SourceId(1), BpfOptions::default());
//! let mut batches = Vec::new();
//! decoder.push(line, &mut batches)?;
//! let summary = decoder.finish(&mut batches)?;
//! assert_eq!((batches[0].0.name, batches[0].1.num_rows()), ("writes", 1));
//! assert_eq!(summary.format, "kcorr probe JSON lines");
//! # Ok::<(), kcorr_model::Error>(())
//! ```
//!
//! # How a line becomes a row
//! ```text
//! bytes ─► decoder ─► json::fast_line ──────────► rows (reorder window) ─► batches
//!            │          (the two events that           ▲
//!            │           make up a recording)          │
//!            └─► lines ─► json: event, bpftrace, …     │
//!                         text: table, own_line        │
//!                         stacks: lines, map  ─────► values
//! ```
//! Each line is taken for what it looks like, so concatenated outputs work. Only what the numbers behind
//! stacks are is decided from a whole file. The fast path writes rows
//! straight from bytes; all else goes through named values and gives the same rows. On
//! several cores shares of the input are read ahead by the fast path and taken in order: the rows do not depend on
//! the number of cores, nor on how the input is split.
//!
//! # Order, duplicates and loss
//! Rows of each table wait in a window of 262,144 rows, leave it sorted by start, and an exact
//! duplicate is dropped and counted, but only where times are not rounded. What cannot be read is a
//! loss with its line and start; what the tracer says it lost is a loss with the time around it.
//!
//! # Waits of the kernel
//! What a thread waits for of which the kernel stack is known is told by one list: [`kernel_waits`].
//!
//! # Clocks
//! bpftrace's `nsecs` and bcc's times are taken for `CLOCK_MONOTONIC` unless the recording says
//! `boottime`: the two are the same on a machine that has not slept. Text times are local times, of
//! [`BpfOptions::date`]; `TIME(s)` counts from the tracer's start, which it does not tell.
//!
//! # What it does not do
//! It opens no files, aligns no clocks, and joins no rows. Maps and histograms that are no sums over
//! stacks have no table. A map that a script prints several times without clearing it counts each time.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

mod decoder;
mod device;
mod findings;
mod format;
mod json;
pub mod kernel_waits;
mod labels;
mod lines;
mod losses;
mod operation;
mod options;
mod outcome;
mod rows;
mod share;
mod stacks;
mod syscall;
mod task_state;
mod text;
mod values;

pub use decoder::{BpfDecoder, recognise};
pub use format::{Format, UnknownFormat};
pub use json::field_map::{FieldMap, FieldMapError};
pub use options::BpfOptions;

/// The example of the README, so that it is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
