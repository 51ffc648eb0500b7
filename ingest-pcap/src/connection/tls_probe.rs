//! Whether an encrypted conversation is one of Kafka requests.

use kcorr_capture::{Endpoint, Segment};
use kcorr_model::LossLedger;
use kcorr_tls::{Input, Next, Peer, SessionSearch, Tls, TlsContext, TlsKeys, is_client_hello};

use super::piece::Side;
use super::probe::RequestProbe;

/// Farther than this from the expected byte nothing is read any more.
const WINDOW: i32 = 1 << 20;

/// A conversation that began with a ClientHello: what its ends say, opened by the secrets of a key log.
#[derive(Debug)]
pub(crate) struct TlsProbe {
    client: Endpoint,
    tls: Tls,
    requests: RequestProbe,
    /// The sequence numbers of the next bytes to and from the server.
    next: [Option<u32>; 2],
    text: Vec<u8>,
}

impl TlsProbe {
    /// Whether a segment begins such a conversation.
    pub(crate) fn begins(segment: &Segment<'_>) -> bool {
        !segment.is_message && is_client_hello(segment.payload)
    }

    pub(crate) fn new(client: Endpoint) -> Self {
        Self {
            client,
            tls: Tls::default(),
            requests: RequestProbe::default(),
            next: [None; 2],
            text: Vec::new(),
        }
    }

    pub(crate) fn is_client(&self, end: Endpoint) -> bool {
        self.client == end
    }

    /// Takes a segment; true when the client has sent two requests in a row, or one was answered.
    pub(crate) fn segment(&mut self, segment: &Segment<'_>, time: i64, keys: &TlsKeys) -> bool {
        if !segment.has_bytes() {
            return false;
        }
        let side = Side::of(self.is_client(segment.source));
        let [to, from] = &mut self.next;
        let next = match side {
            Side::Requests => to,
            Side::Responses => from,
        };
        let ahead = next.map_or(0, |next| segment.sequence.wrapping_sub(next).cast_signed());
        let (missing_before, bytes) = match ahead {
            0 => (0, segment.payload),
            1..=WINDOW => (u64::from(ahead.unsigned_abs()), segment.payload),
            ..0 => {
                let old = usize::try_from(ahead.unsigned_abs()).unwrap_or(usize::MAX);
                match segment.payload.get(old..) {
                    Some(new) if !new.is_empty() => (0, new),
                    _ => return false,
                }
            }
            _ => return false,
        };
        *next = Some(segment.sequence.wrapping_add(segment.bytes()));
        let nothing = Input {
            bytes: &[],
            time,
            position: 0,
            missing: missing_before,
            is_seen: false,
        };
        let bytes = Input {
            bytes,
            missing: u64::from(segment.cut),
            is_seen: true,
            ..nothing
        };
        let mut is_kafka = false;
        for mut input in [nothing, bytes] {
            is_kafka |= self.read(side, &mut input, segment, time, keys);
        }
        is_kafka
    }

    fn read(
        &mut self,
        side: Side,
        input: &mut Input<'_>,
        segment: &Segment<'_>,
        time: i64,
        keys: &TlsKeys,
    ) -> bool {
        let mut is_kafka = false;
        loop {
            // Nothing is lost that is read again when it is Kafka.
            let mut context = TlsContext {
                keys,
                losses: &mut LossLedger::default(),
                text: &mut self.text,
                search: &mut SessionSearch::none(),
            };
            let Some(next) = self.tls.next(side.into(), input, &mut context) else {
                // Of a conversation that is not read nothing is asked here.
                drop(self.tls.take_turns());
                return is_kafka;
            };
            let text = |payload, cut| Segment {
                payload,
                cut,
                is_message: true,
                ..*segment
            };
            is_kafka |= match next {
                Next::Text(Peer::Client) => self.requests.says(&text(&self.text, 0), time),
                Next::Text(Peer::Server) => self.requests.hears(&text(&self.text, 0), time),
                Next::Missed(Peer::Client, bytes, _) => {
                    let cut = u32::try_from(bytes).unwrap_or(u32::MAX);
                    self.requests.says(&text(&[], cut), time)
                }
                Next::Missed(Peer::Server, ..) => false,
            };
        }
    }
}
