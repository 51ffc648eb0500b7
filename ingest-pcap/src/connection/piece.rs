//! A piece of one direction's bytes.

use std::fmt;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Requests,
    Responses,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Side::Requests => Side::Responses,
            Side::Responses => Side::Requests,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Requests => "to the broker",
            Side::Responses => "from the broker",
        })
    }
}

/// Bytes that were on the wire together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) time: i64,
    pub(super) position: u64,
}
