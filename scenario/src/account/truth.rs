//! `truth.jsonl`: one line a request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cause, Piece, Resolver, Root, Stage, Via};
use crate::Options;
use crate::history::{EPOCH_NS, History, WriteState};

/// Accounts of more pieces than this are shortened.
const MAX_PIECES: usize = 200;
/// Then neighbours shorter than this, of the same stage, become one.
const SHORT_NS: i64 = 1_000_000;

/// The truth of a request. Times are ns since 1970, true time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// `ip:port` of the client; with the correlation id it identifies the request.
    pub client_address: String,
    /// Its correlation id.
    pub correlation_id: i32,
    /// The broker that it came to, where there are several: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<i32>,
    /// The broker where the root of most of the time of `cause` is, when that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocker_broker: Option<i32>,
    /// Its API.
    pub api: String,
    /// Its client id.
    pub client_id: String,
    /// Acks asked for, by produce requests.
    pub acks: i16,
    /// First byte of the request.
    pub arrival_ns: i64,
    /// Last byte of the response.
    pub end_ns: i64,
    /// Its latency on the wire.
    pub latency_ns: i64,
    /// Part of it that it, or one ahead of it on its connection, had asked to wait.
    pub requested_wait_ns: i64,
    /// Whether the rest is at least as long as the scenario's limit.
    pub slow: bool,
    /// What most of its time is to blame on, but for what was asked for.
    pub cause: Cause,
    /// The root of `cause`.
    pub root: Root,
    /// How the root reached the request.
    pub via: Via,
    /// The mechanism of most of the time of `cause`, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The time by cause.
    pub causes: BTreeMap<Cause, i64>,
    /// The file operation or thread behind `cause`, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocker: Option<TrueBlocker>,
    /// What it wrote.
    pub partitions: Vec<TruePartition>,
    /// Its time, in order and without gaps; of slow requests only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<TrueSegment>,
}

/// A topic-partition of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TruePartition {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset of the first record.
    pub base_offset: i64,
    /// Ids of its messages.
    pub message_ids: Vec<String>,
    /// The handler.
    pub tid: i32,
    /// Its write.
    pub write_start_ns: i64,
    /// The write's end.
    pub write_end_ns: i64,
    /// The write's file.
    pub file: String,
    /// The write's place in the file.
    pub file_offset: i64,
}

/// A file operation, or a thread, that something waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrueBlocker {
    /// The thread.
    pub tid: i32,
    /// Its name.
    pub thread: String,
    /// The file operation: `write`, `fsync` or `msync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ns: Option<i64>,
    /// Its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_ns: Option<i64>,
    /// `directory/file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its place in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_offset: Option<i64>,
    /// The journal's transaction whose commit it waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<i64>,
}

/// A stretch of a request's life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrueSegment {
    /// Its start.
    pub start_ns: i64,
    /// Its end.
    pub end_ns: i64,
    /// The stage of the request.
    pub segment: Stage,
    /// What to blame.
    pub cause: Cause,
    /// The root of `cause`.
    pub root: Root,
    /// How the root reached the request.
    pub via: Via,
    /// Other answers that are not wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Cause>,
    /// Answers that say less, and nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub less: Vec<Cause>,
    /// The thread at the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocker_tid: Option<i32>,
    /// The broker of that thread, when it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocker_broker: Option<i32>,
    /// Start of the file operation at the root; with the thread it identifies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_start_ns: Option<i64>,
    /// What that was doing, as in kcorr's `write_state`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_state: Option<String>,
    /// The mechanism at the root, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many pieces it was made of, when more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<usize>,
}

/// The truths of all requests of a broker that is alone.
pub fn truths<'a>(history: &'a History, options: &Options) -> impl Iterator<Item = Truth> + 'a {
    truths_at(std::slice::from_ref(history), 0, options)
}

