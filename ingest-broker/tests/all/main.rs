//! The decoders from outside: bytes in, rows and losses out.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test ends where its input is wrong"
)]

mod context;
mod cpu_stat;
#[path = "../../../model/tests/decoded/mod.rs"]
mod decoded;
mod gc_log;
mod mutants;
mod request_layouts;
mod request_log;
mod segments;
mod server_log;
mod shared_recordings;
mod thread_dumps;
