//! A stretch of time.

use std::time::SystemTime;

/// A stretch of wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its begin.
    pub from: SystemTime,
    /// Its end.
    pub to: SystemTime,
}
