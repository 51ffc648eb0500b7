//! The bpftrace scripts that kcorr ships: what each traces, its text, and the text made ready for a
//! process. They lie beside this crate's sources; `README.md` says what they print.

mod bpftrace_version;
mod catalogue;
mod probe;

pub use bpftrace_version::{BpftraceVersion, UnknownVersion};
pub use catalogue::{PROBES, by_name};
pub use probe::{Probe, ProbeError, ProbeParameters};

#[cfg(test)]
mod tests;
