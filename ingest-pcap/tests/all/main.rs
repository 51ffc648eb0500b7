//! The decoder from outside: captures in, rows and losses out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    unreachable_pub,
    reason = "a test ends where its input is wrong"
)]

mod beginnings;
mod field;
mod files;
mod golden;
mod incidents;
mod mid_stream;
mod mutants;
mod properties;
mod rules;
mod support;
mod tcp;
mod tcp_simulation;
mod tunnels;
