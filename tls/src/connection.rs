//! An encrypted connection: both directions, and what of them is text.

mod keying;
mod messages;
mod waiting;

use std::collections::VecDeque;

use kcorr_model::{LossKind, LossLedger};

use crate::course::{HandshakeCourse, SeenRecord};
use crate::direction::{Direction, Missed};
use crate::key_log::TlsKeys;
use crate::losses::{Extent, NO_HANDSHAKE, NOT_AUTHENTIC, OVERLAP, UnreadConnections};
use crate::peer::Peer;
use crate::record::{Found, Input};
use crate::record_kind::APPLICATION_DATA;
use crate::search::SessionSearch;
use crate::session::{NoKeys, Session};
use crate::turns::{Pace, Turn, Turns};
use waiting::Held;

/// What is next in a connection's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Text of a direction: [`Tls::pieces`].
    Text(Peer),
    /// So many bytes of a direction's text are missing, whose packets were seen at a time, or not at all.
    Missed(Peer, u64, Option<i64>),
}

/// A piece of a record's text that one packet brought. It can be read once the whole record is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextPiece {
    /// Its first byte, in the record's text.
    pub from: usize,
    /// The byte behind its last.
    pub to: usize,
    /// When the packet came that brought its first byte; of a record's first piece, the one that brought its header.
    pub time: i64,
    /// When the packet came that completed the record.
    pub done: i64,
    /// Where that first packet is in the capture.
    pub position: u64,
}

/// What all connections share.
#[derive(Debug)]
pub struct TlsContext<'a> {
    /// The secrets that there are.
    pub keys: &'a TlsKeys,
    /// Where single records that are damaged are told.
    pub losses: &'a mut LossLedger,
    /// The text of the last record.
    pub text: &'a mut Vec<u8>,
    /// The sessions that connections without a beginning may be of.
    pub search: &'a mut SessionSearch,
}

/// Why nothing is read any more.
#[derive(Debug, Clone, PartialEq, Eq)]
struct GivenUp {
    kind: &'static LossKind,
    detail: String,
}

/// An encrypted connection: takes the bytes of both directions as they come, and gives their text.
#[derive(Debug, Default)]
pub struct Tls {
    client: Direction,
    server: Direction,
    session: Session,
    /// All records, and those since reading was given up.
    seen: Extent,
    given_up: Option<GivenUp>,
    /// What came while keys were waited for.
    held: VecDeque<Held>,
    held_bytes: usize,
    is_waiting: bool,
    /// Text comes after what is missing before it, and before what is missing behind it.
    ready: Option<Peer>,
    /// Records for which a session was sought in vain.
    searches: u8,
    /// Whether any record was protected.
    is_protected: bool,
    behind: Option<(Peer, Missed)>,
    course: HandshakeCourse,
    /// Of a connection that is not read.
    turns: Turns,
}

impl Tls {
    fn direction(&mut self, peer: Peer) -> &mut Direction {
        match peer {
            Peer::Client => &mut self.client,
            Peer::Server => &mut self.server,
        }
    }

    /// Reads on, in what was held and then in `input`, of which it takes what it has read. None when all is read.
    pub fn next(
        &mut self,
        peer: Peer,
        input: &mut Input<'_>,
        context: &mut TlsContext<'_>,
    ) -> Option<Next> {
        if let Some(peer) = self.ready.take() {
            return Some(Next::Text(peer));
        }
        if let Some((peer, missed)) = self.behind.take() {
            return Some(Next::Missed(peer, missed.bytes, missed.seen));
        }
        if self.is_waiting {
            self.look_for_keys(context.keys);
        }
        while !self.is_waiting
            && let Some(mut held) = self.held.pop_front()
        {
            let mut rest = Input {
                bytes: held.bytes.get(held.read..).unwrap_or_default(),
                time: held.time,
                position: held.position,
                missing: held.missing,
                is_seen: held.is_seen,
            };
            let before = rest.bytes.len();
            let next = self.read(held.peer, &mut rest, context);
            // What TCP told of these packets is not known any more.
            self.turns.forget();
            let (read, missing) = (before.saturating_sub(rest.bytes.len()), rest.missing);
            let is_read = rest.bytes.is_empty() && missing == 0;
            self.held_bytes = self.held_bytes.saturating_sub(read);
            held.read = held.read.saturating_add(read);
            held.missing = missing;
            if next.is_some() || !is_read {
                self.held.push_front(held);
            }
            if next.is_some() {
                return next;
            }
        }
        if self.is_waiting {
            self.hold(peer, input);
            return None;
        }
        self.read(peer, input, context)
    }

