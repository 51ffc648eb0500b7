//! Groups and transactions, and their coordinator: what it keeps is appended to a partition of
//! `__consumer_offsets` or `__transaction_state`, that of the hash of the group's or transaction's id.
//!
//! A group is put together anew when all its members have come: who comes early waits (JoinGroup), and so does who
//! asks what it has got before the first member has told (SyncGroup). After EndTxn another thread notes in the log
//! that the transaction is complete.

use std::collections::BTreeSet;

use super::clients::Role;
use super::job::{Job, Task};
use super::{Event, Simulation};
use crate::Options;
use crate::history::{EPOCH_NS, Kind, Part};
use crate::wire::{batch, coordinator, message};

const MS: i64 = 1_000_000;
const OFFSETS: &str = "__consumer_offsets";
const TRANSACTIONS: &str = "__transaction_state";
/// Partitions of both, as Kafka makes them.
const PARTITIONS: i32 = 50;
/// How long a coordinator waits for the members of a group.
const REBALANCE_TIMEOUT_MS: i32 = 300_000;
/// Bytes of what it keeps of a request, around.
const KEPT_BYTES: usize = 90;

/// A group of consumers.
#[derive(Debug)]
pub(super) struct Group {
    /// The log that has its records.
    log: usize,
    members: Vec<usize>,
    /// It is being put together.
    is_joining: bool,
    /// The first member has told who gets what.
    is_told: bool,
    joined: Vec<usize>,
    synced: Vec<usize>,
}

/// A producer's transactions.
#[derive(Debug)]
pub(super) struct Transaction {
    log: usize,
    next: Kind,
}

fn group_id(group: usize) -> String {
    format!("billing-{}", group + 1)
}

fn transactional_id(producer: usize) -> String {
    format!("payments-{}", producer + 1)
}

/// The partition in which a coordinator keeps the records of an id: Java's hash of it, without its sign.
fn partition(id: &str) -> i32 {
    let hash = id.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    hash.checked_abs().unwrap_or(0) % PARTITIONS
}

/// The topics of the coordinators, with the partitions that are in use.
pub(super) fn logs(options: &Options) -> Vec<(String, BTreeSet<i32>)> {
    let groups = (0..options.groups).map(|n| partition(&group_id(n)));
    let producers = 0..options.transactional_producers;
    let producers = producers.map(|n| partition(&transactional_id(n)));
    let topics = [
        (OFFSETS.to_owned(), groups.collect::<BTreeSet<_>>()),
        (TRANSACTIONS.to_owned(), producers.collect()),
    ];
    let used = topics
        .into_iter()
        .filter(|(_, partitions)| !partitions.is_empty());
    used.collect()
}

