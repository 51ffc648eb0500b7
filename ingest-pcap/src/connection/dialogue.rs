//! What both directions of a connection know of each other: requests that wait for a response.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use kcorr_capture::Endpoint;
use kcorr_model::{LossKind, Position, Severity};
use kcorr_tls::Extent;

use super::header::RequestHeader;
use super::piece::Side;
use crate::message::{Mechanism, Request, Sasl, api};
use crate::rows::ConnectionLabels;
use crate::shared::Shared;

/// Connections that began before the capture.
pub(crate) static MID_STREAM: LossKind = LossKind {
    name: "pcap_mid_stream",
    severity: Severity::Info,
    doc: "A connection was open before the capture began; it is read from the first message that \
          could be recognised.",
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
    /// The mechanism of SASL that the client named last, and the user.
    pub(super) mechanism: Option<Mechanism>,
    pub(super) principal: Option<Arc<str>>,
    /// Version 0 of the handshake is followed by tokens without headers, until there is another request.
    pub(super) has_bare_tokens: bool,
    /// Not Kafka, or encrypted: nothing is read any more.
    pub(super) is_opaque: bool,
    /// The correlation id of the last request.
    pub(super) last_correlation: Option<i32>,
    /// Segments that begin like records of TLS.
    pub(super) tls_segments: u8,
    /// It was open before the capture began, and that was not told yet.
    is_mid_stream: bool,
    /// Bytes in which no message was found, to and from the broker, and when they came.
    unrecognised_bytes: [u64; 2],
    unrecognised_times: Option<(i64, i64)>,
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
            mechanism: None,
            principal: None,
            has_bare_tokens: false,
            is_opaque: false,
            last_correlation: None,
            tls_segments: 0,
            is_mid_stream: false,
            unrecognised_bytes: [0; 2],
            unrecognised_times: None,
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

    /// Takes what a request of SASL said.
    #[cold]
    fn take_sasl(&mut self, sasl: Sasl, request: &Request) {
        match sasl {
            Sasl::Mechanism(mechanism) => {
                self.mechanism = Some(mechanism);
                self.has_bare_tokens = request.api_version == 0;
            }
            Sasl::User(name) => self.principal = Some(name.into()),
        }
    }

    /// Takes a request that was sent: it waits, or is done when no response will come.
    pub(super) fn sent(&mut self, mut request: Box<Request>, shared: &mut Shared) {
        request.gaps_before = self.request_gaps;
        if let Some(sasl) = request.sasl.take() {
            self.take_sasl(sasl, &request);
        }
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

    /// Drops all that wait.
    pub(super) fn discard(&mut self, shared: &mut Shared) {
        while self.pop(shared).is_some() {}
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

    /// The capture begins in the middle of the connection.
    pub(super) fn began_before(&mut self) {
        self.is_mid_stream = true;
        self.requests_lost();
    }

    /// The first request of a connection begun in mid-stream was found behind so many bytes.
    pub(super) fn tell_mid_stream(&mut self, bytes: u64, times: (i64, i64), shared: &mut Shared) {
        if !std::mem::take(&mut self.is_mid_stream) {
            return;
        }
        let name = self.name();
        let position = Position::Byte(self.first_position);
        shared
            .losses
            .record_many(&MID_STREAM, 1, position, Some(times), || {
                format!("{name}: {bytes} bytes came before the first request that was recognised")
            });
    }

    /// Whether this may be the connection's next request: APIs that nobody knows are believed of a
    /// client that is known, or whose correlation ids go on.
    #[inline]
    pub(super) fn may_send(&self, header: &RequestHeader<'_>) -> bool {
        if api::name(header.api_key).is_some() {
            return true;
        }
        let Some(last) = self.last_correlation else {
            return true;
        };
        let ahead = header.correlation_id.wrapping_sub(last);
        let is_client = header.client_id.is_some() && header.client_id == self.client_id.as_deref();
        is_client || (1..=1000).contains(&ahead)
    }

    /// Bytes in which no message was found.
    pub(super) fn unrecognised(&mut self, side: Side, bytes: u64, time: i64) {
        let [to, from] = &mut self.unrecognised_bytes;
        let count = match side {
            Side::Requests => to,
            Side::Responses => from,
        };
        *count = count.saturating_add(bytes);
        let (first, last) = self.unrecognised_times.unwrap_or((time, time));
        self.unrecognised_times = Some((first.min(time), last.max(time)));
    }

    /// At the connection's end: of what little there was of it looked like records of TLS.
    pub(super) fn tell_tls(&mut self, shared: &mut Shared) {
        if self.requests > 0 || self.tls_segments == 0 || self.is_opaque {
            return;
        }
        self.is_opaque = true;
        let [to, from] = self.unrecognised_bytes;
        let extent = Extent {
            records: u64::from(self.tls_segments),
            bytes: to.saturating_add(from),
            times: self.unrecognised_times,
        };
        let name = self.name().to_string();
        shared.is_encrypted = true;
        shared
            .tls_unread
            .without_handshake(name, extent, self.first_position);
    }

    /// At the connection's end: says when nothing of it was recognised.
    pub(super) fn report_unrecognised(&mut self, shared: &mut Shared) {
        let [to, from] = self.unrecognised_bytes;
        if self.is_opaque || to.saturating_add(from) == 0 {
            let times = self.unrecognised_times;
            if let Some(times) = times {
                self.tell_mid_stream(0, times, shared);
            }
            return;
        }
        if self.in_sasl {
            self.make_opaque(&SASL_ENCRYPTED, shared);
        } else if self.requests == 0 {
            self.is_opaque = true;
            let name = self.name();
            let position = Position::Byte(self.first_position);
            shared
                .losses
                .record_many(&NOT_KAFKA, 1, position, self.unrecognised_times, || {
                    let only = if to == 0 {
                        " (only this direction is in the capture)"
                    } else {
                        ""
                    };
                    format!("{name}: {to} bytes to the broker, {from} bytes from it{only}")
                });
        }
    }
}

fn held_bytes(request: &Request) -> usize {
    request.held_bytes().saturating_add(size_of::<Request>())
}
