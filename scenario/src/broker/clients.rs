//! The clients: producers that pipeline, consumers and followers that fetch.

use super::wires::Message;
use super::{Event, Simulation};
use crate::history::{Connection, EPOCH_NS, Kind, Part, Request};
use crate::wire::{batch, message};

const MS: i64 = 1_000_000;
/// A producer's batch takes up so many times more when it had to wait.
const MAX_BACKLOG: usize = 6;

/// A client's side of a connection.
#[derive(Debug)]
pub(super) struct Client {
    connection: usize,
    pub(super) role: Role,
    version: i16,
    acks: i16,
    zstd: bool,
    correlation_id: i32,
    /// Requests without answer.
    pub(super) in_flight: usize,
    /// Sends that had to wait.
    backlog: usize,
    /// When the last byte it sent is out.
    free: i64,
    /// Offsets of its next fetch, by log.
    positions: Vec<(usize, i64)>,
    /// Its fetches wait so long, ns, for so many bytes.
    max_wait: i64,
    min_bytes: i64,
    /// It heeds what an answer tells it of its quota.
    heeds_throttle: bool,
    /// It sends nothing before that.
    throttled_until: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Producer,
    Consumer,
    /// A consumer that reads its topic again from the beginning.
    Replay,
    Follower(usize),
    /// The member of a group: that of these numbers.
    Member(usize, usize),
    /// A producer with transactions, by its number.
    Transactional(usize),
}

impl Client {
    /// Whether it reads what it, or another, has read long ago.
    pub(super) fn is_replay(&self) -> bool {
        self.role == Role::Replay
    }
}

/// Whether a number is of a share of all, spread evenly: it is when the sum passes a whole number.
fn is_of_share(share: f64, number: usize) -> bool {
    (share * (number + 1) as f64).floor() > (share * number as f64).floor()
}

