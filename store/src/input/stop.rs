//! Asking an ingest to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks an ingest to end before its inputs do. All clones are one.
///
/// A pipe ends then: what came through it is stored, as if it had ended by itself, because a capture that goes
/// on has no other end. Of a file that is being read, or was not begun, nothing is stored: it can be read
/// again.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
