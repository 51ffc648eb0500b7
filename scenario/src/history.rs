//! What happened in the simulated broker: the one thing that the truth and all recordings are read off.
//!
//! Times are ns since the scenario's start, on the one true clock. Threads, logs, monitors, connections,
//! requests and writes are numbered from 0.

/// ns since the scenario's start.
pub type Time = i64;

/// Wall time of the scenario's start, ns since 1970: 2026-09-21T14:13:20Z.
pub const EPOCH_NS: i64 = 1_790_000_000_000_000_000;

/// A stretch of time, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its start.
    pub start: Time,
    /// Its end.
    pub end: Time,
}

impl Span {
    /// The common part of two spans, unless it is empty.
    pub fn common(self, other: Span) -> Option<Span> {
        let span = Span {
            start: self.start.max(other.start),
            end: self.end.min(other.end),
        };
        (span.start < span.end).then_some(span)
    }

    /// Its length, ns.
    pub fn ns(self) -> i64 {
        self.end - self.start
    }
}

/// Everything that happened.
#[derive(Debug, Default)]
pub struct History {
    /// The broker's id.
    pub broker_id: i32,
    /// By number of a follower: its broker id.
    pub follower_ids: Vec<i32>,
    /// The broker's threads.
    pub threads: Vec<Thread>,
    /// The topics.
    pub topics: Vec<Topic>,
    /// The logs (topic-partitions) of the broker.
    pub logs: Vec<Log>,
    /// The monitors: that of log n is monitor n; the last is the other lock.
    pub monitors: Vec<Monitor>,
    /// The clients' connections.
    pub connections: Vec<Connection>,
    /// The requests, in the order in which they were sent.
    pub requests: Vec<Request>,
    /// File operations.
    pub writes: Vec<Write>,
    /// Waits for monitors, in the order in which they ended.
    pub waits: Vec<Wait>,
    /// Stops of the JVM, in order.
    pub pauses: Vec<Span>,
    /// By stop of the JVM: what happened in it, in order and without gaps.
    pub pause_states: Vec<Vec<(Span, PauseState)>>,
    /// Stops of the whole process, which had used up its quota of CPU time; in order, and not during a
    /// stop of the JVM.
    pub throttles: Vec<Span>,
    /// Stops of the whole process by a signal; in order, and not during another stop.
    pub process_stops: Vec<Span>,
    /// Whether logs are synced under their monitors.
    pub syncs_under_lock: bool,
    /// Commits of the journal, in order.
    pub commits: Vec<Commit>,
    /// Waits of threads for a CPU.
    pub run_queue_waits: Vec<RunQueueWait>,
    /// Changes of in-sync sets, in order.
    pub isr_changes: Vec<IsrChange>,
    /// Packets, in the order in which they were decided; sort by time.
    pub packets: Vec<Packet>,
    /// When everything was over.
    pub end: Time,
}

/// Replicas left the in-sync set of a log, or one came back to it.
#[derive(Debug)]
pub struct IsrChange {
    /// When the leader decided so, and its set was stored at once.
    pub time: Time,
    /// The log.
    pub log: usize,
    /// Followers that left, each with the end of its log as the leader knew it; none when one came back.
    pub left: Vec<(usize, i64)>,
    /// Followers in sync before it.
    pub before: Vec<usize>,
    /// Followers in sync after it.
    pub after: Vec<usize>,
    /// The offset up to which all that were in sync had the log.
    pub high_watermark: i64,
    /// The end of the leader's log.
    pub end_offset: i64,
}

/// What a thread is to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `data-plane-kafka-request-handler-N`
    Handler,
    /// `data-plane-kafka-network-thread-1-ListenerName(PLAINTEXT)-PLAINTEXT-N`
    Network,
    /// `kafka-scheduler-N`
    Scheduler,
    /// `TxnMarkerSenderThread-1`: notes that a transaction is complete
    Marker,
    /// `metrics-reporter`: holds the other lock
    Reporter,
    /// `VM Thread`: runs what the JVM is stopped for, and writes the GC log
    Vm,
    /// `kafka-log-cleaner-thread-0`: comes late to safepoints
    Cleaner,
    /// `ReplicaFetcherThread-N-M`: follows broker M
    Fetcher,
}

/// A thread and what it did.
#[derive(Debug)]
pub struct Thread {
    /// Its role.
    pub role: Role,
    /// Its name in Java.
    pub name: String,
    /// Its id in the operating system.
    pub tid: i32,
    /// Its id in Java.
    pub java_id: i64,
    /// What it did, in order and without overlaps; between them it was idle.
    pub activities: Vec<(Span, Activity)>,
}

