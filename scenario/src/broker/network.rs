//! Network threads and the connections' channels: Kafka reads the next request of a connection only
//! when the response to the one before has left.

use std::collections::VecDeque;

use super::wires::Message;
use super::{Event, Simulation};
use crate::history::{Hold, Kind, Span, Time};
use crate::wire::{coordinator, message};

/// A connection as its network thread sees it.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// The request in service: reading is muted.
    busy: bool,
    /// Requests that are there and not read.
    unread: VecDeque<usize>,
    /// It is not read before that, for its client's quota.
    muted_until: Time,
}

impl Simulation<'_> {
    /// A request is there whole.
    pub(super) fn received(&mut self, request: usize) {
        let connection = self.history.requests[request].connection;
        self.channels[connection].unread.push_back(request);
        self.read_next(connection);
    }

    fn read_next(&mut self, connection: usize) {
        let channel = &mut self.channels[connection];
        if channel.busy || self.now < channel.muted_until {
            return;
        }
        let Some(request) = channel.unread.pop_front() else {
            return;
        };
        channel.busy = true;
        self.history.requests[request].muted_until = channel.muted_until;
        let cost = self.cpu.around_ns(12_000.0);
        let end = self.network_work(connection, cost);
        self.schedule(end, Event::Queued(request));
    }

    /// A network thread works for a connection, one thing after another.
    fn network_work(&mut self, connection: usize, ns: i64) -> Time {
        let thread = self.history.connections[connection].thread;
        let number = thread - self.options.handlers;
        let start = self.now.max(self.network_free[number]);
        let is_due = self.network_run_queue.is_due(start);
        let start = self.run_queue_wait(thread, start, is_due);
        let busy = if self.network_busy.is_due(start) {
            self.cpu.slow_ns(self.options.network_busy_ms)
        } else {
            0
        };
        let end = self.compute(thread, start, busy + ns);
        self.network_free[number] = end;
        end
    }

    /// A request was read.
    pub(super) fn queued(&mut self, request: usize) {
        self.history.requests[request].queued = self.now;
        self.request_queue.push_back(request);
        self.hand_out();
    }

    /// The response is ready. For its client's quota it is held back, or the connection is muted.
    pub(super) fn respond(&mut self, request: usize) {
        self.history.requests[request].completed = self.now;
        self.choose_records(request);
        let throttle = self.throttle(request);
        self.history.requests[request].throttle = throttle;
        if throttle > 0 && self.options.throttle_holds_back {
            self.schedule(self.now + throttle, Event::Released(request));
            return;
        }
        let connection = self.history.requests[request].connection;
        if throttle > 0 {
            // Such an answer to a fetch has no records.
            if self.history.requests[request].kind != Kind::Produce {
                for part in &mut self.history.requests[request].parts {
                    part.end = part.offset;
                }
            }
            self.channels[connection].muted_until = self.now + throttle;
            self.schedule(self.now + throttle, Event::Unmuted(connection));
        }
        self.release_response(request);
    }

    /// How long the client is to wait for its quota, ns: whole ms, as the answer tells it.
    fn throttle(&mut self, request: usize) -> i64 {
        let is_due = match self.history.requests[request].kind {
            Kind::Produce => self.client_quota.is_due(self.now),
            Kind::ConsumerFetch => self.fetch_quota.is_due(self.now),
            _ => false,
        };
        if !is_due {
            return 0;
        }
        let ms = self.quota.slow_ns(self.options.throttle_ms) / 1_000_000;
        1_000_000 * ms.max(1)
    }

    /// A connection may be read again.
    pub(super) fn unmuted(&mut self, connection: usize) {
        self.read_next(connection);
    }

    /// The response goes to the network thread.
    pub(super) fn release_response(&mut self, request: usize) {
        self.history.requests[request].released = self.now;
        let connection = self.history.requests[request].connection;
        let number = self.history.connections[connection].thread - self.options.handlers;
        let sending = self.now.max(self.network_free[number]);
        let cost = self.cpu.around_ns(15_000.0);
        let mut end = self.network_work(connection, cost);
        if self.options.file_reads && self.history.requests[request].kind != Kind::Produce {
            let thread = self.history.connections[connection].thread;
            end = self.send_records(request, thread, end);
            self.network_free[number] = end;
        }
        self.history.requests[request].sending = sending.min(end);
        self.schedule(end, Event::Sent(request));
    }

    /// The network thread has handed the response over.
    pub(super) fn sent(&mut self, request: usize) {
        let bytes = self.response_bytes(request);
        let is_slow =
            self.history.requests[request].kind == Kind::Produce && self.slow_send.is_due(self.now);
        let slow = if is_slow {
            self.cpu.slow_ns(self.options.slow_send_ms)
        } else {
            0
        };
        let connection = self.history.requests[request].connection;
        let now = self.now;
        let fetcher = self.history.connections[connection].fetcher;
        let way = fetcher.map(|fetcher| self.links.way(self.broker, fetcher.broker, now));
        let message = Message {
            connection,
            from_client: false,
            first: now,
            last: now + slow,
            bytes: &bytes,
            way,
        };
        let held = self.hold(request, false);
        let (end, held_out) = self.put_on_wire(message, held);
        let done = &mut self.history.requests[request];
        done.response = now;
        done.end = end;
        done.has_answer = way.map_or(0, |way| end + way);
        done.held_out = held_out;
        done.response_bytes = bytes.len();
        self.schedule(end, Event::Gone(request));
    }

    /// What holds up a message, and for how long, if it is its turn.
    pub(super) fn hold(&mut self, request: usize, is_in: bool) -> Option<(Hold, i64)> {
        match self.history.requests[request].kind {
            Kind::Produce => {}
            Kind::ConsumerFetch if self.options.held_fetches => {}
            _ => return None,
        }
        let due = if is_in {
            &mut self.held_receive
        } else {
            &mut self.held_send
        };
        if !due.is_due(self.now) {
            return None;
        }
        let hold = Hold::ALL[self.holds.below(Hold::ALL.len())];
        Some((hold, self.holds.slow_ns(self.options.held_ms)))
    }

    pub(super) fn put_on_wire(
        &mut self,
        message: Message<'_>,
        held: Option<(Hold, i64)>,
    ) -> (Time, Option<(Span, Hold)>) {
        match held {
            Some((hold, ns)) => {
                let (end, span) = self.wires.send_held(message, hold, ns);
                (end, Some((span, hold)))
            }
            None => (self.wires.send(message), None),
        }
    }

    /// The last byte has left: the channel is read again.
    pub(super) fn gone(&mut self, request: usize) {
        let connection = self.history.requests[request].connection;
        self.channels[connection].busy = false;
        let requests = &self.history.connections[connection].requests;
        let later = requests.iter().rev().take_while(|r| **r != request);
        for next in later {
            self.history.requests[*next].unmuted = self.now;
        }
        self.read_next(connection);
        self.answered(request);
    }

    fn response_bytes(&self, request: usize) -> Vec<u8> {
        let history = &self.history;
        let request = &history.requests[request];
        let version = request.version;
        let throttle_ms = (request.throttle / 1_000_000) as i32;
        let (key, body) = match request.kind {
            Kind::Produce => {
                let parts = self.grouped(&request.parts, |log, part| (log.partition, part.offset));
                (
                    message::PRODUCE,
                    message::produced(version, throttle_ms, &parts),
                )
            }
            Kind::ConsumerFetch | Kind::FollowerFetch(_) => {
                let parts = self.grouped(&request.parts, |log, part| {
                    let high = self.high_watermark(part.log);
                    (log.partition, high, log.records(part.offset, part.end))
                });
                (
                    message::FETCH,
                    message::fetched(version, throttle_ms, &parts),
                )
            }
            Kind::Metadata => {
                let topics = &history.topics[..self.options.topics];
                let body = message::metadata(version, topics, self.options.partitions);
                (message::METADATA, body)
            }
            Kind::ApiVersions => (message::API_VERSIONS, message::api_versions()),
            kind => (
                kind.api().0,
                coordinator::response(kind, &history.topics[0].name),
            ),
        };
        message::response(key, version, request.correlation_id, body)
    }
}
