//! Turns of a connection that cannot be read: what the client sent, and the server then, until the client sent again.
//!
//! Told by the sizes and times of records, and by what TCP had acknowledged. A turn is one exchange of a client that
//! waits for each answer before it asks again. Of one that does not wait, a turn may begin and end with different
//! exchanges; what shows that a client does not wait is told ([`Turns::overlap`]), and what does not show it proves
//! nothing: two requests that left at once are one turn. So are those whose records share a packet.
//!
//! Records may be no text: in TLS 1.3 tickets, changes of keys and alerts look like any other. Tickets come in
//! the first turns after a handshake, which are not told (in TLS 1.2 they look like what they are); the others have
//! sizes by which they are known, and a turn with a record of such a size is not told either.

use crate::peer::Peer;
use crate::record_kind::APPLICATION_DATA;

/// A pause between two records of one sender, with nothing that TCP would wait for, shows two messages.
const PAUSE_NS: i64 = 500_000;

/// With so many bytes not acknowledged, TCP may be what waits.
const OUTSTANDING: u32 = 8 << 10;

/// Turns after a handshake or a hole that are not told.
const FIRST_TURNS: u8 = 2;

/// Sizes of records of TLS 1.3 with an alert (two bytes) and with a KeyUpdate (five), of senders that do not pad, and of
/// Java, which adds 16 zeros.
const CONTROL_SIZES: [usize; 4] = [24, 27, 40, 43];

/// What the client sent, and the server then. Times are ns since 1970, of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// When the first byte of the client came.
    pub begun: i64,
    /// When the last byte of the client came.
    pub asked: i64,
    /// When the first byte of the server came.
    pub answered: i64,
    /// When the last byte of the server came.
    pub done: i64,
    /// Bytes of the client's records, headers included.
    pub client_bytes: u64,
    /// How many they were.
    pub client_records: u64,
    /// Bytes of the server's records.
    pub server_bytes: u64,
    /// How many they were.
    pub server_records: u64,
}

/// What TCP tells of a packet's sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Whether it had received all that the other had sent before.
    pub has_heard_all: bool,
    /// Whether it had received more of the other than was seen until now: some of that is missing.
    pub has_heard_more: bool,
    /// Bytes that it had sent before and that were not acknowledged.
    pub outstanding: u32,
}

/// A turn that is not over.
#[derive(Debug, Clone, Copy)]
struct Open {
    turn: Turn,
    is_certain: bool,
}

/// Finds turns.
#[derive(Debug)]
pub(crate) struct Turns {
    open: Option<Open>,
    /// Who sent last, and when the last packet of it came.
    last: Option<(Peer, i64)>,
    /// Turns that are still not to be told.
    first: u8,
    /// The first turn is begun by the end of the client's handshake, which waits for no answer.
    is_handshake: bool,
    told: Vec<Turn>,
    /// Turns that were not told.
    uncertain: u64,
    overlap: Option<i64>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            open: None,
            last: None,
            first: FIRST_TURNS,
            is_handshake: true,
            told: Vec::new(),
            uncertain: 0,
            overlap: None,
        }
    }
}

impl Turns {
    /// The handshake is over, and nothing of it looks like text, as in TLS 1.2.
    pub(crate) fn are_without_tickets(&mut self) {
        self.first = 0;
        self.is_handshake = false;
    }

    /// A packet with bytes came; whether it begins where a record does.
    pub(crate) fn packet(&mut self, peer: Peer, time: i64, pace: Pace, is_at_record: bool) {
        let is_overlap = match self.last {
            Some((last, before)) if last == peer => {
                let pause = time.saturating_sub(before);
                is_at_record && pause > PAUSE_NS && pace.outstanding < OUTSTANDING
            }
            Some(_) => !pace.has_heard_all,
            None => false,
        };
        if pace.has_heard_more
            && let Some(open) = &mut self.open
        {
            open.is_certain = false;
        }
        if is_overlap && self.open.is_some() && !self.is_handshake {
            self.overlap.get_or_insert(time);
        }
        self.last = Some((peer, time));
    }