    /// Reads on in one input.
    fn read(
        &mut self,
        peer: Peer,
        input: &mut Input<'_>,
        context: &mut TlsContext<'_>,
    ) -> Option<Next> {
        let before = input.bytes.len();
        let next = self.records(peer, input, context);
        let read = before.saturating_sub(input.bytes.len());
        self.direction(peer).came(read);
        next
    }

    fn records(
        &mut self,
        peer: Peer,
        input: &mut Input<'_>,
        context: &mut TlsContext<'_>,
    ) -> Option<Next> {
        loop {
            let found = self.direction(peer).reader.next(input);
            let direction = self.direction(peer);
            let passed = direction.reader.take_passed();
            if passed > 0 {
                direction.passed(passed);
                self.turns.lose();
                self.seen.bytes = self.seen.bytes.saturating_add(passed);
            }
            if found == Found::Nothing {
                return None;
            }
            if self.given_up.is_some() {
                self.count(peer);
                self.turn(peer, found);
                continue;
            }
            let kind = self.direction(peer).reader.record().header[0];
            if !self.is_protected(peer, kind) {
                self.count(peer);
                self.plain_record(peer, kind, found);
                continue;
            }
            self.is_protected = true;
            if !self.direction(peer).has_key()
                && let Err(why) = self.set_key(peer, found, context)
            {
                if why == NoKeys::NoKey && context.keys.may_grow() && self.held.is_empty() {
                    self.wait(peer, input);
                    return None;
                }
                if let Some(why) = self.is_final(why, found) {
                    self.give_up(why);
                }
                self.count(peer);
                if self.given_up.is_some() {
                    self.turn(peer, found);
                }
                continue;
            }
            if found == Found::Damaged {
                self.count(peer);
                let direction = self.direction(peer);
                if let Some(missed) = direction.open_beginning(context.text) {
                    self.behind = (missed.bytes > 0).then_some((peer, missed));
                    return Some(Next::Text(peer));
                }
                let (size, seen) = (direction.reader.size(), direction.reader.lost_seen());
                direction.damaged(size, seen);
                continue;
            }
            let direction = self.direction(peer);
            match direction.open(context.text) {
                Some((kind, missed)) => {
                    self.count(peer);
                    let is_text = self.opened(peer, kind, context.text);
                    if is_text {
                        self.ready = Some(peer);
                    }
                    if let Some(missed) = missed {
                        return Some(Next::Missed(peer, missed.bytes, missed.seen));
                    }
                    if self.ready.take().is_some() {
                        return Some(Next::Text(peer));
                    }
                }
                None if found == Found::Candidate => direction.reader.reject(),
                None => {
                    self.count(peer);
                    self.not_authentic(peer, context);
                }
            }
        }
    }

    /// Whether a record is protected by keys of what the hellos agreed on.
    fn is_protected(&mut self, peer: Peer, kind: u8) -> bool {
        if kind == APPLICATION_DATA {
            let is_tls13 = self.session.is_tls13();
            let direction = self.direction(peer);
            if !is_tls13 && !direction.is_protected {
                // The record that says so was lost, and the first that is protected with it.
                direction.is_protected = true;
            }
            return true;
        }
        !self.session.is_tls13() && self.direction(peer).is_protected
    }

    fn count(&mut self, peer: Peer) {
        let direction = self.direction(peer);
        direction.reader.accept();
        let size = direction.reader.size() as u64;
        let times = direction.reader.times();
        self.seen.records = self.seen.records.saturating_add(1);
        self.seen.bytes = self.seen.bytes.saturating_add(size);
        let Some((begun, done)) = times else {
            return;
        };
        let (first, last) = self.seen.times.get_or_insert((begun, done));
        *first = (*first).min(done);
        *last = (*last).max(done);
        if self.course.is_over() {
            return;
        }
        let direction = match peer {
            Peer::Client => &self.client,
            Peer::Server => &self.server,
        };
        let record = direction.reader.record();
        self.course.record(SeenRecord {
            peer,
            kind: record.header[0],
            body: record.body,
            first: begun,
            last: done,
        });
    }

