//! The broker's own log: what it says of the sets of replicas in sync.

mod change;
mod decoder;
mod losses;
mod rows;

pub use decoder::{ServerLogDecoder, recognise_server_log};
