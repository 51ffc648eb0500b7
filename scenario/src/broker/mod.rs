//! The simulated broker: a discrete-event simulation of what Kafka does with requests.
//!
//! It knows nothing of how kcorr explains latency: it moves requests through network threads, a queue,
//! handler threads, monitors, a disk, followers and back, and writes down what happened.

mod clients;
mod cluster;
mod coordinators;
mod disk;
mod fetchers;
mod flushes;
mod handlers;
mod job;
mod links;
mod monitors;
mod network;
mod others;
mod purgatory;
mod reads;
mod replicas;
mod schedule;
mod threads;
mod wires;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::Options;
use crate::history::{History, Log, Monitor, Segment, Time, Topic};
use crate::random::{Random, Recurring};
use clients::Client;
use cluster::{Mail, Sent};
use coordinators::{Group, Transaction};
use disk::Disk;
use fetchers::Fetcher;
use job::Job;
use links::Links;
use monitors::Queue;
use network::Channel;
use replicas::Replica;
use wires::Wires;

pub use cluster::simulate_brokers;
pub(crate) use schedule::at;
pub(crate) use threads::PID;
pub(crate) use wires::{OPEN, SYN};

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A producer has something to send.
    Produce(usize),
    /// A consumer or follower sends its next fetch.
    Fetch(usize),
    /// A member of a group has offsets to commit.
    Commit(usize),
    /// A group is to be put together anew.
    Rebalance(usize),
    /// A member comes to its group.
    Join(usize),
    /// It asks what it has got.
    Sync(usize),
    /// A producer goes on with its transaction.
    Transact(usize),
    /// A request is at the broker whole.
    Received(usize),
    /// A network thread has read a request.
    Queued(usize),
    /// A thread goes on with its job.
    Step(usize),
    /// The leader looks which followers it still waits for.
    ShrinkDue,
    /// A fetch has waited for data long enough.
    PollOver(usize),
    /// A response that was held back goes to the network thread.
    Released(usize),
    /// A connection is read again.
    Unmuted(usize),
    /// The network thread has handed a response over to the network.
    Sent(usize),
    /// The last byte of a response has left.
    Gone(usize),
    /// A thread other than a handler starts on something (see `others`).
    Wake(usize),
    /// A log is due to be flushed by the flusher.
    FlushDue,
    /// What another broker sent is there.
    Mail(usize),
}

/// The broker, its clients and its disk, while simulated.
struct Simulation<'a> {
    options: &'a Options,
    /// Its place in the cluster.
    broker: usize,
    links: &'a Links,
    /// What is for other brokers, and what of theirs is on its way to this one.
    outbox: Vec<Sent>,
    mail: Vec<Option<Mail>>,
    fetchers: Vec<Fetcher>,
    fetcher_run_queue: Recurring,
    now: Time,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    event_count: u64,
    history: History,
    wires: Wires,
    clients: Vec<Client>,
    channels: Vec<Channel>,
    /// When each network thread is free.
    network_free: Vec<Time>,
    request_queue: VecDeque<usize>,
    idle: VecDeque<usize>,
    jobs: Vec<Option<Job>>,
    queues: Vec<Queue>,
    disk: Disk,
    /// By log: messages appended since it was flushed last.
    unflushed: Vec<i64>,
    /// Segments that the flusher is to flush: log, name of the file.
    flushes: VecDeque<(usize, String)>,
    /// The segment file that it is at.
    flushing: String,
    /// Produce requests that wait for followers.
    delayed_produces: Vec<usize>,
    /// Fetches that wait for data.
    delayed_fetches: Vec<usize>,
    /// By follower and log: what the leader knows of it.
    replicas: Vec<Vec<Replica>>,
    follower_stop: Recurring,
    replicas_random: Random,
    /// Followers have just been given up.
    shrunk: bool,
    groups: Vec<Group>,
    transactions: Vec<Transaction>,
    /// Logs in which it is to be noted that a transaction is complete.
    completions: VecDeque<usize>,
    members: Random,
    next_message_id: u64,
    cpu: Random,
    traffic: Random,
    wake: Random,
    cpu_bound: Recurring,
    run_queue: Recurring,
    late_run_queue: Recurring,
    network_run_queue: Recurring,
    slow_send: Recurring,
    held_receive: Recurring,
    held_send: Recurring,
    holds: Random,
    network_busy: Recurring,
    client_quota: Recurring,
    fetch_quota: Recurring,
    quota: Random,
    remote_slow: Recurring,
    reads: Random,
}

