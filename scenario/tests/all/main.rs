//! What a scenario promises.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test ends where something is wrong"
)]

mod account;
mod answers;
mod apis;
mod broker;
mod cause;
mod cluster;
mod recordings;
mod request_queue;
mod seeds;
mod tables;

use kcorr_scenario::Options;

/// A preset, cut short.
fn short(preset: &str, duration_ms: i64) -> Options {
    let mut options = Options::preset(preset).unwrap();
    options.duration_ms = duration_ms;
    options
}
