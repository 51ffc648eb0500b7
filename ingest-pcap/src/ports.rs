//! Ports of brokers: those that were named, or those that Kafka is spoken on.
//!
//! When none is named, TCP conversations are looked into until one has two requests in a row, or one
//! with its answer: then the port they go to is a broker's, and what was kept of its conversations is
//! read. 9092 is taken for one from the beginning.

use hashbrown::HashMap;
use kcorr_capture::{Endpoint, Segment};
use kcorr_tls::TlsKeys;

use crate::connection::{RequestProbe, TlsProbe};

/// Kafka's own port.
const USUAL_PORT: u16 = 9092;

/// Conversations that are looked into at a time.
const MOST_CONVERSATIONS: usize = 4096;

/// Payload bytes of a conversation in which Kafka is looked for.
const MOST_LOOKED_INTO: u64 = 16 << 20;

/// Payload bytes that are kept of all conversations, and of one.
const MOST_KEPT: usize = 16 << 20;
const MOST_KEPT_OF_ONE: usize = 1 << 20;

/// A segment that is kept until it is known whether it is of interest.
#[derive(Debug)]
pub(crate) struct KeptSegment {
    segment: Segment<'static>,
    payload: Vec<u8>,
    options: Vec<u8>,
    /// In which order they came.
    number: u64,
    pub(crate) time: i64,
    pub(crate) position: u64,
    pub(crate) packet_bytes: usize,
}

impl KeptSegment {
    /// The segment as it came.
    pub(crate) fn segment(&self) -> Segment<'_> {
        Segment {
            payload: &self.payload,
            options: &self.options,
            ..self.segment
        }
    }
}

/// A conversation between two ends, of which nobody knows yet which is a broker.
#[derive(Debug, Default)]
struct Conversation {
    /// What each end says: the first is the smaller one.
    probes: [RequestProbe; 2],
    /// What opens it, when it is encrypted.
    tls: Option<Box<TlsProbe>>,
    kept: Vec<KeptSegment>,
    kept_bytes: usize,
    looked_into: u64,
}

/// The ports that are read.
#[derive(Debug)]
pub(crate) struct Ports {
    known: Vec<u16>,
    /// The conversations that are looked into; none when ports were named.
    sought: Option<HashMap<(Endpoint, Endpoint), Conversation>>,
    kept_bytes: usize,
    number: u64,
}

impl Ports {
    pub(crate) fn new(named: &[u16]) -> Self {
        Self {
            known: if named.is_empty() {
                vec![USUAL_PORT]
            } else {
                named.to_vec()
            },
            sought: named.is_empty().then(HashMap::new),
            kept_bytes: 0,
            number: 0,
        }
    }

    #[inline]
    pub(crate) fn contains(&self, port: u16) -> bool {
        match self.known.as_slice() {
            [only] => *only == port,
            known => known.contains(&port),
        }
    }

    /// Whether they are found from the traffic.
    pub(crate) fn are_sought(&self) -> bool {
        self.sought.is_some()
    }

    pub(crate) fn known(&self) -> &[u16] {
        &self.known
    }

    /// Looks into a segment between ports that are not known. When it shows one to be a broker's, all
    /// that was kept of the conversations with that port is given back, this segment included.
    pub(crate) fn look_into(
        &mut self,
        segment: &Segment<'_>,
        time: i64,
        position: u64,
        packet_bytes: usize,
        keys: &TlsKeys,
    ) -> Vec<KeptSegment> {
        let Some(sought) = &mut self.sought else {
            return Vec::new();
        };
        let is_bare = !segment.has_bytes();
        let (from, to) = (segment.source, segment.destination);
        let (key, side) = if from <= to {
            ((from, to), 0)
        } else {
            ((to, from), 1)
        };
        // Acknowledgements alone begin nothing, and say nothing of Kafka; they are kept for what they say of
        // TCP.
        let is_silent = is_bare && !(segment.syn || segment.fin || segment.rst);
        if is_silent && sought.get(&key).is_none_or(|known| known.kept.is_empty()) {
            return Vec::new();
        }
        if sought.len() >= MOST_CONVERSATIONS && !sought.contains_key(&key) {
            // Those that were looked into longest are least likely to be Kafka's.
            let mut ages: Vec<u64> = sought.values().map(|c| c.looked_into).collect();
            ages.sort_unstable();
            let median = ages.get(ages.len() / 2).copied().unwrap_or(0);
            sought.retain(|_, c| c.looked_into < median);
            self.kept_bytes = sought.values().map(|c| c.kept_bytes).sum();
        }
        let conversation = sought.entry(key).or_default();
        if conversation.looked_into > MOST_LOOKED_INTO {
            return Vec::new();
        }
        conversation.looked_into = conversation
            .looked_into
            .saturating_add(segment.payload.len() as u64);
        self.number = self.number.saturating_add(1);
        let size = segment
            .payload
            .len()
            .saturating_add(size_of::<KeptSegment>());
        if conversation.kept_bytes.saturating_add(size) <= MOST_KEPT_OF_ONE
            && self.kept_bytes.saturating_add(size) <= MOST_KEPT
        {
            conversation.kept_bytes = conversation.kept_bytes.saturating_add(size);
            self.kept_bytes = self.kept_bytes.saturating_add(size);
            conversation.kept.push(KeptSegment {
                segment: Segment {
                    payload: &[],
                    options: &[],
                    ..*segment
                },
                payload: segment.payload.to_vec(),
                options: segment.options.to_vec(),
                number: self.number,
                time,
                position,
                packet_bytes,
            });
        } else {
            // What is kept must be without a gap: better nothing than that.
            self.kept_bytes = self.kept_bytes.saturating_sub(conversation.kept_bytes);
            conversation.kept_bytes = 0;
            conversation.kept = Vec::new();
        }
        if is_silent {
            return Vec::new();
        }
        if conversation.tls.is_none() && TlsProbe::begins(segment) && keys.are_given() {
            conversation.tls = Some(Box::new(TlsProbe::new(from)));
        }
        if let Some(probe) = &mut conversation.tls {
            if !probe.segment(segment, time, keys) {
                return Vec::new();
            }
            let is_client = probe.is_client(from);
            return self.found(if is_client { to.port } else { from.port });
        }
        let [first, second] = &mut conversation.probes;
        let (own, other) = if side == 0 {
            (first, second)
        } else {
            (second, first)
        };
        let port = if own.says(segment, time) {
            to.port
        } else if other.hears(segment, time) {
            from.port
        } else {
            return Vec::new();
        };
        self.found(port)
    }

    /// A port is a broker's: gives back what was kept of it.
    fn found(&mut self, port: u16) -> Vec<KeptSegment> {
        self.known.push(port);
        let mut kept = Vec::new();
        if let Some(sought) = &mut self.sought {
            sought.retain(|(one, other), conversation| {
                let is_it = one.port == port || other.port == port;
                if is_it {
                    kept.append(&mut conversation.kept);
                }
                !is_it
            });
            self.kept_bytes = sought.values().map(|c| c.kept_bytes).sum();
        }
        kept.sort_by_key(|segment| segment.number);
        kept
    }
}
