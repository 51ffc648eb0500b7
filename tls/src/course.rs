//! How the handshake of a connection went, told by the records that it is of, without opening them.
//!
//! Source: RFC 5246, 7.3 and RFC 8446, 2.

use crate::hello::ServerHello;
use crate::peer::Peer;
use crate::record_kind::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE};

const CLIENT_HELLO: u8 = 1;
const TLS_1_3: u16 = 0x0304;

/// The level of an alert that ends a connection.
const FATAL: u8 = 2;

/// How a handshake went. It is over with its `end`, with an `alert`, or when the connection is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandshakeCourse {
    /// When the first byte of the ClientHello came; none when it was not captured.
    pub start: Option<i64>,
    /// When it was done: of TLS 1.2 when the later of both Finished had come, of TLS 1.3 when the first encrypted record
    /// of the client had, with which its part of the handshake begins to end; what the server says to that is encrypted.
    pub end: Option<i64>,
    /// How long of it a record of the server was waited for, after the client's last.
    pub server_ns: i64,
    /// Of TLS 1.2 `0x0303`, of TLS 1.3 `0x0304`; none before the server has chosen.
    pub version: Option<u16>,
    /// The number of the cipher suite that the server chose.
    pub suite: Option<u16>,
    /// Whether an earlier session was taken up again; none when that is not known.
    pub is_resumed: Option<bool>,
    /// Who ended it by an alert, and the alert's number.
    pub alert: Option<(Peer, u8)>,
    /// When the client's last record came that the server has not answered.
    unanswered: Option<i64>,
    /// Who changed to encryption (client, server), when their Finished came, and who was first.
    has_changed: [bool; 2],
    finished: [Option<i64>; 2],
    first_changed: Option<Peer>,
}

