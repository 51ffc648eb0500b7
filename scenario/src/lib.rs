//! A simulated Kafka broker that writes the recordings kcorr reads together with the true account of
//! every produce request, and a checker that scores kcorr's answers against it.
//!
//! [`simulate`] runs a discrete-event simulation and answers a [`History`]: what truly happened. The
//! truth ([`account`]) and the recordings ([`recordings`]) are both read off it, independently of each
//! other; no rule by which kcorr explains latency is used for either. [`check`] compares files that
//! `kcorr query` printed with the truth.
//!
//! What it does not do: it links no engine and writes no store.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the numbers are the simulation's own, and small"
)]

pub mod account;
pub mod broker;
pub mod check;
pub mod history;
mod options;
mod random;
pub mod recordings;
mod stops;
pub mod tables;
mod wire;

pub use broker::{simulate, simulate_brokers};
pub use history::History;
pub use options::{Options, PRESETS};
