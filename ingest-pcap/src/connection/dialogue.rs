//! What both directions of a connection know of each other: requests that wait for a response.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use kcorr_model::{LossKind, Position, Severity};

use crate::message::{Request, api};
use crate::network::Endpoint;
use crate::rows::ConnectionLabels;
use crate::shared::Shared;

/// A connection whose bytes are encrypted by TLS.
pub(crate) static TLS_CONNECTION: LossKind = LossKind {
    name: "pcap_tls_connection",
    severity: Severity::Error,
    doc: "A connection to the broker's port is encrypted by TLS: it has no rows. Capture a \
          plaintext listener, or behind the point where TLS ends; with keys at hand, decrypt the \
          capture first (editcap --inject-secrets, then export with tshark).",
};

/// A connection whose bytes are wrapped by SASL after its handshake.
pub(crate) static SASL_ENCRYPTED: LossKind = LossKind {
    name: "pcap_sasl_encrypted",
    severity: Severity::Error,
    doc: "A connection did a SASL handshake, and what follows is not Kafka's plain framing: it is \
          wrapped by a security layer, and has no rows from there on.",
};

/// A connection on the broker's port that is not Kafka.
pub(crate) static NOT_KAFKA: LossKind = LossKind {
    name: "pcap_not_kafka",
    severity: Severity::Warning,
    doc: "A connection to the broker's port carries bytes in which no Kafka request was found: \
          another protocol, an encrypted one, or too little of it was captured.",
};

/// Requests dropped because too many waited.
pub(crate) static TOO_MANY_WAIT: LossKind = LossKind {
    name: "pcap_too_many_wait",
    severity: Severity::Warning,
    doc: "More requests of a connection waited for a response than are kept (4,096), as when only \
          one direction was captured; the oldest became rows without an end.",
};

/// Responses to requests that were not seen.
pub(crate) static RESPONSE_UNMATCHED: LossKind = LossKind {
    name: "pcap_response_unmatched",
    severity: Severity::Info,
    doc: "A response whose request was not seen: sent before the capture began, or lost by it.",
};

const MOST_WAITING: usize = 4096;

/// Response reasons of `requests.no_response`.
pub(crate) mod reason {
    pub(crate) const ACKS_0: &str = "acks_0";
    pub(crate) const OPEN_AT_END: &str = "open_at_end";
    pub(crate) const CONNECTION_CLOSED: &str = "connection_closed";
    pub(crate) const CAPTURE_GAP: &str = "capture_gap";
}

/// A connection's name for people, written only when it is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionName {
    client: Endpoint,
    server: Endpoint,
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.client, self.server)
    }
}

/// The shared state of a connection's two directions.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) labels: ConnectionLabels,
    /// Requests that wait, oldest first: the broker answers in order.
    pub(super) waiting: VecDeque<Box<Request>>,
    /// The client id of the last request.
    pub(super) client_id: Option<Arc<str>>,
    /// Requests recognised.
    pub(super) requests: u64,
    /// How often bytes of the request direction were lost, and whether responses to what was lost
    /// may still come.
    request_gaps: u32,
    pub(super) requests_missing: bool,
    /// Whether the last requests were of a SASL handshake.
    pub(super) in_sasl: bool,
    /// Not Kafka, or encrypted: nothing is read any more.
    pub(super) is_opaque: bool,
    /// Bytes in which no message was found.
    pub(super) unrecognised_bytes: u64,
    pub(super) first_position: u64,
}

impl Dialogue {
    pub(super) fn new(
        connection_id: i64,
        client: Endpoint,
        server: Endpoint,
        position: u64,
    ) -> Self {
        Self {
            labels: ConnectionLabels::new(connection_id, client, server),
            waiting: VecDeque::new(),
            client_id: None,
            requests: 0,
            request_gaps: 0,
            requests_missing: false,
            in_sasl: false,
            is_opaque: false,
            unrecognised_bytes: 0,
            first_position: position,
        }
    }

    /// What the connection is called in losses.
    pub(super) fn name(&self) -> ConnectionName {
        ConnectionName {
            client: self.labels.client,
            server: self.labels.server,
        }
    }

    /// The client id as shared text: mostly the connection's last one.
    #[inline]
    pub(super) fn keep_client_id(&mut self, id: Option<&str>) -> Option<Arc<str>> {
        let id = id?;
        match &self.client_id {
            Some(known) if &**known == id => Some(known.clone()),
            _ => {
                let id: Arc<str> = id.into();
                self.client_id = Some(id.clone());
                Some(id)
            }
        }
    }