/// Runs a scenario of one broker; of several, answers what happened at the first.
pub fn simulate(options: &Options) -> History {
    simulate_brokers(options).swap_remove(0)
}

impl<'a> Simulation<'a> {
    /// The broker with a place in its cluster, whose logs all brokers have.
    fn new(options: &'a Options, broker: usize, seed_of_logs: u64, links: &'a Links) -> Self {
        let seed = options.seed;
        let (pauses, pause_states) = schedule::pauses(options);
        let followers = if options.brokers > 1 {
            let others = (0..options.brokers).filter(|other| *other != broker);
            others.map(|other| other as i32 + 1).collect()
        } else {
            let followers = 0..options.followers;
            followers.map(|follower| follower as i32 + 2).collect()
        };
        let mut history = History {
            broker_id: broker as i32 + 1,
            follower_ids: followers,
            process_stops: schedule::process_stops(options, &pauses),
            throttles: schedule::throttles(options, &pauses),
            pauses,
            pause_states,
            syncs_under_lock: options.flush_messages > 0
                || options.scheduler_syncs_per_second > 0.0,
            commits: schedule::commits(options),
            threads: threads::all(options, broker),
            ..History::default()
        };
        let mut offsets = Random::new(seed_of_logs, "offsets");
        let mut push_log = |history: &mut History, topic: usize, partition: i32| {
            let base = offsets.between(0, 1_000_000_000);
            history.logs.push(Log {
                topic,
                partition,
                is_led: history.logs.len() % options.brokers.max(1) == broker,
                directory: format!("{}-{partition}", history.topics[topic].name),
                segments: vec![Segment {
                    base_offset: base,
                    next_offset: base,
                    ..Segment::default()
                }],
                next_offset: base,
                end_offset: base,
            });
            history.monitors.push(Monitor {
                class: "java.lang.Object",
                holds: Vec::new(),
            });
        };
        for topic in 0..options.topics {
            let name = format!("orders-{}", (b'a' + (topic % 26) as u8) as char);
            let mut id = [0x5c; 16];
            id[15] = topic as u8 + 1;
            id[0] = (seed_of_logs % 251) as u8;
            history.topics.push(Topic { name, id });
            for partition in 0..options.partitions {
                push_log(&mut history, topic, partition as i32);
            }
        }
        for (number, (name, partitions)) in coordinators::logs(options).into_iter().enumerate() {
            let mut id = [0xc0; 16];
            id[15] = number as u8 + 1;
            history.topics.push(Topic { name, id });
            for partition in partitions {
                push_log(&mut history, options.topics + number, partition);
            }
        }
        history.monitors.push(Monitor {
            class: "org.apache.kafka.common.metrics.Sensor",
            holds: Vec::new(),
        });
        let ends: Vec<i64> = history.logs.iter().map(|log| log.next_offset).collect();
        let followers = history.follower_ids.len();
        Self {
            options,
            broker,
            links,
            outbox: Vec::new(),
            mail: Vec::new(),
            fetchers: Vec::new(),
            fetcher_run_queue: Recurring::new(
                seed,
                "fetcher run queue",
                options.fetcher_run_queue_per_second,
            ),
            now: 0,
            events: BinaryHeap::new(),
            event_count: 0,
            wires: Wires::default(),
            clients: Vec::new(),
            channels: Vec::new(),
            network_free: vec![0; options.network_threads],
            request_queue: VecDeque::new(),
            idle: (0..options.handlers).collect(),
            jobs: (0..history.threads.len()).map(|_| None).collect(),
            queues: history.monitors.iter().map(|_| Queue::default()).collect(),
            disk: Disk::new(options),
            unflushed: vec![0; history.logs.len()],
            flushes: VecDeque::new(),
            flushing: String::new(),
            delayed_produces: Vec::new(),
            delayed_fetches: Vec::new(),
            replicas: vec![ends.into_iter().map(Replica::new).collect(); followers],
            follower_stop: Recurring::new(seed, "stop", options.follower_stops_per_second),
            replicas_random: Random::new(seed, "replicas"),
            shrunk: false,
            groups: Vec::new(),
            transactions: Vec::new(),
            completions: VecDeque::new(),
            members: Random::new(seed, "members"),
            next_message_id: 75_000_000 + 10_000_000 * broker as u64,
            cpu: Random::new(seed, "cpu"),
            traffic: Random::new(seed, "traffic"),
            wake: Random::new(seed, "wake"),
            cpu_bound: Recurring::new(seed, "cpu bound", options.cpu_bound_per_second),
            run_queue: Recurring::new(seed, "java run queue", options.run_queue_per_second),
            late_run_queue: Recurring::new(
                seed,
                "late run queue",
                options.late_run_queue_per_second,
            ),
            network_run_queue: Recurring::new(
                seed,
                "network run queue",
                options.network_run_queue_per_second,
            ),
            slow_send: Recurring::new(seed, "slow send", options.slow_send_per_second),
            held_receive: Recurring::new(seed, "held receive", options.held_receives_per_second),
            held_send: Recurring::new(seed, "held send", options.held_sends_per_second),
            holds: Random::new(seed, "holds"),
            network_busy: Recurring::new(seed, "network busy", options.network_busy_per_second),
            client_quota: Recurring::new(seed, "client quota", options.throttles_per_second),
            fetch_quota: Recurring::new(
                seed,
                "quota of fetches",
                options.throttles_per_second / 4.0,
            ),
            quota: Random::new(seed, "quotas of clients"),
            remote_slow: Recurring::new(seed, "remote", options.remote_slow_per_second),
            reads: Random::new(seed, "reads"),
            history,
        }
    }