    /// A record came: its size, when its first and last byte did, and whether bytes of it are missing.
    pub(crate) fn record(
        &mut self,
        peer: Peer,
        kind: u8,
        size: usize,
        (first, last): (i64, i64),
        is_damaged: bool,
    ) {
        if kind != APPLICATION_DATA {
            return;
        }
        let bytes = size as u64;
        let is_certain = !is_damaged && !CONTROL_SIZES.contains(&size);
        if peer == Peer::Client {
            if self.open.is_some_and(|open| open.turn.server_records > 0) {
                self.end();
            }
            let open = self.open.get_or_insert(Open {
                turn: Turn {
                    begun: first,
                    asked: last,
                    answered: last,
                    done: last,
                    client_bytes: 0,
                    client_records: 0,
                    server_bytes: 0,
                    server_records: 0,
                },
                is_certain: true,
            });
            open.is_certain &= is_certain;
            open.turn.asked = open.turn.asked.max(last);
            open.turn.client_bytes = open.turn.client_bytes.saturating_add(bytes);
            open.turn.client_records = open.turn.client_records.saturating_add(1);
        } else if let Some(open) = &mut self.open {
            if open.turn.server_records == 0 {
                open.turn.answered = first;
                open.turn.done = last;
            }
            open.is_certain &= is_certain;
            open.turn.done = open.turn.done.max(last);
            open.turn.server_bytes = open.turn.server_bytes.saturating_add(bytes);
            open.turn.server_records = open.turn.server_records.saturating_add(1);
        }
    }

    /// The client has sent again: the turn before is over.
    fn end(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        self.is_handshake = false;
        if self.first > 0 || !open.is_certain {
            self.first = self.first.saturating_sub(1);
            self.uncertain = self.uncertain.saturating_add(1);
        } else {
            self.told.push(open.turn);
        }
    }

    /// Bytes were lost, of which it is not known what they were.
    pub(crate) fn lose(&mut self) {
        if self.open.take().is_some() {
            self.uncertain = self.uncertain.saturating_add(1);
        }
        self.first = FIRST_TURNS;
        self.last = None;
    }

    /// Forgets what was not taken.
    pub(crate) fn forget(&mut self) {
        self.lose();
        self.uncertain = self.uncertain.saturating_add(self.told.len() as u64);
        self.told.clear();
    }

