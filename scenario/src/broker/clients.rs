//! The clients: producers that pipeline, consumers and followers that fetch.

use super::wires::Message;
use super::{Event, Simulation};
use crate::history::{Connection, EPOCH_NS, Fetcher, Kind, Part, Request, broker_ip};
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
    pub(super) positions: Vec<(usize, i64)>,
    /// Its fetches wait so long, ns, for so many bytes.
    max_wait: i64,
    min_bytes: i64,
    /// It heeds what an answer tells it of its quota.
    heeds_throttle: bool,
    /// It sends nothing before that.
    throttled_until: i64,
    /// A follower of the cluster: when its next request left it.
    pub(super) sent: i64,
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
        // Each follower has a connection for each of its fetchers.
        let fetchers = if options.brokers > 1 {
            options.fetchers.max(1)
        } else {
            1
        };
        let followers = self.history.follower_ids.len() * fetchers;
        for number in 0..options.consumers + followers {
            let place = number.checked_sub(options.consumers);
            let follower = place.map(|place| place / fetchers);
            let fetcher = place.map_or(0, |place| place % fetchers);
            let versions = &options.fetch_versions;
            let version = versions.get(number % versions.len().max(1)).copied();
            let (name, role) = match follower {
                Some(f) => {
                    let id = self.history.follower_ids[f];
                    let name = format!("broker-{id}-fetcher-{fetcher}");
                    (name, Role::Follower(f))
                }
                None => (format!("consumer-{}", number + 1), Role::Consumer),
            };
            let place = options.connections + number;
            let client = self.connect(place, name, role, version.unwrap_or(12));
            let topic = number % options.topics.max(1);
            let logs = self.history.logs.iter().enumerate();
            let logs = logs.filter(|(number, log)| match follower {
                Some(_) => fetchers == 1 || self.fetcher_of(*number) == fetcher,
                None => log.topic == topic,
            });
            let logs = logs.filter(|(_, log)| log.is_led);
            let positions = logs.map(|(number, log)| (number, log.next_offset));
            self.clients[client].positions = positions.collect();
            // Those of the cluster send their first themselves.
            if follower.is_some() && options.brokers > 1 {
                continue;
            }
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
            let place = options.connections + options.consumers + followers + number;
            let client = self.connect(place, name, Role::Replay, version);
            let topic = number % options.topics.max(1);
            let logs = self.history.logs.iter().enumerate();
            let logs = logs.filter(|(_, log)| log.topic == topic && log.is_led);
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
            Role::Follower(follower) => broker_ip(self.history.follower_ids[follower]),
            _ => [
                10,
                1 + (number >> 16) as u8,
                (number >> 8) as u8,
                number as u8,
            ],
        };
        let connection = self.history.connections.len();
        let fetcher = self.fetcher_behind(role);
        self.history.connections.push(Connection {
            ip: host,
            // A client is one of each broker, by another port.
            port: 40_000 + (number * 7 % 20_000 + self.broker) as u16,
            client_id,
            thread: self.network_thread(connection % self.options.network_threads.max(1)),
            fetcher,
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
            sent: 0,
        });
        self.now = MS + (number as i64 % 1_000) * 5_000;
        let way = fetcher.map(|fetcher| self.links.way(fetcher.broker, self.broker, self.now));
        self.wires.open(self.now, way);
        self.send(client, Kind::ApiVersions, 3, Vec::new());
        let metadata = if version >= 13 { 13 } else { 12 };
        self.send(client, Kind::Metadata, metadata, Vec::new());
        self.now = 0;
        client
    }

    /// The fetcher of the cluster that a follower's next connection is of.
    fn fetcher_behind(&self, role: Role) -> Option<Fetcher> {
        let Role::Follower(follower) = role else {
            return None;
        };
        let broker = self.others().nth(follower)?;
        let connections = self.history.connections.iter();
        let before = connections.filter(|c| c.fetcher.is_some_and(|f| f.broker == broker));
        // There the fetchers of each leader follow each other.
        let leaders = (0..self.broker).filter(|leader| *leader != broker);
        let place = leaders.count() * self.options.fetchers + before.count();
        Some(Fetcher {
            broker,
            thread: self.fetcher_thread(place),
        })
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
        let led: Vec<usize> = (0..busy)
            .filter(|log| self.history.logs[*log].is_led)
            .collect();
        let most = self.options.request_partitions.min(led.len());
        let count = 1 + self.traffic.below(most);
        let mut parts: Vec<Part> = Vec::new();
        while parts.len() < count {
            let log = if self.traffic.chance(self.options.hot_share) {
                led[0]
            } else {
                led[self.traffic.below(led.len())]
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
            sent: self.clients[client].sent,
            has_answer: 0,
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
            way: self.way_from(connection, first),
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

    /// How long what came over a connection at a time was on its way from a broker of the cluster.
    fn way_from(&self, connection: usize, arrival: i64) -> Option<i64> {
        let fetcher = self.history.connections[connection].fetcher?;
        let client = &self.clients[connection];
        let is_hello = client.sent == 0;
        Some(if is_hello {
            self.links.way(fetcher.broker, self.broker, arrival)
        } else {
            arrival - client.sent
        })
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
                    Kind::FollowerFetch(follower) => self.history.follower_ids[follower],
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
            Kind::FollowerFetch(_) if self.options.brokers > 1 => self.answered_follower(request),
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