/// What is seen of a record: who sent it, what it is, and when it began and ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeenRecord<'a> {
    pub(crate) peer: Peer,
    pub(crate) kind: u8,
    /// As far as its bytes are there.
    pub(crate) body: &'a [u8],
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl HandshakeCourse {
    /// Whether nothing more of it is expected.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some() || self.alert.is_some()
    }

    /// Takes the next record of the connection.
    pub(crate) fn record(&mut self, record: SeenRecord<'_>) {
        if self.is_over() {
            return;
        }
        let SeenRecord { peer, kind, .. } = record;
        let own = usize::from(peer == Peer::Server);
        let is_hello =
            peer == Peer::Client && kind == HANDSHAKE && record.body.first() == Some(&CLIENT_HELLO);
        if self.start.is_none() {
            if !is_hello {
                return;
            }
            self.start = Some(record.first);
        }
        match peer {
            Peer::Client => self.unanswered = Some(record.last),
            Peer::Server => {
                if let Some(asked) = self.unanswered.take() {
                    let waited = record.first.saturating_sub(asked).max(0);
                    self.server_ns = self.server_ns.saturating_add(waited);
                }
            }
        }
        let has_changed = self.has_changed.get(own).copied().unwrap_or(false);
        match (kind, record.body) {
            (CHANGE_CIPHER_SPEC, _) => {
                if let Some(changed) = self.has_changed.get_mut(own) {
                    *changed = true;
                }
                self.first_changed = self.first_changed.or(Some(peer));
            }
            (HANDSHAKE, _) if has_changed && self.version != Some(TLS_1_3) => {
                if let Some(finished) = self.finished.get_mut(own) {
                    finished.get_or_insert(record.last);
                }
                if let [Some(client), Some(server)] = self.finished {
                    self.end = Some(client.max(server));
                    // Who takes a session up again lets the server finish first.
                    self.is_resumed = self.first_changed.map(|first| first == Peer::Server);
                }
            }
            (APPLICATION_DATA, _) if peer == Peer::Client && self.version == Some(TLS_1_3) => {
                self.end = Some(record.last);
            }
            (ALERT, &[FATAL, alert]) if !has_changed => self.alert = Some((peer, alert)),
            _ => {}
        }
    }

    /// The server has chosen.
    pub(crate) fn chosen(&mut self, hello: &ServerHello) {
        self.version = Some(hello.version);
        self.suite = Some(hello.suite);
        if hello.version == TLS_1_3 {
            self.is_resumed = Some(hello.has_pre_shared_key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(records: &[(Peer, u8, &[u8], i64)], version: u16) -> HandshakeCourse {
        let mut course = HandshakeCourse::default();
        for &(peer, kind, body, time) in records {
            course.record(SeenRecord {
                peer,
                kind,
                body,
                first: time,
                last: time + 1,
            });
            if body.first() == Some(&2) && kind == HANDSHAKE {
                course.chosen(&ServerHello {
                    random: [0; 32],
                    version,
                    suite: 0x1301,
                    session_id: Vec::new(),
                    encrypt_then_mac: false,
                    is_compressed: false,
                    has_pre_shared_key: true,
                });
            }
        }
        course
    }

    const FULL: [(Peer, u8, &[u8], i64); 7] = [
        (Peer::Client, HANDSHAKE, &[1], 10),
        (Peer::Server, HANDSHAKE, &[2], 30),
        (Peer::Client, HANDSHAKE, &[16], 40),
        (Peer::Client, CHANGE_CIPHER_SPEC, &[1], 42),
        (Peer::Client, HANDSHAKE, &[0x9f], 44),
        (Peer::Server, CHANGE_CIPHER_SPEC, &[1], 60),
        (Peer::Server, HANDSHAKE, &[0xa0], 62),
    ];

    #[test]
    fn tls_1_2_is_done_with_the_later_finished_and_what_the_server_took_is_told() {
        let full = course(&FULL, 0x0303);
        assert_eq!((full.start, full.end), (Some(10), Some(63)));
        // 19 ns from the hello to its answer, 15 from the client's Finished to the server's.
        assert_eq!((full.server_ns, full.is_resumed), (19 + 15, Some(false)));
        let resumed: Vec<_> = [FULL[0], FULL[1], FULL[5], FULL[6], FULL[3], FULL[4]]
            .into_iter()
            .zip([10, 30, 32, 34, 50, 52])
            .map(|((peer, kind, body, _), time)| (peer, kind, body, time))
            .collect();
        let resumed = course(&resumed, 0x0303);
        assert_eq!((resumed.end, resumed.is_resumed), (Some(53), Some(true)));
        assert_eq!(resumed.server_ns, 19);
    }

    #[test]
    fn tls_1_3_is_done_with_the_client_s_first_encrypted_record() {
        let records = [
            FULL[0],
            FULL[1],
            (Peer::Server, APPLICATION_DATA, &[9][..], 31),
            (Peer::Client, CHANGE_CIPHER_SPEC, &[1][..], 40),
            (Peer::Client, APPLICATION_DATA, &[9][..], 44),
            (Peer::Server, APPLICATION_DATA, &[9][..], 99),
        ];
        let course = course(&records, TLS_1_3);
        assert_eq!((course.start, course.end), (Some(10), Some(45)));
        assert_eq!((course.server_ns, course.is_resumed), (19, Some(true)));
    }

    #[test]
    fn an_alert_ends_it_and_one_that_nobody_can_read_does_not() {
        let refused = [FULL[0], (Peer::Server, ALERT, &[2, 40][..], 30)];
        let refused = course(&refused, 0x0303);
        assert_eq!(
            (refused.end, refused.alert),
            (None, Some((Peer::Server, 40)))
        );
        let mut records = FULL[..5].to_vec();
        records.push((Peer::Client, ALERT, &[2, 40], 50));
        assert_eq!(course(&records, 0x0303).alert, None);
    }

    #[test]
    fn without_a_client_hello_nothing_is_told() {
        assert_eq!(course(&FULL[1..], 0x0303).start, None);
        assert_eq!(course(&FULL[1..], 0x0303).end, None);
    }
}