/// What a thread was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Java code on a CPU.
    Cpu,
    /// Runnable, but on no CPU.
    RunQueue,
    /// In Java code, stopped by a pause (its number).
    Pause(usize),
    /// Ready to run, stopped with the whole process by its quota of CPU time (the stop's number).
    Throttle(usize),
    /// Stopped with the whole process by a signal (the stop's number).
    Stopped(usize),
    /// In a file operation (its number).
    Write(usize),
    /// Waiting for a monitor (the wait's number).
    Wait(usize),
}

/// A topic: its name, and its id for the versions that use ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Name.
    pub name: String,
    /// Id, as its 16 bytes.
    pub id: [u8; 16],
}

/// A log, and its segments with all bytes.
#[derive(Debug)]
pub struct Log {
    /// Its topic (number).
    pub topic: usize,
    /// Its partition.
    pub partition: i32,
    /// Whether this broker leads it; else it follows another.
    pub is_led: bool,
    /// Name of its directory.
    pub directory: String,
    /// Its segments.
    pub segments: Vec<Segment>,
    /// Offset of the next record.
    pub next_offset: i64,
    /// Offset after the last record that is written and can be read.
    pub end_offset: i64,
}

/// A fetch returns so much of a partition.
const MAX_PARTITION_BYTES: usize = 64 << 10;

impl Log {
    /// The offset after the batches that a fetch from `offset` up to `limit` returns: whole batches of
    /// one segment.
    pub fn fetch_end(&self, offset: i64, limit: i64) -> i64 {
        let Some(segment) = self.segment_of(offset) else {
            return offset;
        };
        let first = segment.batches.partition_point(|(base, _)| *base < offset);
        let Some((_, from)) = segment.batches.get(first) else {
            return offset;
        };
        let mut end = offset;
        for index in first..segment.batches.len() {
            let next = segment.batches.get(index + 1);
            let next_offset = next.map_or(segment.next_offset, |(base, _)| *base);
            let next_place = next.map_or(segment.bytes.len(), |(_, place)| *place);
            if next_offset > limit || (next_place - from > MAX_PARTITION_BYTES && end > offset) {
                break;
            }
            end = next_offset;
        }
        end
    }

    /// The bytes of the batches from `offset` to `end`, which are ends of batches of one segment.
    pub fn records(&self, offset: i64, end: i64) -> &[u8] {
        let Some(segment) = self.segment_of(offset).filter(|_| offset < end) else {
            return &[];
        };
        let place = |offset: i64| {
            let index = segment.batches.partition_point(|(base, _)| *base < offset);
            let batch = segment.batches.get(index);
            batch.map_or(segment.bytes.len(), |(_, place)| *place)
        };
        &segment.bytes[place(offset)..place(end)]
    }

    /// Where a batch begins: the segment file, the place in it, and whether that segment is full, so that
    /// another one is written to.
    pub fn place_of(&self, offset: i64) -> Option<(String, i64, bool)> {
        let segment = self.segment_of(offset)?;
        let batch = segment.batches.partition_point(|(base, _)| *base < offset);
        let (_, place) = segment.batches.get(batch)?;
        let last = self.segments.last()?;
        let is_full = last.base_offset != segment.base_offset;
        Some((segment.file(), *place as i64, is_full))
    }

    fn segment_of(&self, offset: i64) -> Option<&Segment> {
        let next = self.segments.partition_point(|s| s.base_offset <= offset);
        self.segments.get(next.checked_sub(1)?)
    }
}

/// A segment file.
#[derive(Debug, Default)]
pub struct Segment {
    /// Offset of its first record.
    pub base_offset: i64,
    /// Offset of the record after its last.
    pub next_offset: i64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Batches: first offset, place in the file.
    pub batches: Vec<(i64, usize)>,
}

impl Segment {
    /// Name of its file.
    pub fn file(&self) -> String {
        format!("{:020}.log", self.base_offset)
    }
}

/// A monitor.
#[derive(Debug, Default)]
pub struct Monitor {
    /// Class of the object.
    pub class: &'static str,
    /// Who held it, in order.
    pub holds: Vec<(Span, usize)>,
}

/// A TCP connection.
#[derive(Debug)]
pub struct Connection {
    /// Client's address.
    pub ip: [u8; 4],
    /// Client's port.
    pub port: u16,
    /// Client id of its requests.
    pub client_id: String,
    /// The network thread that serves it.
    pub thread: usize,
    /// The fetcher of another broker of the cluster whose connection it is.
    pub fetcher: Option<Fetcher>,
    /// Its requests, in order.
    pub requests: Vec<usize>,
}

