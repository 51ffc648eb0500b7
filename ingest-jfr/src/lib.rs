//! JDK Flight Recorder and async-profiler recordings to kcorr tables.
//!
//! [`JfrDecoder`] takes the bytes of a recording and yields batches of model tables:
//!
//! | events | table |
//! |---|---|
//! | `jdk.JavaMonitorEnter`, `jdk.JavaMonitorWait`, `jdk.ThreadPark`, `profiler.NativeLock` | `lock_waits` |
//! | `jdk.ExecutionSample`, `jdk.NativeMethodSample`, `jdk.CPUTimeSample`, `profiler.WallClockSample` | `stack_samples` |
//! | `jdk.GarbageCollection`, `jdk.GCPhasePause*`, `jdk.Safepoint*`, `jdk.ExecuteVMOperation` | `pauses` |
//! | `jdk.FileWrite`, `jdk.FileRead`, `jdk.FileForce` | `writes` |
//! | `jdk.SocketRead`, `jdk.SocketWrite` | `socket_io` |
//! | `jdk.CPULoad`, `jdk.ThreadContextSwitchRate`, `jdk.NetworkUtilization` | `load_samples` |
//! | the thread pool | `threads` |
//! | the stacks that rows refer to | `stacks` |
//! | all, counted | `event_types` |
//! | `jdk.ActiveSetting` | limits of the summary |
//!
//! Each chunk is decoded by its own metadata, which [jfrs](https://docs.rs/jfrs) reads, compiled
//! into a plan an event type; nothing is assumed of the order of fields. The order of the work in a
//! chunk: metadata, a pass that frames and counts the events, constant pools, a pass that decodes.
//! Chunks are independent and decoded in parallel when the whole input is at hand; row ids, stack
//! ids and the order of rows depend on the input alone.
//!
//! Of a recording that comes in pieces a chunk is held until it is whole, up to 160 MiB; what lies behind
//! them is a loss. A chunk that is cut, or whose header does not fit, is walked to its end; damage inside
//! of it is counted in bytes and in about how many events stood there.
//!
//! What it does not do: it opens no files, it does not tie the recorder's clock to other
//! recordings' clocks (it reports anchors for that), and it infers no owner of a lock where the
//! recorder names none.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(not(test), deny(clippy::panic))]

mod chunk;
mod clock;
mod decoder;
mod event_tables;
mod format;
mod merge;
mod message;
mod names;
mod options;
mod recognise;
mod rows;
mod settings;

pub use decoder::JfrDecoder;
pub use options::JfrOptions;
pub use recognise::recognise;

/// The example of the README, so that it is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