/// The truths of all requests that came to one of several brokers, by its place.
pub fn truths_at<'a>(
    brokers: &'a [History],
    broker: usize,
    options: &Options,
) -> impl Iterator<Item = Truth> + 'a {
    let history = &brokers[broker];
    let resolver = Resolver::of_broker(brokers, broker);
    let is_alone = brokers.len() == 1;
    let slo_ns = (options.slo_ms * 1e6) as i64;
    let requests = history.requests.iter().enumerate();
    let answered = requests.filter(|(_, request)| request.end > 0);
    answered.map(move |(number, _)| Truth {
        broker: (!is_alone).then_some(history.broker_id),
        ..truth(resolver, history, number, slo_ns)
    })
}

fn truth(resolver: Resolver<'_>, history: &History, number: usize, slo_ns: i64) -> Truth {
    let request = &history.requests[number];
    let pieces = resolver.pieces(number);
    let mut causes = BTreeMap::<Cause, i64>::new();
    for piece in &pieces {
        *causes.entry(piece.cause).or_default() += piece.span.ns();
    }
    let is_asked = |cause: &Cause| cause.root == Root::RequestedWait;
    let asked = causes.iter().filter(|(cause, _)| is_asked(cause));
    let requested_wait_ns = asked.map(|(_, ns)| *ns).sum();
    let cause = causes
        .iter()
        .max_by_key(|(cause, ns)| (!is_asked(cause), **ns));
    let cause = cause.map_or(Cause::UNEXPLAINED, |(cause, _)| *cause);
    let connection = &history.connections[request.connection];
    let latency_ns = request.end - request.arrival;
    let slow = latency_ns - requested_wait_ns >= slo_ns;
    let partitions = request.parts.iter().filter_map(|part| {
        let log = &history.logs[part.log];
        let write = &history.writes[part.write?];
        Some(TruePartition {
            topic: history.topics[log.topic].name.clone(),
            partition: log.partition,
            base_offset: part.offset,
            message_ids: part.ids.iter().map(u64::to_string).collect(),
            tid: history.threads[write.thread].tid,
            write_start_ns: EPOCH_NS + write.span.start,
            write_end_ns: EPOCH_NS + write.span.end,
            file: write.file.clone(),
            file_offset: write.offset,
        })
    });
    Truth {
        client_address: connection.client_address(),
        correlation_id: request.correlation_id,
        broker: None,
        blocker_broker: blocker_broker(resolver, &pieces, cause),
        api: request.kind.api().1.to_owned(),
        client_id: connection.client_id.clone(),
        acks: request.acks,
        arrival_ns: EPOCH_NS + request.arrival,
        end_ns: EPOCH_NS + request.end,
        latency_ns,
        requested_wait_ns,
        slow,
        cause,
        root: cause.root,
        via: cause.via,
        reason: reason(resolver, &pieces, cause).map(ToOwned::to_owned),
        blocker: blocker(resolver, &pieces, cause),
        causes,
        partitions: partitions.collect(),
        segments: if slow {
            segments(resolver, &pieces)
        } else {
            Vec::new()
        },
    }
}

