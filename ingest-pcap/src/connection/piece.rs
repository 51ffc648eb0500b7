//! Pieces of one direction's bytes.

use std::fmt;

use kcorr_tls::Peer;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Requests,
    Responses,
}

impl Side {
    pub(super) fn of(from_client: bool) -> Self {
        if from_client {
            Side::Requests
        } else {
            Side::Responses
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Side::Requests => Side::Responses,
            Side::Responses => Side::Requests,
        }
    }
}

impl From<Side> for Peer {
    fn from(side: Side) -> Self {
        match side {
            Side::Requests => Peer::Client,
            Side::Responses => Peer::Server,
        }
    }
}

impl From<Peer> for Side {
    fn from(peer: Peer) -> Self {
        Side::of(peer == Peer::Client)
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
    /// When the last packet came that is needed to read them: later than `time` for bytes of an encrypted record,
    /// which is read whole.
    pub(super) done: i64,
    pub(super) position: u64,
}

/// A segment's bytes at their place in the sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) sequence: u32,
    /// What it says to have received.
    pub(super) acknowledgment: Option<u32>,
    pub(super) piece: Piece<'a>,
    /// So many more follow that were not captured, and then whether the direction ends.
    pub(super) cut: u32,
    pub(super) fin: bool,
}
