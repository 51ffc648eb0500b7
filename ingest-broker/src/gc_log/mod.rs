//! The JVM's unified log: garbage collection and safepoint pauses.

mod clock;
mod decoder;
mod decoration;
mod jdk8;
mod losses;
mod pause;
mod rows;

pub use decoder::{GcLogDecoder, recognise_gc_log};
