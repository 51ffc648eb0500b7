//! What all connections write to.

use kcorr_kafka::{Decompressor, IdHeaders, TopicId};
use kcorr_model::{LossKind, LossLedger, Position, RowIds, Severity, SourceId};
use kcorr_tls::{SessionSearch, TlsKeys, UnreadConnections};

use crate::PcapOptions;
use crate::connection::Stretch;
use crate::message::{BodyContext, Request, Topics};
use crate::rows::{ConnectionLabels, Rows};

/// Record batches are decompressed up to this size.
const LARGEST_DECOMPRESSED: usize = 32 << 20;

/// Requests without a row are kept for reuse up to this number.
const POOL: usize = 1024;

/// Messages given up for lack of memory.
pub(crate) static BUFFER_FULL: LossKind = LossKind {
    name: "pcap_buffer_full",
    severity: Severity::Warning,
    doc: "More bytes of incomplete messages, out-of-order segments or unanswered requests were \
          held than is allowed; the oldest were given up.",
};

/// Rows, losses and buffers that all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) rows: Rows,
    pub(crate) losses: LossLedger,
    pub(crate) topics: Topics,
    request_ids: RowIds,
    id_headers: Option<IdHeaders>,
    decompressor: Decompressor,
    learned: Vec<(TopicId, String)>,
    /// Boxed as they are used: a request moves between queues.
    #[allow(clippy::vec_box)]
    pool: Vec<Box<Request>>,
    /// Waits of TCP that ended with the last segment.
    pub(crate) stretches: Vec<Stretch>,
    /// Secrets of encrypted connections, the text of the record that was opened last, what was not read, and
    /// whether any connection is encrypted.
    pub(crate) tls_keys: TlsKeys,
    pub(crate) tls_text: Vec<u8>,
    pub(crate) tls_search: SessionSearch,
    pub(crate) tls_unread: UnreadConnections,
    pub(crate) is_encrypted: bool,
    /// Bytes held by all connections.
    pub(crate) held_bytes: usize,
    pub(crate) requests_seen: u64,
    /// The brokers' ports that requests had rows for.
    pub(crate) ports_seen: Vec<u16>,
}

impl Shared {
    pub(crate) fn new(source: SourceId, options: &PcapOptions) -> Self {
        Self {
            rows: Rows::new(source),
            losses: LossLedger::default(),
            topics: Topics::default(),
            request_ids: source.row_ids(),
            id_headers: options.message_id_headers.as_ref().map(IdHeaders::new),
            decompressor: Decompressor::new(LARGEST_DECOMPRESSED),
            learned: Vec::new(),
            pool: Vec::new(),
            stretches: Vec::new(),
            tls_keys: options.tls_keys.clone(),
            tls_text: Vec::new(),
            tls_search: SessionSearch::default(),
            tls_unread: UnreadConnections::default(),
            is_encrypted: false,
            held_bytes: 0,
            requests_seen: 0,
            ports_seen: Vec::new(),
        }
    }

    /// A request with the next id.
    pub(crate) fn new_request(&mut self) -> Box<Request> {
        let mut request = self.pool.pop().unwrap_or_default();
        request.request_id = self.request_ids.next();
        self.requests_seen = self.requests_seen.saturating_add(1);
        request
    }

    /// Makes the row of a request that is answered or given up.
    pub(crate) fn emit(
        &mut self,
        mut request: Box<Request>,
        no_response: Option<&'static str>,
        labels: &mut ConnectionLabels,
    ) {
        if labels.rows == 0 && !self.ports_seen.contains(&labels.server.port) {
            self.ports_seen.push(labels.server.port);
        }
        self.rows.push(&request, no_response, labels, &self.topics);
        if self.pool.len() < POOL {
            request.clear();
            self.pool.push(request);
        }
    }

    /// What a body walker needs.
    #[inline]
    pub(crate) fn body_context(&mut self, position: u64) -> BodyContext<'_> {
        BodyContext {
            topics: &mut self.topics,
            losses: &mut self.losses,
            id_headers: self.id_headers.as_ref(),
            decompressor: &mut self.decompressor,
            learned: &mut self.learned,
            position: Position::Byte(position),
        }
    }

    /// Makes rows of the names learned since the last call.
    #[inline]
    pub(crate) fn keep_learned(&mut self) {
        for (id, name) in self.learned.drain(..) {
            self.rows.push_topic(id, &name);
        }
    }

    /// Makes rows of the waits that ended.
    #[cold]
    pub(crate) fn keep_stretches(&mut self, labels: &ConnectionLabels) {
        for stretch in self.stretches.drain(..) {
            self.rows.push_stretch(&stretch, labels);
        }
    }

    pub(crate) fn hold(&mut self, bytes: usize) {
        self.held_bytes = self.held_bytes.saturating_add(bytes);
    }

    pub(crate) fn release(&mut self, bytes: usize) {
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
    }
}
