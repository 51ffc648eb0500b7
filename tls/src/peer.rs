//! Who sends the bytes of a direction.

use std::fmt;

/// Who sends the bytes of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The end that began the connection.
    Client,
    /// The other.
    Server,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Peer::Client => "of the client",
            Peer::Server => "of the server",
        })
    }
}