    /// Takes a request that was sent: it waits, or is done when no response will come.
    pub(super) fn sent(&mut self, mut request: Box<Request>, shared: &mut Shared) {
        request.gaps_before = self.request_gaps;
        if request.api_key == api::PRODUCE && request.acks == Some(0) {
            shared.emit(request, Some(reason::ACKS_0), &mut self.labels);
            return;
        }
        if self.waiting.len() >= MOST_WAITING
            && let Some(oldest) = self.pop(shared)
        {
            let name = self.name();
            shared
                .losses
                .record(&TOO_MANY_WAIT, Position::Whole, || name.to_string());
            shared.emit(oldest, Some(reason::CAPTURE_GAP), &mut self.labels);
        }
        shared.hold(held_bytes(&request));
        self.waiting.push_back(request);
    }

    fn pop(&mut self, shared: &mut Shared) -> Option<Box<Request>> {
        let request = self.waiting.pop_front()?;
        shared.release(held_bytes(&request));
        Some(request)
    }

    /// Whether a request with this correlation id is among the first `depth` that wait.
    #[inline]
    pub(super) fn is_waiting(&self, correlation_id: i32, depth: usize) -> bool {
        self.waiting
            .iter()
            .take(depth)
            .any(|request| request.correlation_id == correlation_id)
    }

    /// The request that a response answers. Those sent before it will get none any more: their
    /// responses were lost.
    #[inline]
    pub(super) fn answered(
        &mut self,
        correlation_id: i32,
        shared: &mut Shared,
    ) -> Option<Box<Request>> {
        let index = self
            .waiting
            .iter()
            .position(|request| request.correlation_id == correlation_id)?;
        for _ in 0..index {
            if let Some(request) = self.pop(shared) {
                shared.emit(request, Some(reason::CAPTURE_GAP), &mut self.labels);
            }
        }
        let request = self.pop(shared)?;
        if request.gaps_before == self.request_gaps {
            // The broker answers in order: what was lost before this one will not be answered.
            self.requests_missing = false;
        }
        Some(request)
    }

    /// Bytes of the request direction were lost: responses may come to requests not seen.
    pub(super) fn requests_lost(&mut self) {
        self.request_gaps = self.request_gaps.saturating_add(1);
        self.requests_missing = true;
    }

    /// Whether a response of this length may answer a request that was not seen.
    pub(super) fn may_be_unknown(&self, length: u32) -> bool {
        self.requests_missing && length <= 64 << 20
    }

    /// Bytes of the response direction were lost: those that wait may never be answered.
    pub(super) fn responses_lost(&mut self) {
        for request in &mut self.waiting {
            request.responses_lost = true;
        }
    }

    /// Gives up all that wait.
    pub(super) fn give_up_waiting(&mut self, reason: &'static str, shared: &mut Shared) {
        while let Some(request) = self.pop(shared) {
            self.give_up(request, reason, shared);
        }
    }

    /// Makes a row of a request that gets no end.
    pub(super) fn give_up(
        &mut self,
        request: Box<Request>,
        reason: &'static str,
        shared: &mut Shared,
    ) {
        let reason = if request.responses_lost {
            reason::CAPTURE_GAP
        } else {
            reason
        };
        shared.emit(request, Some(reason), &mut self.labels);
    }

    /// Stops reading the connection.
    pub(super) fn make_opaque(&mut self, kind: &'static LossKind, shared: &mut Shared) {
        if self.is_opaque {
            return;
        }
        self.is_opaque = true;
        let name = self.name();
        shared
            .losses
            .record(kind, Position::Byte(self.first_position), || {
                name.to_string()
            });
    }

    /// At the connection's end: says when nothing of it was recognised.
    pub(super) fn report_unrecognised(&mut self, shared: &mut Shared) {
        if self.is_opaque || self.unrecognised_bytes == 0 {
            return;
        }
        if self.in_sasl {
            self.make_opaque(&SASL_ENCRYPTED, shared);
        } else if self.requests == 0 {
            self.make_opaque(&NOT_KAFKA, shared);
        }
    }
}

fn held_bytes(request: &Request) -> usize {
    request.held_bytes().saturating_add(size_of::<Request>())
}
