//! TLS, read along: the text of captured connections, by the secrets of their sessions.
//!
//! A [`Tls`] is one connection. It is pushed the bytes of both directions in the order of TCP, in any pieces, each
//! with the time of its packet, and with how many bytes are missing; it gives text in pieces that have the times of the
//! packets that brought them. It does no IO and knows nothing of what the text says.
//!
//! - Records of TLS 1.2 and 1.3 (RFC 5246 and 8446): AES-GCM, ChaCha20-Poly1305, and of TLS 1.2 AES-CBC,
//!   authenticated before or after encryption; resumed sessions, and keys that change.
//! - Secrets come from key logs (RFC 9850, [`KeyLogReader`]), which may grow meanwhile.
//! - Nothing is guessed: only a record that is authentic under a key and its number becomes text. Behind lost bytes
//!   numbers are found again by trying those that are possible.
//! - Without a key there are still records: how the handshake went ([`HandshakeCourse`]), and the turns of whoever waits
//!   for each answer ([`Turn`]).
//! - What is not read is told, by connection and reason ([`UnreadConnections`]); each kind of loss is declared in
//!   `losses.rs`.
//!
//! It does not verify certificates, read early data of clients (0-RTT), or read TLS 1.1 and older. What it holds is
//! bounded, and what it tries, too.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)
)]

mod cbc;
mod cipher_suite;
mod connection;
mod counter_mode;
mod course;
mod derivation;
mod direction;
mod hello;
mod key_log;
mod losses;
mod opener;
mod peer;
mod record;
mod record_kind;
mod sealed;
mod search;
mod secret;
mod session;
mod turns;

pub use connection::{Next, TextPiece, Tls, TlsContext};
pub use course::HandshakeCourse;
pub use hello::is_client_hello;
pub use key_log::{KeyLogReader, TlsKeys, recognise_key_log};
pub use losses::{Extent, UnreadConnections};
pub use peer::Peer;
pub use record::Input;
pub use search::SessionSearch;
pub use turns::{Pace, Turn};

/// The example of the README, so that it is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
