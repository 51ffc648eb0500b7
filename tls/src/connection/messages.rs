//! What records say that is not text: handshakes, changes of keys, and records that are not authentic.

use kcorr_model::Position;

use super::{Tls, TlsContext};
use crate::hello::Message;
use crate::losses::{BAD_RECORD, NOT_AUTHENTIC};
use crate::peer::Peer;
use crate::record::{Found, HEADER};
use crate::record_kind::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE};

/// Records in a row that may fail before a connection's keys are taken for wrong: before the first that does not,
/// those of the handshake fail under the keys of what follows it.
const MOST_FAILED: u32 = 64;

impl Tls {
    /// A record that is not protected.
    pub(super) fn plain_record(&mut self, peer: Peer, kind: u8, found: Found) {
        let is_tls13 = self.session.is_tls13();
        let direction = match peer {
            Peer::Client => &mut self.client,
            Peer::Server => &mut self.server,
        };
        if found == Found::Damaged {
            if kind == HANDSHAKE {
                let intact = direction.reader.intact().get(HEADER..);
                let session = &mut self.session;
                direction
                    .handshake
                    .push_cut(intact.unwrap_or_default(), |message| {
                        session.take(peer, message);
                    });
            }
            return;
        }
        match kind {
            CHANGE_CIPHER_SPEC if !is_tls13 => direction.protect(),
            HANDSHAKE => {
                let session = &mut self.session;
                direction
                    .handshake
                    .push(direction.reader.record().body, |message| {
                        session.take(peer, message);
                    });
            }
            _ => {}
        }
        if let Some(hello) = self.session.server_hello() {
            self.course.chosen(hello);
        }
    }

    /// A record was opened; whether its text is the application's.
    pub(super) fn opened(&mut self, peer: Peer, kind: u8, text: &[u8]) -> bool {
        match kind {
            APPLICATION_DATA => return !text.is_empty(),
            HANDSHAKE => {
                let is_tls13 = self.session.is_tls13();
                let mut is_updated = false;
                let mut hellos = Vec::new();
                self.direction(peer)
                    .handshake
                    .push(text, |message| match message {
                        Message::KeyUpdate => is_updated = true,
                        message => hellos.push(message),
                    });
                if is_updated {
                    self.direction(peer).update_key();
                }
                if !is_tls13 {
                    // TLS 1.2 may negotiate anew.
                    for message in hellos {
                        self.session.take(peer, message);
                    }
                }
            }
            CHANGE_CIPHER_SPEC => self.direction(peer).protect(),
            ALERT => {}
            _ => {}
        }
        false
    }

    pub(super) fn not_authentic(&mut self, peer: Peer, context: &mut TlsContext<'_>) {
        let TlsContext { losses, text, .. } = context;
        let is_tls13 = self.session.is_tls13();
        let direction = self.direction(peer);
        let size = direction.reader.size();
        if direction.is_proven() {
            let position = direction
                .reader
                .marks()
                .next()
                .map_or(0, |mark| mark.position);
            losses.record(&BAD_RECORD, Position::Byte(position), || {
                format!("a record of {size} bytes {peer}")
            });
            direction.not_opened(size);
        } else if !is_tls13 {
            direction.not_opened(size);
        } else if !direction.is_of_handshake(text) {
            direction.handshake_record();
        }
        if direction.failed() >= MOST_FAILED {
            self.give_up_as(&NOT_AUTHENTIC, String::new());
        }
    }
}