impl Connection {
    /// `ip:port` of the client.
    pub fn client_address(&self) -> String {
        let [a, b, c, d] = self.ip;
        format!("{a}.{b}.{c}.{d}:{}", self.port)
    }
}

/// A thread by which a broker of the cluster follows another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetcher {
    /// The following broker (its place in the cluster).
    pub broker: usize,
    /// The thread there (its number).
    pub thread: usize,
}

/// A broker's address, by its id.
pub fn broker_ip(broker_id: i32) -> [u8; 4] {
    [10, 0, 0, broker_id as u8]
}

/// The broker's port.
pub const BROKER_PORT: u16 = 9092;

/// What a request is, by its API and by who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Produce.
    Produce,
    /// Fetch of a consumer.
    ConsumerFetch,
    /// Fetch of the follower with this number.
    FollowerFetch(usize),
    /// Metadata.
    Metadata,
    /// ApiVersions.
    ApiVersions,
    /// A member of a group commits offsets.
    OffsetCommit,
    /// It comes to its group, which is put together anew.
    JoinGroup,
    /// It asks what it has got of that; the first member tells all.
    SyncGroup,
    /// A producer asks for its id.
    InitProducerId,
    /// It tells what it will write to.
    AddPartitionsToTxn,
    /// It commits offsets within a transaction.
    TxnOffsetCommit,
    /// It ends its transaction.
    EndTxn,
}

impl Kind {
    /// Its API: the key in the protocol, and the name in kcorr's tables.
    pub fn api(self) -> (i16, &'static str) {
        match self {
            Self::Produce => (0, "Produce"),
            Self::ConsumerFetch | Self::FollowerFetch(_) => (1, "Fetch"),
            Self::Metadata => (3, "Metadata"),
            Self::OffsetCommit => (8, "OffsetCommit"),
            Self::JoinGroup => (11, "JoinGroup"),
            Self::SyncGroup => (14, "SyncGroup"),
            Self::ApiVersions => (18, "ApiVersions"),
            Self::InitProducerId => (22, "InitProducerId"),
            Self::AddPartitionsToTxn => (24, "AddPartitionsToTxn"),
            Self::EndTxn => (26, "EndTxn"),
            Self::TxnOffsetCommit => (28, "TxnOffsetCommit"),
        }
    }

    /// Whether it may ask to wait after a handler has processed it.
    pub fn may_wait(self) -> bool {
        matches!(
            self,
            Self::ConsumerFetch | Self::FollowerFetch(_) | Self::JoinGroup | Self::SyncGroup
        )
    }

    /// Whether it is to read records.
    pub fn is_fetch(self) -> bool {
        matches!(self, Self::ConsumerFetch | Self::FollowerFetch(_))
    }
}

/// A request and the stations of its life. Stations that were not reached are 0; all are in the end.
#[derive(Debug)]
pub struct Request {
    /// Its connection.
    pub connection: usize,
    /// What it is.
    pub kind: Kind,
    /// Version of its API.
    pub version: i16,
    /// Its correlation id.
    pub correlation_id: i32,
    /// Acks asked for: 1 or −1.
    pub acks: i16,
    /// A fetch waits for data so long at most, ns.
    pub max_wait: i64,
    /// And for so many bytes.
    pub min_bytes: i64,
    /// What it writes or fetches.
    pub parts: Vec<Part>,
    /// A fetch of another broker of the cluster: its first byte left that one.
    pub sent: Time,
    /// And that one had the answer whole.
    pub has_answer: Time,
    /// First byte at the broker.
    pub arrival: Time,
    /// Last byte at the broker.
    pub received: Time,
    /// From here on no earlier request of the connection stands before it.
    pub unmuted: Time,
    /// The network thread has read it and put it into the request queue.
    pub queued: Time,
    /// A handler was free for it.
    pub assigned: Time,
    /// That handler began with it.
    pub taken: Time,
    /// That handler (thread).
    pub handler: usize,
    /// The handler is done with it.
    pub local_end: Time,
    /// Nothing more was to be waited for.
    pub completed: Time,
    /// The answer tells the client to wait so long for its quota, ns.
    pub throttle: i64,
    /// Its response was put into the network thread's queue: at once, or held back for that long.
    pub released: Time,
    /// Before that its connection was not read, for what an earlier answer told.
    pub muted_until: Time,
    /// The follower's fetch that completed it, as it was processed.
    pub completed_by: Option<usize>,
    /// It was complete when the leader no longer waited for a follower.
    pub shrunk: bool,
    /// The network thread took the response.
    pub sending: Time,
    /// First byte of the response.
    pub response: Time,
    /// Last byte of the response.
    pub end: Time,
    /// What kept its bytes on their way, and when.
    pub held_in: Option<(Span, Hold)>,
    /// The same of its response.
    pub held_out: Option<(Span, Hold)>,
    /// Size of the request.
    pub request_bytes: usize,
    /// Size of the response.
    pub response_bytes: usize,
}