    /// The turns since this was last asked, in their order. The last of a connection is not among them: nobody knows
    /// whether it was over.
    pub(crate) fn take(&mut self) -> std::vec::Drain<'_, Turn> {
        self.told.drain(..)
    }

    /// How many turns were not told.
    pub(crate) fn uncertain(&self) -> u64 {
        self.uncertain
    }

    /// The first time at which it showed that the client asks again before it has an answer.
    pub(crate) fn overlap(&self) -> Option<i64> {
        self.overlap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Pace = Pace {
        has_heard_all: true,
        has_heard_more: false,
        outstanding: 0,
    };

    /// What a conversation of packets is, each of one record: sender, milliseconds, size.
    fn turns(packets: &[(Peer, i64, usize, Pace)]) -> (Vec<Turn>, u64, Option<i64>) {
        let mut turns = Turns::default();
        for &(peer, ms, size, pace) in packets {
            let time = ms * 1_000_000;
            turns.packet(peer, time, pace, true);
            turns.record(peer, APPLICATION_DATA, size, (time, time), false);
        }
        let told = turns.take().collect();
        (told, turns.uncertain(), turns.overlap())
    }

    use Peer::{Client, Server};

    /// Two turns that are not told, then the given packets.
    fn behind_the_first(packets: &[(Peer, i64, usize, Pace)]) -> (Vec<Turn>, u64, Option<i64>) {
        let first = [
            (Client, 1, 100, CALM),
            (Server, 2, 100, CALM),
            (Client, 3, 100, CALM),
            (Server, 4, 100, CALM),
        ];
        turns(&[&first, packets].concat())
    }

    #[test]
    fn a_turn_is_what_the_client_sent_and_the_server_then() {
        let (told, uncertain, overlap) = behind_the_first(&[
            (Client, 10, 200, CALM),
            (Client, 10, 300, CALM),
            (Server, 14, 400, CALM),
            (Client, 20, 100, CALM),
            (Server, 21, 100, CALM),
        ]);
        // The last is not over.
        let expected = Turn {
            begun: 10_000_000,
            asked: 10_000_000,
            answered: 14_000_000,
            done: 14_000_000,
            client_bytes: 500,
            client_records: 2,
            server_bytes: 400,
            server_records: 1,
        };
        assert_eq!(
            (told.as_slice(), uncertain, overlap),
            (&[expected][..], 2, None)
        );
    }

    #[test]
    fn a_request_behind_a_pause_or_before_the_answer_was_heard_shows_that_the_client_does_not_wait()
    {
        let deaf = Pace {
            has_heard_all: false,
            ..CALM
        };
        let full = Pace {
            outstanding: 64 << 10,
            ..CALM
        };
        let pause = |pace| {
            behind_the_first(&[
                (Client, 10, 200, CALM),
                (Client, 12, 300, pace),
                (Server, 14, 400, CALM),
                (Client, 20, 100, CALM),
            ])
        };
        assert_eq!(pause(CALM).2, Some(12_000_000));
        // TCP may have waited for acknowledgements.
        assert_eq!(pause(full).2, None);
        let (_, _, overlap) = behind_the_first(&[
            (Client, 10, 200, CALM),
            (Server, 14, 400, CALM),
            (Client, 15, 100, deaf),
        ]);
        assert_eq!(overlap, Some(15_000_000));
        let (_, _, overlap) = behind_the_first(&[(Client, 10, 200, CALM), (Server, 14, 400, deaf)]);
        assert_eq!(overlap, Some(14_000_000));
    }

    #[test]
    fn a_turn_of_which_the_client_heard_more_than_was_seen_is_not_told() {
        let more = Pace {
            has_heard_more: true,
            ..CALM
        };
        let (told, uncertain, overlap) = behind_the_first(&[
            (Client, 10, 200, CALM),
            (Server, 14, 400, CALM),
            (Client, 20, 100, more),
            (Server, 21, 100, CALM),
            (Client, 30, 100, CALM),
        ]);
        let begun: Vec<i64> = told.iter().map(|turn| turn.begun).collect();
        assert_eq!(
            (begun.as_slice(), uncertain, overlap),
            (&[20_000_000][..], 3, None)
        );
    }

    #[test]
    fn a_turn_with_a_record_of_an_alert_s_or_a_key_s_size_is_not_told() {
        for size in CONTROL_SIZES {
            let (told, uncertain, _) = behind_the_first(&[
                (Client, 10, 200, CALM),
                (Server, 11, size, CALM),
                (Server, 11, 300, CALM),
                (Client, 20, 200, CALM),
                (Server, 21, 300, CALM),
                (Client, 30, 200, CALM),
            ]);
            assert_eq!((told.len(), uncertain), (1, 3));
            assert_eq!(told[0].begun, 20_000_000);
        }
    }

    #[test]
    fn behind_lost_bytes_turns_are_told_when_they_are_sure_again() {
        let mut turns = Turns::default();
        let mut at = 0;
        let mut exchange = |turns: &mut Turns| {
            at += 10;
            turns.record(Client, APPLICATION_DATA, 100, (at, at), false);
            turns.record(Server, APPLICATION_DATA, 100, (at + 1, at + 1), false);
        };
        for _ in 0..4 {
            exchange(&mut turns);
        }
        turns.lose();
        for _ in 0..4 {
            exchange(&mut turns);
        }
        let begun: Vec<i64> = turns.take().map(|turn| turn.begun).collect();
        assert_eq!(begun, [30, 70]);
        assert_eq!(turns.uncertain(), 5);
    }
}
