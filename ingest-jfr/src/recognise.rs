//! Tells JFR from other inputs.

use crate::format::header::MAGIC;

/// Whether an input is a JFR recording, by its first bytes; the answer names the format.
pub fn recognise(head: &[u8]) -> Option<&'static str> {
    head.starts_with(MAGIC).then_some("JDK Flight Recorder")
}
