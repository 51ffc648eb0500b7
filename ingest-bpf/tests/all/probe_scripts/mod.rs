//! The shipped scripts, run on raw sequences of tracepoints: what each pairs must be one event.
//!
//! A sequence is a file with a tracepoint a line: time in ns, thread, its name, the tracepoint, and its
//! arguments. Those in `sequences/` were recorded where it says so; the script is the shipped one, read and
//! run here by a small interpreter of the part of bpftrace's language that the scripts use.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test ends where its input is wrong"
)]

mod pairing;
mod real;
mod replay;
mod script;