/// The mechanism of most of the time of a cause.
fn reason(resolver: Resolver<'_>, pieces: &[Piece], cause: Cause) -> Option<&'static str> {
    let mut times = BTreeMap::<Option<&str>, i64>::new();
    for piece in pieces.iter().filter(|piece| piece.cause == cause) {
        *times
            .entry(piece.reason(resolver.root_of(piece)))
            .or_default() += piece.span.ns();
    }
    times.into_iter().max_by_key(|(_, ns)| *ns)?.0
}

/// The broker where most of the time of a cause has its root, when that is another one.
fn blocker_broker(resolver: Resolver<'_>, pieces: &[Piece], cause: Cause) -> Option<i32> {
    let mut times = BTreeMap::<Option<i32>, i64>::new();
    for piece in pieces.iter().filter(|piece| piece.cause == cause) {
        let id = piece.at.map(|_| resolver.root_of(piece).broker_id);
        *times.entry(id).or_default() += piece.span.ns();
    }
    times.into_iter().max_by_key(|(_, ns)| *ns)?.0
}

/// The file operation, or else the thread, that most of the time of a cause is due to.
fn blocker(resolver: Resolver<'_>, pieces: &[Piece], cause: Cause) -> Option<TrueBlocker> {
    let mut times = BTreeMap::<(Option<usize>, Option<usize>, Option<usize>), i64>::new();
    for piece in pieces.iter().filter(|piece| piece.cause == cause) {
        let write = piece.write.map(|(write, _)| write);
        let key = (piece.at, write, piece.thread);
        *times.entry(key).or_default() += piece.span.ns();
    }
    let ((at, write, thread), _) = times.into_iter().max_by_key(|(_, ns)| *ns)?;
    let history = resolver.history_at(at);
    let thread = &history.threads[thread?];
    let write = write.map(|write| &history.writes[write]);
    let transaction = write.and_then(|write| {
        let mut states = write.states.iter();
        states.find_map(|(_, state)| match state {
            WriteState::JournalWait(commit) | WriteState::JournalCommit(commit) => {
                Some(history.commits[*commit].transaction)
            }
            _ => None,
        })
    });
    let file = write.map(|w| format!("{}/{}", history.logs[w.log].directory, w.file));
    Some(TrueBlocker {
        tid: thread.tid,
        thread: thread.name.clone(),
        operation: write.map(|write| write.operation.to_owned()),
        start_ns: write.map(|write| EPOCH_NS + write.span.start),
        end_ns: write.map(|write| EPOCH_NS + write.span.end),
        file,
        file_offset: write.map(|write| write.offset),
        transaction,
    })
}

fn segments(resolver: Resolver<'_>, pieces: &[Piece]) -> Vec<TrueSegment> {
    if pieces.len() <= MAX_PIECES {
        return pieces.iter().map(|p| segment(resolver, p)).collect();
    }
    // A long convoy has thousands of short holders.
    let is_short = |piece: &Piece| piece.span.ns() < SHORT_NS;
    let runs = pieces.chunk_by(|a, b| a.stage == b.stage && is_short(a) && is_short(b));
    runs.map(|run| shortened(resolver, run)).collect()
}

/// One segment for pieces that follow each other: with the cause of most of their time.
fn shortened(resolver: Resolver<'_>, run: &[Piece]) -> TrueSegment {
    let mut times = BTreeMap::<Cause, i64>::new();
    for piece in run {
        *times.entry(piece.cause).or_default() += piece.span.ns();
    }
    let cause = times.iter().max_by_key(|(_, ns)| **ns).map(|(c, _)| *c);
    let of_cause = run.iter().filter(|piece| Some(piece.cause) == cause);
    let longest = of_cause.max_by_key(|piece| piece.span.ns());
    let mut whole = segment(resolver, longest.unwrap_or(&run[0]));
    whole.start_ns = EPOCH_NS + run[0].span.start;
    whole.end_ns = EPOCH_NS + run[run.len() - 1].span.end;
    let also = run.iter().fold(super::Causes::default(), |set, piece| {
        set.and(piece.also).with(piece.cause)
    });
    whole.also = also.without(whole.cause).iter().collect();
    whole.merged = (run.len() > 1).then_some(run.len());
    whole
}

fn segment(resolver: Resolver<'_>, piece: &Piece) -> TrueSegment {
    let history = resolver.root_of(piece);
    let state = piece.write.map(|(_, state)| match state {
        WriteState::OnCpu => "on_cpu",
        WriteState::JournalWait(_) => "journal_wait",
        WriteState::JournalCommit(_) => "journal_commit",
        WriteState::BlockIo => "block_io",
        WriteState::RunQueue => "run_queue",
    });
    let write = piece.write.map(|(write, _)| &history.writes[write]);
    TrueSegment {
        start_ns: EPOCH_NS + piece.span.start,
        end_ns: EPOCH_NS + piece.span.end,
        segment: piece.stage,
        cause: piece.cause,
        root: piece.cause.root,
        via: piece.cause.via,
        also: piece.also.iter().collect(),
        less: piece.less.iter().collect(),
        blocker_tid: piece.thread.map(|thread| history.threads[thread].tid),
        blocker_broker: piece.at.map(|_| history.broker_id),
        write_start_ns: write.map(|write| EPOCH_NS + write.span.start),
        write_state: state.map(ToOwned::to_owned),
        reason: piece.reason(history).map(ToOwned::to_owned),
        merged: None,
    }
}
