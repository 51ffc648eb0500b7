//! Which segment a file is.

use std::fmt;

/// Which segment it is.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) directory: String,
    pub(crate) file: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) base_offset: i64,
}

impl Segment {
    /// A loss's detail: which file, and what.
    pub(crate) fn tell(&self, what: fmt::Arguments<'_>) -> String {
        format!("{}/{}: {what}", self.directory, self.file)
    }
}
