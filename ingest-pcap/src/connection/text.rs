//! The text of a connection: its bytes as they are, or what TLS has encrypted.

use kcorr_tls::{Input, Next, Pace, Tls, TlsContext, is_client_hello};

use super::Connection;
use super::header::is_tls;
use super::piece::{Piece, Side};
use crate::shared::Shared;

/// Segments that begin like records of TLS, of a connection whose beginning was not captured, until it is taken
/// for encrypted.
const TLS_SEGMENTS: u8 = 3;

impl Connection {
    /// Takes the next bytes of a direction, and so many that were not captured of the same packet.
    #[inline]
    pub(super) fn take(&mut self, side: Side, piece: Piece<'_>, cut: u32, shared: &mut Shared) {
        if self.tls.is_none() && !self.begins_tls(side, piece.bytes, shared) {
            self.text(side, piece, cut, shared);
            return;
        }
        let input = Input {
            bytes: piece.bytes,
            time: piece.time,
            position: piece.position,
            missing: u64::from(cut),
            is_seen: true,
        };
        self.decrypt(side, input, shared);
    }

    /// So many of the next bytes were not captured.
    pub(super) fn missed(
        &mut self,
        side: Side,
        bytes: u64,
        time: i64,
        position: u64,
        shared: &mut Shared,
    ) {
        if self.tls.is_none() {
            let (half, dialogue) = self.half(side);
            half.framing.miss(bytes, None, dialogue, shared);
            return;
        }
        // How much text that is shows with the next record; that there is some must be known before the other
        // direction goes on.
        match side {
            Side::Requests => self.dialogue.requests_lost(),
            Side::Responses => self.dialogue.responses_lost(),
        }
        let input = Input {
            bytes: &[],
            time,
            position,
            missing: bytes,
            is_seen: false,
        };
        self.decrypt(side, input, shared);
    }

    /// Takes text of a direction.
    #[inline]
    fn text(&mut self, side: Side, piece: Piece<'_>, cut: u32, shared: &mut Shared) {
        // A response to a request that is being looked for says where it was.
        if side == Side::Responses
            && !piece.bytes.is_empty()
            && self.requests.framing.is_searching()
            && self.responses.framing.is_between_messages()
        {
            self.requests
                .framing
                .answer(piece, cut, &mut self.dialogue, shared);
        }
        let (half, dialogue) = self.half(side);
        if !piece.bytes.is_empty() {
            half.framing.feed(piece, dialogue, shared);
        }
        if cut > 0 {
            half.framing
                .miss(u64::from(cut), Some(piece.time), dialogue, shared);
        }
    }

    /// Whether the connection turns out to be encrypted: where messages begin is known, or a ClientHello stands
    /// there, or it happens again and again.
    #[inline]
    fn begins_tls(&mut self, side: Side, bytes: &[u8], shared: &mut Shared) -> bool {
        let is_possible = self.dialogue.requests == 0
            && self.of(side).framing.is_between_messages()
            && is_tls(bytes);
        is_possible && self.saw_tls(side, bytes, shared)
    }

    #[cold]
    fn saw_tls(&mut self, side: Side, bytes: &[u8], shared: &mut Shared) -> bool {
        let is_start = self.of(side).framing.is_at_message()
            || (side == Side::Requests && is_client_hello(bytes));
        self.dialogue.tls_segments = self.dialogue.tls_segments.saturating_add(1);
        if !is_start && self.dialogue.tls_segments < TLS_SEGMENTS {
            return false;
        }
        for half in [&mut self.requests, &mut self.responses] {
            half.framing.begin_anew(shared);
            if is_start {
                half.framing.at_message();
            }
        }
        shared.is_encrypted = true;
        self.tls = Some(Box::new(Tls::default()));
        true
    }