impl Simulation<'_> {
    fn coordinator_log(&self, topic: &str, id: &str) -> usize {
        let partition = partition(id);
        let mut logs = self.history.logs.iter();
        let found = logs.position(|log| {
            log.partition == partition && self.history.topics[log.topic].name == topic
        });
        found.expect("logs() has it")
    }

    /// Opens the connections to coordinators.
    pub(super) fn start_coordinated(&mut self) {
        let options = self.options;
        let mut place = self.clients.len();
        for group in 0..options.groups {
            let mut members = Vec::new();
            for member in 0..options.group_members {
                let name = format!("consumer-{}-{member}", group_id(group));
                let client = self.connect(place, name, Role::Member(group, member), 12);
                let gap = self.commit_gap();
                self.schedule(30 * MS + gap, Event::Commit(client));
                members.push(client);
                place += 1;
            }
            let log = self.coordinator_log(OFFSETS, &group_id(group));
            self.groups.push(Group {
                log,
                members,
                is_joining: false,
                is_told: true,
                joined: Vec::new(),
                synced: Vec::new(),
            });
            let gap = self.rebalance_gap();
            self.schedule(200 * MS + gap, Event::Rebalance(group));
        }
        for producer in 0..options.transactional_producers {
            let name = format!("producer-{}", transactional_id(producer));
            let client = self.connect(place, name, Role::Transactional(producer), 12);
            let log = self.coordinator_log(TRANSACTIONS, &transactional_id(producer));
            self.transactions.push(Transaction {
                log,
                next: Kind::InitProducerId,
            });
            self.schedule(25 * MS + producer as i64 * MS, Event::Transact(client));
            place += 1;
        }
    }

    fn commit_gap(&mut self) -> i64 {
        let members = (self.options.groups * self.options.group_members).max(1);
        self.members
            .gap_ns(self.options.commits_per_second / members as f64)
    }

    fn rebalance_gap(&mut self) -> i64 {
        let each = self.options.rebalances_per_second / self.options.groups.max(1) as f64;
        self.members.gap_ns(each)
    }

    /// What a coordinator keeps of a request.
    fn kept(&mut self, log: usize) -> Part {
        let id = self.next_message_id;
        self.next_message_id += 1;
        let size = self.members.log_normal(KEPT_BYTES as f64, 0.2) as usize;
        let records = batch::batch(&[id], size, -1, (EPOCH_NS + self.now) / MS, false);
        Part {
            log,
            records_bytes: records.len(),
            records,
            ids: vec![id],
            ..Part::default()
        }
    }

    /// A member has offsets to commit; while its group is put together, it does not.
    pub(super) fn commit(&mut self, client: usize) {
        let Role::Member(group, _) = self.clients[client].role else {
            return;
        };
        if !self.is_open() {
            return;
        }
        let gap = self.commit_gap();
        self.schedule(self.now + gap, Event::Commit(client));
        if self.clients[client].in_flight == 0 && !self.groups[group].is_joining {
            let kept = self.kept(self.groups[group].log);
            let version = coordinator::version(Kind::OffsetCommit);
            self.send(client, Kind::OffsetCommit, version, vec![kept]);
        }
    }

    /// A group is put together anew, unless it is at that: its members come, one after another.
    pub(super) fn rebalance(&mut self, group: usize) {
        if !self.is_open() {
            return;
        }
        let gap = self.rebalance_gap();
        self.schedule(self.now + gap, Event::Rebalance(group));
        if self.groups[group].is_joining {
            return;
        }
        self.groups[group].is_joining = true;
        for member in self.groups[group].members.clone() {
            let ns = self.members.slow_ns(self.options.rejoin_ms);
            self.schedule(self.now + ns, Event::Join(member));
        }
    }

    /// A member comes to its group, when nothing of it is open.
    pub(super) fn join(&mut self, client: usize) {
        if self.clients[client].in_flight > 0 {
            self.schedule(self.now + 3 * MS, Event::Join(client));
            return;
        }
        let version = coordinator::version(Kind::JoinGroup);
        self.send(client, Kind::JoinGroup, version, Vec::new());
    }

    /// It asks what it has got; the first tells.
    pub(super) fn sync_group(&mut self, client: usize) {
        let Role::Member(group, member) = self.clients[client].role else {
            return;
        };
        let mut kept = Vec::new();
        if member == 0 {
            kept.push(self.kept(self.groups[group].log));
        }
        let version = coordinator::version(Kind::SyncGroup);
        self.send(client, Kind::SyncGroup, version, kept);
    }

    /// A producer sends the next request of its transaction.
    pub(super) fn transact(&mut self, client: usize) {
        let Role::Transactional(producer) = self.clients[client].role else {
            return;
        };
        let kind = self.transactions[producer].next;
        if !self.is_open() {
            return;
        }
        let log = match kind {
            Kind::TxnOffsetCommit => self.groups[producer % self.options.groups].log,
            _ => self.transactions[producer].log,
        };
        let kept = self.kept(log);
        self.send(client, kind, coordinator::version(kind), vec![kept]);
    }

    /// Whether a handler appends something for a request.
    pub(super) fn appends(&self, request: usize) -> bool {
        let request = &self.history.requests[request];
        !request.kind.is_fetch() && !request.parts.is_empty()
    }

    /// A handler has processed a request for which all members of a group have to come.
    pub(super) fn join_or_wait(&mut self, request: usize) {
        let of = &self.history.requests[request];
        // Clients are numbered like their connections.
        let Role::Member(group, _) = self.clients[of.connection].role else {
            return;
        };
        let kind = of.kind;
        let of = &mut self.groups[group];
        if kind == Kind::SyncGroup && of.is_told {
            self.respond(request);
        } else if kind == Kind::SyncGroup {
            of.synced.push(request);
        } else {
            of.joined.push(request);
            if of.joined.len() == of.members.len() {
                of.is_told = false;
                for joined in std::mem::take(&mut of.joined) {
                    self.respond(joined);
                }
            }
        }
    }

    /// What was appended for a request is with all replicas.
    pub(super) fn replicated(&mut self, request: usize) {
        let of = &self.history.requests[request];
        let role = self.clients[of.connection].role;
        match (of.kind, role) {
            (Kind::SyncGroup, Role::Member(group, _)) => {
                let of = &mut self.groups[group];
                (of.is_told, of.is_joining) = (true, false);
                for synced in std::mem::take(&mut of.synced) {
                    self.respond(synced);
                }
            }
            (Kind::EndTxn, Role::Transactional(producer)) => {
                self.completions.push_back(self.transactions[producer].log);
                let ns = self.cpu.around_ns(2_000_000.0);
                self.schedule(self.now + ns, Event::Wake(self.marker()));
            }
            _ => {}
        }
    }

    /// A client of a coordinator has its answer.
    pub(super) fn coordinated(&mut self, client: usize, kind: Kind) {
        match (kind, self.clients[client].role) {
            (Kind::JoinGroup, Role::Member(_, member)) => {
                let median = if member == 0 { 3e6 } else { 5e5 };
                let ns = self.members.around_ns(median);
                self.schedule(self.now + ns, Event::Sync(client));
            }
            (_, Role::Transactional(producer)) => {
                let each = self.options.transactions_per_second
                    / self.options.transactional_producers as f64;
                let think = self.members.around_ns(2_000_000.0);
                let (next, ns) = match kind {
                    Kind::AddPartitionsToTxn if self.options.groups > 0 => {
                        (Kind::TxnOffsetCommit, think)
                    }
                    Kind::AddPartitionsToTxn | Kind::TxnOffsetCommit => (Kind::EndTxn, think),
                    _ => (Kind::AddPartitionsToTxn, self.members.gap_ns(each)),
                };
                self.transactions[producer].next = next;
                self.schedule(self.now + ns, Event::Transact(client));
            }
            _ => {}
        }
    }

    /// The body of a request to a coordinator.
    pub(super) fn coordinated_body(&self, client: usize, kind: Kind) -> message::Body {
        let of = &self.history.topics[0].name;
        let offset = self.next_message_id as i64;
        match self.clients[client].role {
            Role::Member(group, member) => {
                let (id, name) = (group_id(group), format!("member-{member}"));
                match kind {
                    Kind::OffsetCommit => coordinator::offset_commit(&id, &name, of, offset),
                    Kind::JoinGroup => coordinator::join_group(&id, &name, REBALANCE_TIMEOUT_MS),
                    _ => {
                        let members = self.options.group_members;
                        let told = if member == 0 { members } else { 0 };
                        coordinator::sync_group(&id, &name, told)
                    }
                }
            }
            Role::Transactional(producer) => {
                let id = transactional_id(producer);
                match kind {
                    Kind::InitProducerId => coordinator::init_producer_id(&id),
                    Kind::AddPartitionsToTxn => coordinator::add_partitions(&id, of),
                    Kind::TxnOffsetCommit => {
                        let group = group_id(producer % self.options.groups);
                        coordinator::txn_offset_commit(&id, &group, of, offset)
                    }
                    _ => coordinator::end_txn(&id),
                }
            }
            _ => message::Body::default(),
        }
    }

    /// The thread that completes transactions takes up the next, unless it is at one.
    pub(super) fn wake_marker(&mut self) {
        let thread = self.marker();
        if self.jobs[thread].is_some() {
            return;
        }
        if let Some(log) = self.completions.pop_front() {
            self.jobs[thread] = Some(Job::Other(Task::Complete(log)));
            self.acquire(thread, log);
        }
    }

    /// It has the log's monitor, and appends that one is complete.
    pub(super) fn complete_transaction(&mut self, thread: usize, log: usize) {
        let mut records = self.kept(log).records;
        let into = &mut self.history.logs[log];
        let Some(segment) = into.segments.last_mut() else {
            return;
        };
        batch::assign_offset(&mut records, into.next_offset);
        let (file, offset) = (segment.file(), segment.bytes.len() as i64);
        segment
            .batches
            .push((into.next_offset, segment.bytes.len()));
        segment.bytes.extend_from_slice(&records);
        into.next_offset += 1;
        into.end_offset = into.next_offset;
        segment.next_offset = into.next_offset;
        let bytes = records.len() as i64;
        let ns = self.cpu.around_ns(15_000.0);
        let start = self.compute(thread, self.now, ns);
        let states = self.disk.write(start, log, bytes, &self.history.commits);
        let end = self.file_operation(thread, log, "write", file, offset, bytes, states);
        self.go_on(thread, Job::Other(Task::Completed(log)), end);
    }
}
