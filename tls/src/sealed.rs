//! A record that is not opened yet.

/// A record as it came: the five bytes of its header, and the rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealed<'a> {
    pub(crate) header: [u8; 5],
    pub(crate) body: &'a [u8],
}
