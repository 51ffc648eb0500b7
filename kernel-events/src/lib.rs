//! What the kernel does for and to a process, seen by BPF programs of kcorr's own: file operations, the journal's
//! commits, why threads stand still, waits for a CPU, for memory and for devices.
//!
//! ```no_run
//! use std::time::Duration;
//! use kcorr_kernel_events::{JsonLines, Probe, Recorder, Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::of_probes(4242, [Probe::FileWrites, Probe::Standing])
//!     .with_threshold(Probe::FileWrites, Duration::from_millis(1));
//! let mut recorder = Recorder::start(&settings)?;
//! let mut lines = JsonLines::begin(std::io::stdout().lock(), &settings)?;
//! for _ in 0..600 {
//!     recorder.read(&mut |event| lines.event(event), Duration::from_millis(100));
//!     lines.losses(&recorder.losses()?);
//!     lines.flush()?;
//! }
//! lines.losses(&recorder.stop(&mut |_| {})?);
//! # Ok(())
//! # }
//! ```
//!
//! The programs are in C, in `bpf/`; their object lies beside them, so that neither a compiler nor headers are
//! needed where they run. They are fitted to the running kernel when they are loaded.
//!
//! # What it does not do
//! It knows no tables and no verdicts, and it does not know Kafka: which file is a log's is for who reads the rows.
//! It starts no other programs and stores nothing.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

mod catalogue;
mod clock;
mod error;
mod event;
mod host;
mod json;
mod object;
mod probe;
mod record;
mod recorder;
mod settings;
mod symbols;

pub use clock::ClockReading;
pub use error::{Error, ErrorKind};
pub use event::{
    BlockRequest, Call, ConnectionThread, Event, File, FileOperation, Frames, Function, Operation,
    RequestFlags, RunQueueWait, Standing, StandingFile, Task,
};
pub use host::check;
pub use json::JsonLines;
pub use object::LeftOut;
pub use probe::{PROBES, Probe, UnknownProbe};
pub use record::event_from_record;
pub use recorder::{Loss, Recorder};
pub use settings::Settings;
pub use symbols::{Symbol, Symbols};

/// The example of the README, so that it is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
