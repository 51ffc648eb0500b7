//! Samples of a control group's `cpu.stat`: how long its threads had no CPU time left of their quota.

mod decoder;
mod losses;
mod rows;

pub use decoder::{CpuStatDecoder, recognise_cpu_stat};