    /// A record that is not read, for its turn.
    fn turn(&mut self, peer: Peer, found: Found) {
        if found == Found::Candidate {
            self.turns.lose();
        }
        let reader = &self.direction(peer).reader;
        let (kind, size) = (reader.record().header[0], reader.size());
        if let Some((begun, done)) = reader.times() {
            self.turns
                .record(peer, kind, size, (begun, done), found == Found::Damaged);
        }
    }

    /// A packet with bytes of a direction came, which are pushed behind this: what TCP tells of it.
    pub fn packet(&mut self, peer: Peer, time: i64, pace: Pace) {
        if self.is_waiting {
            self.turns.lose();
            return;
        }
        if self.given_up.is_some() {
            let is_at_record = self.direction(peer).reader.held_bytes() == 0;
            self.turns.packet(peer, time, pace, is_at_record);
        }
    }

    /// How its handshake went.
    pub fn handshake(&self) -> &HandshakeCourse {
        &self.course
    }

    /// Of a connection that is not read, the turns since this was last asked, in their order. The last is not among
    /// them: nobody knows whether it was over.
    pub fn take_turns(&mut self) -> impl Iterator<Item = Turn> {
        self.turns.take()
    }

    /// Of a connection that is not read: how many turns are not told, for nobody knows what they are of.
    pub fn uncertain_turns(&self) -> u64 {
        self.turns.uncertain()
    }

    /// Of a connection that is not read: the first time at which it showed that the client asks again before it has an
    /// answer, so that turns are not exchanges.
    pub fn overlap(&self) -> Option<i64> {
        self.turns.overlap()
    }

    fn give_up_as(&mut self, kind: &'static LossKind, detail: String) {
        // What was read of it is not lost.
        if self.client.is_proven() || self.server.is_proven() {
            self.seen = Extent::default();
        }
        self.given_up.get_or_insert(GivenUp { kind, detail });
    }

    /// Whether nothing of it is read any more.
    pub fn is_given_up(&self) -> bool {
        self.given_up.is_some()
    }

    /// The pieces of the last text, by the packets that brought it.
    pub fn pieces(&self, peer: Peer, text: usize) -> impl Iterator<Item = TextPiece> {
        let direction = match peer {
            Peer::Client => &self.client,
            Peer::Server => &self.server,
        };
        let before = direction.opener().map_or(0, |opener| opener.before_text());
        let marks = direction.reader.marks();
        let done = marks.clone().map(|mark| mark.time).max().unwrap_or(0);
        let ends = marks
            .clone()
            .skip(1)
            .map(move |mark| mark.at.saturating_sub(before).min(text))
            .chain([text]);
        // The record's header belongs to the first piece.
        let mut first = marks.clone().next();
        let mut from = 0;
        marks.zip(ends).filter_map(move |(mark, to)| {
            if to <= from {
                return None;
            }
            let mark = first.take().unwrap_or(mark);
            let piece = TextPiece {
                from,
                to,
                time: mark.time,
                done,
                position: mark.position,
            };
            from = to;
            Some(piece)
        })
    }

    /// What is missing at the end of a direction.
    pub fn end(&mut self, peer: Peer) -> Option<(u64, Option<i64>)> {
        let missed = self.direction(peer).end()?;
        Some((missed.bytes, missed.seen))
    }

    /// Says of a connection that was not read why.
    pub fn tell(&mut self, name: &str, position: u64, unread: &mut UnreadConnections) {
        if self.given_up.is_none() {
            let has_failed =
                |direction: &Direction| !direction.is_proven() && direction.failed() > 0;
            if has_failed(&self.client) || has_failed(&self.server) {
                self.give_up_as(&NOT_AUTHENTIC, String::new());
            } else if !self.session.is_known() && (self.is_protected || self.seen.records == 0) {
                self.give_up_as(&NO_HANDSHAKE, String::new());
            }
        }
        let Some(GivenUp { kind, detail }) = self.given_up.take() else {
            return;
        };
        let name = if detail.is_empty() {
            name.to_owned()
        } else {
            format!("{name} ({detail})")
        };
        let uncertain = self.turns.uncertain();
        if uncertain > 0 {
            unread.add_uncertain_turns(uncertain, position);
        }
        if self.turns.overlap().is_some() {
            unread.add(&OVERLAP, name.clone(), self.seen, position);
        }
        unread.add(kind, name, self.seen, position);
    }
}
