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
mod bodies;
mod field;
mod files;
mod formats;
mod golden;
mod in_sync;
mod incidents;
mod mid_stream;
mod mutants;
mod ports;
mod properties;
mod reassembly;
mod requests;
mod sasl;
mod support;
mod tcp_connections;
mod tcp_losses;
mod tcp_simulation;
mod tcp_windows;
mod telemetry;
mod tls;
mod tls_damage;
mod tunnels;
mod turns;
