//! A request while it waits for its response.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use kcorr_kafka::{Codec, MessageIds, Stop};

use super::InSyncRequest;
use super::Telemetry;
use super::TopicKey;
use super::sasl::Sasl;

/// A request seen on the wire, and what is known of its response.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) request_id: i64,
    pub(crate) api_key: i16,
    pub(crate) api_version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) client_id: Option<Arc<str>>,
    pub(crate) arrival_time: i64,
    pub(crate) read_time: Option<i64>,
    pub(crate) response_time: Option<i64>,
    pub(crate) end_time: Option<i64>,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: Option<u64>,
    pub(crate) acks: Option<i16>,
    pub(crate) replica_id: Option<i32>,
    pub(crate) max_wait_ms: Option<i32>,
    pub(crate) min_bytes: Option<i32>,
    pub(crate) group_id: Option<Box<str>>,
    pub(crate) transactional_id: Option<Box<str>>,
    /// The user that its connection has named by then.
    pub(crate) principal: Option<Arc<str>>,
    /// What a request of SASL says.
    pub(crate) sasl: Option<Sasl>,
    /// What its client told of itself.
    pub(crate) telemetry: Option<Box<Telemetry>>,
    /// What a leader asks of the controller.
    pub(crate) in_sync: Option<Box<InSyncRequest>>,
    pub(crate) error_code: Option<i16>,
    pub(crate) throttle_ms: Option<i32>,
    /// Set when bytes of the response direction were lost while it waited.
    pub(crate) responses_lost: bool,
    /// How often bytes of the request direction had been lost before it.
    pub(crate) gaps_before: u32,
    pub(crate) parts: Vec<Part>,
    pub(crate) ids: MessageIds,
    /// Where the last part was found: responses mostly keep the request's order.
    next_part: usize,
    /// Where parts are, once there are many and they come in another order.
    index: HashMap<(TopicKey, i32), usize>,
}

/// With fewer parts a linear search is faster than an index.
const FEW_PARTS: usize = 32;

/// More partitions than a request can sensibly have: Kafka's own limit is what fits a message.
pub(super) const MOST_PARTS: usize = 200_000;

/// What a body with more is.
pub(crate) const TOO_MANY_PARTITIONS: Stop =
    Stop::Malformed("a message names more than 200,000 partitions");

/// What a request wrote to or read from one partition.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) topic: TopicKey,
    pub(crate) partition: i32,
    pub(crate) records_bytes: Option<u32>,
    pub(crate) record_count: Option<u32>,
    pub(crate) producer_id: Option<i64>,
    pub(crate) codec: Option<Codec>,
    /// Where its ids are in the request's.
    pub(crate) ids: Range<usize>,
    /// Whether an id was found among them and none was unreadable.
    pub(crate) has_ids: bool,
    pub(crate) error_code: Option<i16>,
    pub(crate) base_offset: Option<i64>,
    pub(crate) fetch_offset: Option<i64>,
    pub(crate) returned_bytes: Option<u32>,
    pub(crate) high_watermark: Option<i64>,
}

impl Part {
    pub(crate) fn new(topic: TopicKey, partition: i32) -> Self {
        Self {
            topic,
            partition,
            records_bytes: None,
            record_count: None,
            producer_id: None,
            codec: None,
            ids: 0..0,
            has_ids: false,
            error_code: None,
            base_offset: None,
            fetch_offset: None,
            returned_bytes: None,
            high_watermark: None,
        }
    }
}

impl Request {
    /// Bytes that it holds besides itself.
    pub(crate) fn held_bytes(&self) -> usize {
        self.parts
            .len()
            .saturating_mul(size_of::<Part>())
            .saturating_add(self.ids.held_bytes())
            .saturating_add(self.client_id.as_ref().map_or(0, |id| id.len()))
            .saturating_add(self.group_id.as_ref().map_or(0, |id| id.len()))
            .saturating_add(self.transactional_id.as_ref().map_or(0, |id| id.len()))
            .saturating_add(self.telemetry.as_ref().map_or(0, |it| it.held_bytes()))
            .saturating_add(self.in_sync.as_ref().map_or(0, |it| it.held_bytes()))
    }

    /// Gives up its partitions, for lack of memory.
    pub(crate) fn give_up_parts(&mut self) {
        self.parts = Vec::new();
        self.ids = MessageIds::default();
        self.index = HashMap::default();
        self.in_sync = None;
    }

    /// Makes it as new, keeping small buffers for the next use.
    pub(crate) fn clear(&mut self) {
        if self.parts.capacity() > 64 {
            self.parts = Vec::new();
        }
        self.parts.clear();
        if self.ids.held_bytes() > 16 << 10 {
            self.ids = MessageIds::default();
        }
        self.ids.truncate(0);
        if !self.index.is_empty() {
            self.index = HashMap::default();
        }
        self.client_id = None;
        self.read_time = None;
        self.response_time = None;
        self.end_time = None;
        self.response_bytes = None;
        self.acks = None;
        self.replica_id = None;
        self.max_wait_ms = None;
        self.min_bytes = None;
        self.group_id = None;
        self.transactional_id = None;
        self.principal = None;
        self.sasl = None;
        self.telemetry = None;
        self.in_sync = None;
        self.error_code = None;
        self.throttle_ms = None;
        self.responses_lost = false;
        self.next_part = 0;
    }

    /// The part of a partition, if the request has one.
    pub(crate) fn part(&mut self, topic: TopicKey, partition: i32) -> Option<&mut Part> {
        let index = self.find(topic, partition)?;
        self.next_part = index.saturating_add(1);
        self.parts.get_mut(index)
    }

    /// The part of a partition, which is added when the request has none; `None` when it has too
    /// many.
    pub(crate) fn part_or_new(&mut self, topic: TopicKey, partition: i32) -> Option<&mut Part> {
        if self.find(topic, partition).is_none() {
            self.add(Part::new(topic, partition))?;
        }
        self.part(topic, partition)
    }

    /// Adds a part; `None` when there are too many.
    pub(crate) fn add(&mut self, part: Part) -> Option<()> {
        if self.parts.len() >= MOST_PARTS {
            return None;
        }
        if !self.index.is_empty() {
            self.index
                .insert((part.topic, part.partition), self.parts.len());
        }
        self.parts.push(part);
        Some(())
    }

    fn find(&mut self, topic: TopicKey, partition: i32) -> Option<usize> {
        let is_it = |part: &Part| part.partition == partition && part.topic == topic;
        if self.parts.get(self.next_part).is_some_and(is_it) {
            return Some(self.next_part);
        }
        if self.parts.len() <= FEW_PARTS {
            return self.parts.iter().position(is_it);
        }
        if self.index.is_empty() {
            self.index = self
                .parts
                .iter()
                .enumerate()
                .map(|(index, part)| ((part.topic, part.partition), index))
                .collect();
        }
        self.index.get(&(topic, partition)).copied()
    }

    /// Takes note of an error code of the response: the first that is not 0 counts.
    pub(crate) fn note_error(&mut self, code: i16) {
        if matches!(self.error_code, None | Some(0)) {
            self.error_code = Some(code);
        }
    }

    /// Starts to look for parts from the first.
    pub(crate) fn begin_response(&mut self) {
        self.next_part = 0;
    }
}