impl Simulation<'_> {
    /// Opens all connections.
    pub(super) fn start_clients(&mut self) {
        let options = self.options;
        for number in 0..options.connections {
            let is_all = is_of_share(options.acks_all_share, number);
            let versions = &options.produce_versions;
            let version = versions.get(number % versions.len().max(1)).copied();
            let name = format!("producer-{}", number + 1);
            let client = self.connect(number, name, Role::Producer, version.unwrap_or(11));
            self.clients[client].acks = if is_all { -1 } else { 1 };
            self.clients[client].zstd = is_of_share(options.zstd_share, number);
            let gap = self.producer_gap();
            self.schedule(20 * MS + gap, Event::Produce(client));
        }
        for number in 0..options.consumers + options.followers {
            let follower = number.checked_sub(options.consumers);
            let versions = &options.fetch_versions;
            let version = versions.get(number % versions.len().max(1)).copied();
            let (name, role) = match follower {
                Some(f) => (format!("broker-{}-fetcher-0", f + 2), Role::Follower(f)),
                None => (format!("consumer-{}", number + 1), Role::Consumer),
            };
            let place = options.connections + number;
            let client = self.connect(place, name, role, version.unwrap_or(12));
            let topic = number % options.topics.max(1);
            let logs = self.history.logs.iter().enumerate();
            let logs = logs.filter(|(_, log)| follower.is_some() || log.topic == topic);
            let positions = logs.map(|(number, log)| (number, log.next_offset));
            self.clients[client].positions = positions.collect();
            if follower.is_none() {
                let by_turn = |list: &[i64]| list.get(number % list.len().max(1)).copied();
                let (wait, bytes) = (
                    by_turn(&options.fetch_max_wait_ms),
                    by_turn(&options.fetch_min_bytes),
                );
                self.clients[client].max_wait = wait.unwrap_or(500) * MS;
                self.clients[client].min_bytes = bytes.unwrap_or(1);
            }
            self.schedule((12 + number as i64) * MS, Event::Fetch(client));
        }
        for number in 0..options.replays {
            let version = options.fetch_versions.first().copied().unwrap_or(12);
            let name = format!("replay-{}", number + 1);
            let place = options.connections + options.consumers + options.followers + number;
            let client = self.connect(place, name, Role::Replay, version);
            let topic = number % options.topics.max(1);
            let logs = self.history.logs.iter().enumerate();
            let logs = logs.filter(|(_, log)| log.topic == topic);
            let positions = logs.map(|(number, log)| (number, log.next_offset));
            self.clients[client].positions = positions.collect();
            self.schedule(options.replay_after_ms * MS, Event::Fetch(client));
        }
        self.start_coordinated();
    }

    /// Opens a connection and says hello: which APIs, which topics.
    pub(super) fn connect(
        &mut self,
        number: usize,
        client_id: String,
        role: Role,
        version: i16,
    ) -> usize {
        let host = match role {
            Role::Follower(follower) => [10, 0, 0, 2 + follower as u8],
            _ => [
                10,
                1 + (number >> 16) as u8,
                (number >> 8) as u8,
                number as u8,
            ],
        };
        let connection = self.history.connections.len();
        self.history.connections.push(Connection {
            ip: host,
            port: 40_000 + (number * 7 % 20_000) as u16,
            client_id,
            thread: self.network_thread(connection % self.options.network_threads.max(1)),
            requests: Vec::new(),
        });
        self.channels.push(super::network::Channel::default());
        let client = self.clients.len();
        self.clients.push(Client {
            connection,
            role,
            version,
            acks: 1,
            zstd: false,
            correlation_id: 0,
            in_flight: 0,
            backlog: 0,
            free: 0,
            positions: Vec::new(),
            max_wait: 500 * MS,
            min_bytes: 1,
            heeds_throttle: is_of_share(self.options.throttle_heeded_share, number),
            throttled_until: 0,
        });
        self.now = MS + (number as i64 % 1_000) * 5_000;
        self.wires.open(self.now);
        self.send(client, Kind::ApiVersions, 3, Vec::new());
        let metadata = if version >= 13 { 13 } else { 12 };
        self.send(client, Kind::Metadata, metadata, Vec::new());
        self.now = 0;
        client
    }

    fn producer_gap(&mut self) -> i64 {
        let each = self.options.requests_per_second / self.options.connections.max(1) as f64;
        self.traffic.gap_ns(each)
    }

    /// A producer has something to send.
    pub(super) fn produce(&mut self, client: usize) {
        if !self.is_open() {
            return;
        }
        let gap = self.producer_gap();
        self.schedule(self.now + gap, Event::Produce(client));
        let sender = &mut self.clients[client];
        let free = sender.free.max(sender.throttled_until);
        if sender.in_flight >= self.options.pipelining || free > self.now {
            sender.backlog = (sender.backlog + 1).min(MAX_BACKLOG);
            return;
        }
        self.send_produce(client);
    }

    fn send_produce(&mut self, client: usize) {
        let batches = 1 + std::mem::take(&mut self.clients[client].backlog);
        let busy = (self.options.topics - self.options.idle_topics) * self.options.partitions;
        let most = self.options.request_partitions.min(busy);
        let count = 1 + self.traffic.below(most);
        let mut parts: Vec<Part> = Vec::new();
        while parts.len() < count {
            let log = if self.traffic.chance(self.options.hot_share) {
                0
            } else {
                self.traffic.below(busy)
            };
            if parts.iter().any(|part| part.log == log) {
                // The hot partition may be drawn over and over.
                if self.options.hot_share >= 0.9 {
                    break;
                }
                continue;
            }
            parts.push(self.part(client, log, batches));
        }
        let version = self.clients[client].version;
        self.send(client, Kind::Produce, version, parts);
    }

    pub(super) fn part(&mut self, client: usize, log: usize, batches: usize) -> Part {
        let most = self.options.batch_records.max(1);
        let records = (1 + self.traffic.below(most)) * batches;
        let ids: Vec<u64> = (0..records as u64)
            .map(|n| self.next_message_id + n)
            .collect();
        self.next_message_id += records as u64;
        let size = self
            .traffic
            .log_normal(self.options.record_bytes as f64, 0.5);
        let producer = 1_000 + client as i64;
        let now_ms = (EPOCH_NS + self.now) / MS;
        let size = (size as usize).clamp(1, 20_000);
        let zstd = self.clients[client].zstd;
        let records = batch::batch(&ids, size, producer, now_ms, zstd);
        Part {
            log,
            records_bytes: records.len(),
            records,
            ids,
            ..Part::default()
        }
    }

    /// A consumer or follower sends its next fetch.
    pub(super) fn fetch(&mut self, client: usize) {
        let is_follower = matches!(self.clients[client].role, Role::Follower(_));
        if !(self.is_open() || is_follower && self.is_answer_due()) {
            return;
        }
        let kind = match self.clients[client].role {
            Role::Follower(follower) => Kind::FollowerFetch(follower),
            _ => Kind::ConsumerFetch,
        };
        let positions = self.clients[client].positions.iter();
        let parts = positions.map(|(log, offset)| Part {
            log: *log,
            offset: *offset,
            ..Part::default()
        });
        let parts = parts.collect();
        let version = self.clients[client].version;
        self.send(client, kind, version, parts);
    }

    /// Whether a producer waits for an answer, which may need the followers.
    fn is_answer_due(&self) -> bool {
        let mut producers = self.clients.iter().filter(|c| c.role == Role::Producer);
        producers.any(|client| client.in_flight > 0)
    }

    /// Sends a request now, or as soon as the one before is out.
    pub(super) fn send(&mut self, client: usize, kind: Kind, version: i16, parts: Vec<Part>) {
        let number = self.history.requests.len();
        let sender = &mut self.clients[client];
        let (connection, acks, correlation_id) =
            (sender.connection, sender.acks, sender.correlation_id);
        sender.correlation_id += 1;
        sender.in_flight += 1;
        let first = self.now.max(sender.free + 1_000);
        let bytes = self.request_bytes(client, kind, version, correlation_id, &parts);
        self.history.requests.push(Request {
            connection,
            kind,
            version,
            correlation_id,
            acks,
            max_wait: self.clients[client].max_wait,
            min_bytes: self.clients[client].min_bytes,
            parts,
            arrival: first,
            received: first,
            unmuted: first,
            queued: 0,
            assigned: 0,
            taken: 0,
            handler: 0,
            local_end: 0,
            completed: 0,
            throttle: 0,
            released: 0,
            muted_until: 0,
            completed_by: None,
            shrunk: false,
            sending: 0,
            response: 0,
            end: 0,
            held_in: None,
            held_out: None,
            request_bytes: bytes.len(),
            response_bytes: 0,
        });
        let message = Message {
            connection,
            from_client: true,
            first,
            last: first,
            bytes: &bytes,
        };
        let held = self.hold(number, true);
        let (received, held_in) = self.put_on_wire(message, held);
        self.clients[client].free = received;
        let sent = &mut self.history.requests[number];
        sent.received = received;
        sent.held_in = held_in;
        self.history.connections[connection].requests.push(number);
        self.schedule(received, Event::Received(number));
    }

    fn request_bytes(
        &self,
        client: usize,
        kind: Kind,
        version: i16,
        correlation_id: i32,
        parts: &[Part],
    ) -> Vec<u8> {
        let (key, body) = match kind {
            Kind::Produce => {
                let acks = self.clients[client].acks;
                let parts = self.grouped(parts, |log, part| (log.partition, &part.records[..]));
                (message::PRODUCE, message::produce(version, acks, &parts))
            }
            Kind::ConsumerFetch | Kind::FollowerFetch(_) => {
                let replica = match kind {
                    Kind::FollowerFetch(follower) => 2 + follower as i32,
                    _ => -1,
                };
                let parts = self.grouped(parts, |log, part| (log.partition, part.offset));
                let of = &self.clients[client];
                let waits = ((of.max_wait / MS) as i32, of.min_bytes as i32);
                (
                    message::FETCH,
                    message::fetch(version, replica, waits, &parts),
                )
            }
            Kind::Metadata => (message::METADATA, message::metadata_request()),
            Kind::ApiVersions => (message::API_VERSIONS, message::api_versions_request()),
            _ => (kind.api().0, self.coordinated_body(client, kind)),
        };
        let connection = self.clients[client].connection;
        let client_id = &self.history.connections[connection].client_id;
        message::request(key, version, correlation_id, client_id, body)
    }

    /// A producer sends what had to wait, if it can.
    fn send_backlog(&mut self, client: usize) {
        let sender = &mut self.clients[client];
        let is_free = sender.free.max(sender.throttled_until) <= self.now;
        if sender.backlog > 0 && is_free && self.is_open() {
            self.clients[client].backlog -= 1;
            self.send_produce(client);
        }
    }

    /// A response has left the broker: the client goes on with it.
    pub(super) fn answered(&mut self, request: usize) {
        let connection = self.history.requests[request].connection;
        // Clients are numbered like their connections.
        let client = connection;
        self.clients[client].in_flight -= 1;
        let throttle = self.history.requests[request].throttle;
        if throttle > 0 && self.clients[client].heeds_throttle && !self.options.throttle_holds_back
        {
            self.clients[client].throttled_until = self.now + throttle;
        }
        match self.history.requests[request].kind {
            Kind::Produce => self.send_backlog(client),
            kind @ (Kind::ConsumerFetch | Kind::FollowerFetch(_)) => {
                let parts = self.history.requests[request].parts.iter();
                let ends = parts.map(|part| (part.log, part.end));
                self.clients[client].positions = ends.collect();
                let mut ns = self.cpu.around_ns(250_000.0);
                if self.clients[client].is_replay() {
                    ns += self.reads.slow_ns(self.options.replay_think_ms);
                }
                if kind != Kind::ConsumerFetch && self.remote_slow.is_due(self.now) {
                    ns += self.cpu.slow_ns(self.options.remote_slow_ms);
                }
                if kind != Kind::ConsumerFetch && self.follower_stop.is_due(self.now) {
                    ns += self.replicas_random.slow_ns(self.options.follower_stop_ms);
                }
                let next = self.now.max(self.clients[client].throttled_until) + ns;
                self.schedule(next, Event::Fetch(client));
            }
            Kind::Metadata | Kind::ApiVersions => {}
            kind => self.coordinated(client, kind),
        }
    }
}