    /// Says of the next bytes of a direction what TCP tells of their sender: how much it had received, and how much of
    /// its own was on the way.
    pub(super) fn pace(&mut self, side: Side, acknowledgment: Option<u32>, time: i64) {
        let distance = |to: Option<u32>, from: Option<u32>| {
            to.zip(from)
                .map_or(0, |(to, from)| to.wrapping_sub(from).cast_signed())
        };
        let (own, other) = (self.of(side), self.of(side.other()));
        let pace = Pace {
            has_heard_all: distance(other.next, acknowledgment) <= 0,
            has_heard_more: distance(other.next, acknowledgment) < 0,
            outstanding: u32::try_from(distance(own.next, own.heard_to)).unwrap_or(0),
        };
        if let Some(tls) = &mut self.tls {
            tls.packet(side.into(), time, pace);
        }
    }

    /// Reads encrypted bytes.
    fn decrypt(&mut self, side: Side, mut input: Input<'_>, shared: &mut Shared) {
        let Some(mut tls) = self.tls.take() else {
            return;
        };
        let mut text = std::mem::take(&mut shared.tls_text);
        loop {
            let mut context = TlsContext {
                keys: &shared.tls_keys,
                losses: &mut shared.losses,
                text: &mut text,
                search: &mut shared.tls_search,
            };
            match tls.next(side.into(), &mut input, &mut context) {
                None => break,
                Some(Next::Missed(peer, bytes, seen)) => {
                    let side = Side::from(peer);
                    let (half, dialogue) = self.half(side);
                    half.framing.miss(bytes, seen, dialogue, shared);
                }
                Some(Next::Text(peer)) => {
                    let side = Side::from(peer);
                    for piece in tls.pieces(peer, text.len()) {
                        let piece = Piece {
                            bytes: text.get(piece.from..piece.to).unwrap_or_default(),
                            time: piece.time,
                            done: piece.done,
                            position: piece.position,
                        };
                        self.text(side, piece, 0, shared);
                    }
                }
            }
        }
        shared.tls_text = text;
        self.dialogue.is_opaque |= tls.is_given_up();
        for turn in tls.take_turns() {
            shared.rows.push_turn(&turn, &self.dialogue.labels);
        }
        self.account_tls(tls.held_bytes(), shared);
        self.tls = Some(tls);
    }

    fn account_tls(&mut self, bytes: usize, shared: &mut Shared) {
        shared.release(self.tls_held_bytes);
        shared.hold(bytes);
        self.tls_held_bytes = bytes;
    }

    pub(super) fn give_up_encrypted(&mut self, shared: &mut Shared) {
        if let Some(tls) = &mut self.tls {
            tls.give_up_held();
            self.account_tls(0, shared);
        }
    }

    /// The connection ends: what is missing will not come, and what was not read is told.
    pub(super) fn end_tls(&mut self, shared: &mut Shared) {
        let Some(tls) = &mut self.tls else {
            // Few segments, which looked like records of TLS.
            self.dialogue.tell_tls(shared);
            return;
        };
        tls.end_of_waiting(&shared.tls_keys);
        let nothing = Input {
            bytes: &[],
            time: self.last_time,
            position: 0,
            missing: 0,
            is_seen: false,
        };
        self.decrypt(Side::Requests, nothing, shared);
        let Some(mut tls) = self.tls.take() else {
            return;
        };
        for side in [Side::Requests, Side::Responses] {
            if let Some((bytes, seen)) = tls.end(side.into()) {
                let (half, dialogue) = self.half(side);
                half.framing.miss(bytes, seen, dialogue, shared);
            }
        }
        let name = self.dialogue.name().to_string();
        tls.tell(&name, self.dialogue.first_position, &mut shared.tls_unread);
        if let Some(tcp) = &mut self.tcp {
            tcp.tls = Some(tls.handshake().clone());
            tcp.overlap_time = tls.overlap();
        }
        self.account_tls(0, shared);
    }

    pub(super) fn discard_tls(&mut self, shared: &mut Shared) {
        self.tls = None;
        self.account_tls(0, shared);
    }
}