    fn schedule(&mut self, time: Time, event: Event) {
        debug_assert!(time >= self.now, "{event:?} in the past");
        self.event_count += 1;
        self.events.push(Reverse((time, self.event_count, event)));
    }

    fn start(&mut self) {
        self.start_clients();
        self.start_others();
        self.start_replicas();
        self.start_fetchers();
        self.come_late();
    }

    /// When the next event is.
    fn next_time(&self) -> Option<Time> {
        self.events.peek().map(|Reverse((time, ..))| *time)
    }

    fn run_next(&mut self) {
        if let Some(Reverse((time, _, event))) = self.events.pop() {
            self.now = time;
            match event {
                Event::Produce(client) => self.produce(client),
                Event::Fetch(client) => self.fetch(client),
                Event::Commit(client) => self.commit(client),
                Event::Rebalance(group) => self.rebalance(group),
                Event::Join(client) => self.join(client),
                Event::Sync(client) => self.sync_group(client),
                Event::Transact(client) => self.transact(client),
                Event::Received(request) => self.received(request),
                Event::Queued(request) => self.queued(request),
                Event::Step(thread) => self.step(thread),
                Event::ShrinkDue => self.shrink(),
                Event::PollOver(request) => self.poll_over(request),
                Event::Released(request) => self.release_response(request),
                Event::Unmuted(connection) => self.unmuted(connection),
                Event::Sent(request) => self.sent(request),
                Event::Gone(request) => self.gone(request),
                Event::Wake(thread) => self.wake_other(thread),
                Event::FlushDue => self.flush_due(),
                Event::Mail(place) => self.receive(place),
            }
        }
    }

    /// What happened, when everything was over.
    fn over(self, end: Time) -> History {
        let mut history = self.history;
        history.packets = self.wires.packets;
        history.end = end;
        history.pauses.retain(|pause| pause.start < end);
        history.pause_states.truncate(history.pauses.len());
        history.throttles.retain(|stop| stop.start < end);
        history.process_stops.retain(|stop| stop.start < end);
        history.commits.retain(|commit| commit.span.start < end);
        history
    }

    /// Whether clients still send.
    fn is_open(&self) -> bool {
        self.now < self.options.duration_ms * 1_000_000
    }
}
