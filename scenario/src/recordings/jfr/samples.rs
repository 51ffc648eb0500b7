//! Samples of running threads, and wall-clock samples.

use super::super::Recorder;
use super::chunk::{Bytes, Chunk};
use super::metadata::types;
use super::ticks;
use crate::Options;
use crate::history::{Activity, History, Role, Time};

pub(super) const STATE_DEFAULT: i64 = 1;
pub(super) const STATE_SLEEPING: i64 = 2;

/// What a thread's stack looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stack {
    /// Waiting for work.
    Idle,
    /// Waiting for a log's monitor, or computing under it.
    Append,
    /// In a write(2).
    Write,
    /// In an fsync or msync.
    Sync,
    /// At the other lock.
    Sensor,
    /// Reading and checking a request.
    Parse,
    /// A network thread at work.
    Network,
    /// A network thread in a sendfile.
    Send,
    /// A fetcher waits for an answer, or reads it.
    Fetch,
    /// It appends, or waits for a log's monitor.
    FollowerAppend,
    /// It is in a write(2).
    FollowerWrite,
}

impl Stack {
    pub(super) const ALL: [Self; 11] = [
        Self::Idle,
        Self::Append,
        Self::Write,
        Self::Sync,
        Self::Sensor,
        Self::Parse,
        Self::Network,
        Self::Send,
        Self::Fetch,
        Self::FollowerAppend,
        Self::FollowerWrite,
    ];

    pub(super) fn id(self) -> i64 {
        self as i64 + 1
    }

    /// Class and method of its frames, innermost first.
    pub(super) fn frames(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Idle => &[
                ("jdk/internal/misc/Unsafe", "park"),
                ("kafka/network/RequestChannel", "receiveRequest"),
                ("kafka/server/KafkaRequestHandler", "run"),
            ],
            Self::Append => &[
                ("kafka/log/UnifiedLog", "append"),
                ("kafka/server/ReplicaManager", "appendRecords"),
                ("kafka/server/KafkaRequestHandler", "run"),
            ],
            Self::Write => &[
                ("sun/nio/ch/FileDispatcherImpl", "write0"),
                ("kafka/log/UnifiedLog", "append"),
                ("kafka/server/ReplicaManager", "appendRecords"),
                ("kafka/server/KafkaRequestHandler", "run"),
            ],
            Self::Sync => &[
                ("sun/nio/ch/FileDispatcherImpl", "force0"),
                ("org/apache/kafka/storage/internals/log/LogSegment", "flush"),
                ("kafka/log/UnifiedLog", "flush"),
            ],
            Self::Sensor => &[
                ("org/apache/kafka/common/metrics/Sensor", "record"),
                ("kafka/server/KafkaRequestHandler", "run"),
            ],
            Self::Parse => &[
                (
                    "org/apache/kafka/common/record/DefaultRecordBatch",
                    "iterator",
                ),
                ("kafka/server/KafkaApis", "handleProduceRequest"),
                ("kafka/server/KafkaRequestHandler", "run"),
            ],
            Self::Send => &[
                ("sun/nio/ch/FileDispatcherImpl", "transferTo0"),
                ("org/apache/kafka/common/record/FileRecords", "writeTo"),
                ("kafka/network/Processor", "run"),
            ],
            Self::Fetch => &[
                ("org/apache/kafka/clients/NetworkClient", "poll"),
                ("kafka/server/AbstractFetcherThread", "doWork"),
            ],
            Self::FollowerAppend => &[
                ("kafka/log/UnifiedLog", "appendAsFollower"),
                ("kafka/server/ReplicaFetcherThread", "processPartitionData"),
                ("kafka/server/AbstractFetcherThread", "doWork"),
            ],
            Self::FollowerWrite => &[
                ("sun/nio/ch/FileDispatcherImpl", "write0"),
                ("kafka/log/UnifiedLog", "appendAsFollower"),
                ("kafka/server/ReplicaFetcherThread", "processPartitionData"),
                ("kafka/server/AbstractFetcherThread", "doWork"),
            ],
            Self::Network => &[
                ("org/apache/kafka/common/network/Selector", "poll"),
                ("kafka/network/Processor", "run"),
            ],
        }
    }

    fn of(history: &History, role: Role, activity: Activity) -> Self {
        match (activity, role) {
            (Activity::Write(_), Role::Network) => Self::Send,
            (Activity::Write(write), _) if history.writes[write].operation != "write" => Self::Sync,
            (Activity::Write(_), Role::Fetcher) => Self::FollowerWrite,
            (Activity::Write(_), _) => Self::Write,
            (Activity::Wait(_), Role::Fetcher) => Self::FollowerAppend,
            (Activity::Wait(wait), _) if history.waits[wait].monitor < history.logs.len() => {
                Self::Append
            }
            (Activity::Wait(_), _) | (_, Role::Reporter) => Self::Sensor,
            (_, Role::Network) => Self::Network,
            (_, Role::Fetcher) => Self::Fetch,
            _ => Self::Parse,
        }
    }
}

/// Adds the samples of all threads.
pub(super) fn push(
    history: &History,
    options: &Options,
    recorder: &mut Recorder,
    chunk: &mut Chunk,
) {
    let cpu_interval = (options.cpu_interval_ms * 1_000_000).max(1);
    let wall_interval = (options.wall_interval_ms * 1_000_000).max(1);
    for thread in &history.threads {
        let tid = i64::from(thread.tid);
        let mut cpu_time = tid * 7_919 % cpu_interval;
        let mut next_wall: Time = tid * 104_729 % wall_interval;
        for (span, activity) in &thread.activities {
            let stack = Stack::of(history, thread.role, *activity);
            if *activity == Activity::Cpu {
                let before = cpu_time;
                cpu_time += span.ns();
                let samples = cpu_time / cpu_interval - before / cpu_interval;
                for n in 1..=samples {
                    let due = (before / cpu_interval + n) * cpu_interval - before;
                    let event = Bytes::default()
                        .number(ticks(recorder.clock, span.start + due))
                        .number(tid)
                        .number(stack.id())
                        .number(STATE_DEFAULT);
                    if !recorder.loses() {
                        chunk.event(types::EXECUTION_SAMPLE, event);
                    }
                }
            }
            // Time without work between activities is one sample for many.
            let idle =
                (span.start - next_wall).max(0) / wall_interval + i64::from(next_wall < span.start);
            if idle > 0 {
                push_wall(recorder, chunk, next_wall, tid, Stack::Idle, idle);
                next_wall += idle * wall_interval;
            }
            while next_wall < span.end {
                // A process that is stopped takes no samples.
                if !matches!(activity, Activity::Stopped(_)) {
                    push_wall(recorder, chunk, next_wall, tid, stack, 1);
                }
                next_wall += wall_interval;
            }
        }
    }
}

fn push_wall(
    recorder: &mut Recorder,
    chunk: &mut Chunk,
    time: Time,
    tid: i64,
    stack: Stack,
    samples: i64,
) {
    if recorder.loses() {
        return;
    }
    let state = if stack == Stack::Parse || stack == Stack::Network {
        STATE_DEFAULT
    } else {
        STATE_SLEEPING
    };
    let event = Bytes::default()
        .number(ticks(recorder.clock, time))
        .number(tid)
        .number(stack.id())
        .number(state)
        .number(samples);
    chunk.event(types::WALL_CLOCK_SAMPLE, event);
}
