//! Input that waits for keys, which may still come in a key log that grows.

use super::Tls;
use crate::key_log::TlsKeys;
use crate::peer::Peer;
use crate::record::Input;
use crate::session::{NoKeys, Session};

/// Bytes of a connection that wait for its secrets to appear in a key log.
const MOST_WAITING: usize = 1 << 20;

/// Input that waits for keys.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) peer: Peer,
    pub(super) bytes: Vec<u8>,
    /// Bytes that are read already.
    pub(super) read: usize,
    pub(super) time: i64,
    pub(super) position: u64,
    pub(super) missing: u64,
    pub(super) is_seen: bool,
}

impl Tls {
    /// Keys are not there yet, and may come: keeps the record that was found, and the rest of the input.
    pub(super) fn wait(&mut self, peer: Peer, input: &mut Input<'_>) {
        self.is_waiting = true;
        let direction = self.direction(peer);
        let sealed = direction.reader.record();
        let bytes = [&sealed.header, sealed.body].concat();
        let missing = direction.reader.size().saturating_sub(bytes.len()) as u64;
        let is_seen = direction.reader.lost_seen().is_some();
        let (time, position) = direction
            .reader
            .marks()
            .next()
            .map_or((input.time, input.position), |mark| {
                (mark.time, mark.position)
            });
        self.held_bytes = self.held_bytes.saturating_add(bytes.len());
        self.held.push_back(Held {
            peer,
            bytes,
            read: 0,
            time,
            position,
            missing,
            is_seen,
        });
        self.hold(peer, input);
    }

    pub(super) fn hold(&mut self, peer: Peer, input: &mut Input<'_>) {
        let bytes = std::mem::take(&mut input.bytes).to_vec();
        let missing = std::mem::take(&mut input.missing);
        if bytes.is_empty() && missing == 0 {
            return;
        }
        self.held_bytes = self.held_bytes.saturating_add(bytes.len());
        self.held.push_back(Held {
            peer,
            bytes,
            read: 0,
            time: input.time,
            position: input.position,
            missing,
            is_seen: input.is_seen,
        });
        if self.held_bytes > MOST_WAITING {
            self.stop_waiting();
        }
    }

    /// Whether the keys that are waited for have come.
    pub(super) fn look_for_keys(&mut self, keys: &TlsKeys) {
        let is_there = |session: &Session| session.key(Peer::Client, keys).is_ok();
        if !is_there(&self.session) {
            keys.grow();
        }
        if is_there(&self.session) {
            self.is_waiting = false;
        }
    }

    fn stop_waiting(&mut self) {
        self.is_waiting = false;
        self.give_up(NoKeys::NoKey);
    }

    /// Bytes that are held.
    pub fn held_bytes(&self) -> usize {
        let directions = [&self.client, &self.server].map(|direction| {
            direction
                .reader
                .held_bytes()
                .saturating_add(direction.handshake.held_bytes())
        });
        directions
            .into_iter()
            .fold(self.held_bytes, usize::saturating_add)
    }

    /// Since when bytes are held.
    pub fn held_since(&self) -> Option<i64> {
        let directions = [&self.client, &self.server];
        let held = self.held.front().map(|held| held.time);
        directions
            .into_iter()
            .filter_map(|direction| direction.reader.held_since())
            .chain(held)
            .min()
    }

    /// Gives up the bytes that are held, for lack of memory.
    pub fn give_up_held(&mut self) {
        if self.is_waiting {
            self.stop_waiting();
        }
        self.held.clear();
        self.held_bytes = 0;
        for direction in [&mut self.client, &mut self.server] {
            direction.reader.give_up_held();
            direction.handshake.lose();
        }
    }

    /// The connection ends: the keys that it waits for have come, or will not.
    pub fn end_of_waiting(&mut self, keys: &TlsKeys) {
        if self.is_waiting {
            self.look_for_keys(keys);
        }
        if self.is_waiting {
            self.stop_waiting();
        }
    }
}
