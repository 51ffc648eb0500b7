//! The number of a block device.

use std::fmt;

/// The kernel's internal number of a device (20 bits of minor), as `major:minor`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Device(pub(crate) i64);

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0 >> 20, self.0 & 0xf_ffff)
    }
}
