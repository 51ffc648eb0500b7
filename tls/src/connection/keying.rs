//! The keys of a connection: those of its session, or of one that is found by trying.

use super::{Tls, TlsContext};
use crate::losses::{NO_HANDSHAKE, NO_KEY, UNSUPPORTED};
use crate::peer::Peer;
use crate::record::Found;
use crate::search::MOST_CREDIT;
use crate::session::{Key, NoKeys};

/// Records of a connection whose beginning was not captured for which a session is sought.
const MOST_SEARCHES: u8 = 8;

impl Tls {
    pub(super) fn set_key(
        &mut self,
        peer: Peer,
        found: Found,
        context: &mut TlsContext<'_>,
    ) -> Result<(), NoKeys> {
        let keys = context.keys;
        let mut key = self.session.key(peer, keys);
        if matches!(key, Err(NoKeys::NoHandshake)) {
            if found == Found::Damaged {
                return Err(NoKeys::NoHandshake);
            }
            self.find_session(peer, context)?;
            key = self.session.key(peer, keys);
        }
        if self.session.is_found() && found == Found::Damaged {
            // Its number is not known before one is whole.
            return Err(NoKeys::NoHandshake);
        }
        if matches!(key, Err(NoKeys::NoKey)) {
            keys.grow();
            key = self.session.key(peer, keys);
        }
        let Key {
            opener,
            secret,
            handshake,
        } = key?;
        let direction = self.direction(peer);
        direction.set_key(opener, secret);
        direction.set_handshake_key(handshake);
        if self.session.is_found()
            && !self.direction(peer).find_number(
                MOST_CREDIT,
                &mut context.search.credit,
                context.text,
            )
        {
            return Err(NoKeys::NoHandshake);
        }
        Ok(())
    }

    /// Whether a connection is given up because a record of it has no key: that of another may be found.
    pub(super) fn is_final(&mut self, why: NoKeys, found: Found) -> Option<NoKeys> {
        if why != NoKeys::NoHandshake {
            return Some(why);
        }
        if found != Found::Damaged {
            self.searches = self.searches.saturating_add(1);
        }
        (self.searches >= MOST_SEARCHES).then_some(why)
    }

    /// Looks for the session of a connection whose beginning was not captured.
    #[cold]
    fn find_session(&mut self, peer: Peer, context: &mut TlsContext<'_>) -> Result<(), NoKeys> {
        let keys = context.keys;
        let record = self.direction(peer).reader.record();
        let session = context.search.session_of(peer, record, keys, context.text);
        let (client_random, suite) = session.ok_or(NoKeys::NoHandshake)?;
        self.session.is(client_random, suite);
        Ok(())
    }

    pub(super) fn give_up(&mut self, why: NoKeys) {
        if self.session.is_tls12() {
            self.turns.are_without_tickets();
        }
        match why {
            NoKeys::NoHandshake => self.give_up_as(&NO_HANDSHAKE, String::new()),
            NoKeys::NoKey => self.give_up_as(&NO_KEY, String::new()),
            NoKeys::Unsupported(detail) => self.give_up_as(&UNSUPPORTED, detail),
        }
    }
}