/// What kept the bytes of a message on their way, once some of them had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The receiver's window was closed.
    Window,
    /// Some were lost and sent again.
    Loss,
    /// The sender had not handed over the rest.
    Idle,
}

impl Hold {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Window, Self::Loss, Self::Idle];
}

/// A topic-partition of a request.
#[derive(Debug, Default)]
pub struct Part {
    /// The log.
    pub log: usize,
    /// Produce: the batch, until it is appended.
    pub records: Vec<u8>,
    /// Produce: its size.
    pub records_bytes: usize,
    /// Produce: ids of its messages.
    pub ids: Vec<u64>,
    /// Produce: offset of its first record. Fetch: the offset asked for.
    pub offset: i64,
    /// Fetch: the offset after the last record returned.
    pub end: i64,
    /// Produce: the write that appended it.
    pub write: Option<usize>,
}

/// Why a file operation took its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteState {
    /// On a CPU.
    OnCpu,
    /// Waiting for a handle of the journal.
    JournalWait(usize),
    /// Waiting inside for a buffer of a committing transaction.
    JournalCommit(usize),
    /// Waiting for a block IO of its own.
    BlockIo,
    /// Runnable, but on no CPU.
    RunQueue,
}

/// A file operation.
#[derive(Debug)]
pub struct Write {
    /// `write`, `fsync`, `msync`, `pread` or `sendfile`
    pub operation: &'static str,
    /// From its start to its end.
    pub span: Span,
    /// Its thread (number).
    pub thread: usize,
    /// Its log.
    pub log: usize,
    /// Name of the file.
    pub file: String,
    /// Position in the file.
    pub offset: i64,
    /// Bytes written or read.
    pub bytes: i64,
    /// What it was doing, in order and without gaps.
    pub states: Vec<(Span, WriteState)>,
    /// A read: the fetch that it was for.
    pub fetch: Option<usize>,
}

impl Write {
    /// Whether it only read.
    pub fn is_read(&self) -> bool {
        matches!(self.operation, "pread" | "sendfile")
    }
}

/// What happens in a stop of the JVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseState {
    /// A thread has not come to the safepoint yet; it waits for a CPU, if that takes long.
    TimeToSafepoint,
    /// A collection.
    Gc,
    /// What goes before and after a collection.
    VmOperation,
    /// The VM thread writes the GC log, and waits for the disk.
    Io,
}

impl PauseState {
    /// Its name in kcorr's tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::TimeToSafepoint => "time_to_safepoint",
            Self::Gc => "gc",
            Self::VmOperation => "vm_operation",
            Self::Io => "pause_io",
        }
    }
}

/// A wait for a monitor.
#[derive(Debug)]
pub struct Wait {
    /// From asking for it to having it.
    pub span: Span,
    /// The thread that waited.
    pub thread: usize,
    /// The monitor.
    pub monitor: usize,
    /// Who held it before.
    pub previous_owner: usize,
}

/// A commit of the journal.
#[derive(Debug, Clone, Copy)]
pub struct Commit {
    /// From its start to its end.
    pub span: Span,
    /// In its first part, new handles are refused until here.
    pub locked_until: Time,
    /// Number of the transaction.
    pub transaction: i64,
}

/// A thread's wait for a CPU.
#[derive(Debug, Clone, Copy)]
pub struct RunQueueWait {
    /// From runnable to running.
    pub span: Span,
    /// The thread.
    pub thread: usize,
}

/// A TCP segment.
#[derive(Debug)]
pub struct Packet {
    /// When it passed the broker's network card.
    pub time: Time,
    /// When it passed that of the client, where that is a broker of the cluster.
    pub far_time: Option<Time>,
    /// The connection.
    pub connection: usize,
    /// Whether the client sent it.
    pub from_client: bool,
    /// TCP flags.
    pub flags: u8,
    /// Its sequence number, counted from the SYN of its direction; without one it is the next to be sent.
    pub sequence: Option<u32>,
    /// The window that it tells, not scaled; without one that which its sender told before.
    pub window: Option<u16>,
    /// Whether it gets from the broker's network card to its receiver.
    pub arrives: bool,
    /// The payload.
    pub payload: Vec<u8>,
}
