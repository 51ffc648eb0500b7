//! What the simulation runs: every request's own delays and appends, as the recording shows them.

use std::collections::{HashMap, HashSet};

use super::super::recording::{Append, Recording, Request};
use super::super::{Change, WaitKind};

/// A thread that waited for a monitor writes this soon after getting it, in ns.
const HANDOFF_NS: i64 = 1_000_000;

/// All that is done.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// The requests by arrival, then the appends that no request is known for.
    pub(super) jobs: Vec<Job>,
    /// Threads that append for requests.
    pub(super) handler_count: usize,
    /// Logs that are appended to.
    pub(super) log_count: usize,
}

/// A request, or an append of nobody's.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// The request.
    pub(super) request: Option<Served>,
    /// When it can begin: it has been read; or, for nobody's append, when its thread asked for the log.
    pub(super) ready: i64,
    /// Its appends, in order.
    pub(super) appends: Vec<Planned>,
    /// From the last append to the last byte of the response; without appends, the whole service.
    pub(super) rest: i64,
}

/// A request and the connection that it came on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    pub(super) id: i64,
    pub(super) connection: i64,
}

/// An append to come; lengths in ns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    /// Which log.
    pub(super) log: usize,
    /// From the end of what was before until its thread asks for the log.
    pub(super) before: i64,
    /// From getting the log to the write.
    pub(super) handoff: i64,
    /// The write.
    pub(super) length: i64,
    /// Place in the recording: who got the log first.
    pub(super) place: usize,
}

/// An append with what the recording tells around it.
#[derive(Debug, Clone, Copy)]
struct Recorded<'a> {
    append: &'a Append,
    log: usize,
    place: usize,
    /// End of the thread's append before.
    thread_free: i64,
    /// When the thread asked for the log.
    asked: i64,
    /// When the log was free for it.
    granted: i64,
}

impl Plan {
    pub(super) fn new(recording: &Recording, changes: &[Change]) -> Self {
        let cuts = Cuts { recording, changes };
        let mut logs: HashMap<&(String, i64), usize> = HashMap::new();
        let mut log_free: HashMap<usize, i64> = HashMap::new();
        let mut thread_free: HashMap<i64, i64> = HashMap::new();
        let mut owned: HashMap<i64, Vec<Recorded<'_>>> = HashMap::new();
        let mut jobs = Vec::new();
        let mut handlers = HashSet::new();
        for (place, append) in recording.appends.iter().enumerate() {
            let count = logs.len();
            let log = *logs.entry(&append.log).or_insert(count);
            let free = thread_free
                .insert(append.tid, append.end)
                .unwrap_or(i64::MIN);
            let asked = asked_at(recording, append).max(free).min(append.start);
            let before = log_free.insert(log, append.end).unwrap_or(i64::MIN);
            let recorded = Recorded {
                append,
                log,
                place,
                thread_free: free,
                asked,
                granted: asked.max(before.min(append.start)),
            };
            match append.request {
                Some(request) => {
                    handlers.insert(append.tid);
                    owned.entry(request).or_default().push(recorded);
                }
                None => jobs.push(Job {
                    request: None,
                    ready: asked,
                    appends: vec![cuts.planned(&recorded, asked)],
                    rest: 0,
                }),
            }
        }
        let busy = Busy::new(owned.values());
        let requests = recording.requests.iter().map(|request| {
            let appends = owned.remove(&request.id).unwrap_or_default();
            cuts.job(
                request,
                &appends,
                busy.at(request.service_start) >= handlers.len(),
            )
        });
        let mut all: Vec<Job> = requests.collect();
        all.append(&mut jobs);
        Self {
            jobs: all,
            handler_count: handlers.len().max(1),
            log_count: logs.len(),
        }
    }
}

/// When an append's thread asked for the log's monitor.
fn asked_at(recording: &Recording, append: &Append) -> i64 {
    let Some(waits) = recording.monitor_waits.get(&append.tid) else {
        return append.start;
    };
    let from = waits.partition_point(|&(_, end)| end < append.start - HANDOFF_NS);
    let near = waits.iter().skip(from);
    let near = near.take_while(|&&(_, end)| end <= append.start + HANDOFF_NS);
    near.map(|&(start, _)| start).min().unwrap_or(append.start)
}

/// How many handlers were at work on a request at a time.
struct Busy {
    begins: Vec<i64>,
    ends: Vec<i64>,
}

impl Busy {
    fn new<'a, 'b: 'a>(requests: impl Iterator<Item = &'a Vec<Recorded<'b>>>) -> Self {
        let (mut begins, mut ends): (Vec<i64>, Vec<i64>) = requests
            .filter_map(|appends| Some((appends.first()?.asked, appends.last()?.append.end)))
            .unzip();
        begins.sort_unstable();
        ends.sort_unstable();
        Self { begins, ends }
    }

    fn at(&self, time: i64) -> usize {
        let begun = self.begins.partition_point(|&begin| begin <= time);
        let ended = self.ends.partition_point(|&end| end <= time);
        begun.saturating_sub(ended)
    }
}

/// The changes, applied to stretches of the recording.
struct Cuts<'a> {
    recording: &'a Recording,
    changes: &'a [Change],
}

impl Cuts<'_> {
    fn job(&self, request: &Request, appends: &[Recorded<'_>], all_are_busy: bool) -> Job {
        let mut reached = request.service_start;
        if let Some(first) = appends.first().filter(|_| all_are_busy) {
            // It was taken when its handler was done with the one before.
            reached = reached.max(first.thread_free.min(first.asked));
        }
        // Clocks may be a little apart: what a handler does before the request is there counts behind.
        let ahead = appends
            .first()
            .map_or(0, |first| (reached - first.asked).max(0));
        let mut planned = Vec::with_capacity(appends.len());
        for recorded in appends {
            planned.push(self.planned(recorded, reached));
            reached = recorded.append.end;
        }
        let rest = self.length(reached, request.end.max(reached)) - ahead;
        Job {
            request: Some(Served {
                id: request.id,
                connection: request.connection,
            }),
            ready: request.ready,
            appends: planned,
            rest: rest.max(0),
        }
    }

    fn planned(&self, recorded: &Recorded<'_>, reached: i64) -> Planned {
        let append = recorded.append;
        let saved = self.recording.saved_of_write(append.write, self.changes);
        Planned {
            log: recorded.log,
            before: self.length(reached, recorded.asked),
            handoff: self.length(recorded.granted, append.start),
            length: (append.end - append.start - saved).max(0),
            place: recorded.place,
        }
    }

    /// The length of a stretch, less what a change takes from the JVM's stops in it.
    fn length(&self, start: i64, end: i64) -> i64 {
        if end <= start {
            return 0;
        }
        let change = self
            .changes
            .iter()
            .find(|change| change.kind == WaitKind::Gc);
        end - start - change.map_or(0, |change| self.saved_of_pauses(start, end, *change))
    }

    fn saved_of_pauses(&self, start: i64, end: i64, change: Change) -> i64 {
        // A stop is seen by several recordings, and one stop may hold another: each moment counts once.
        let pauses = &self.recording.pauses;
        let to = pauses.partition_point(|&(pause_start, _)| pause_start < end);
        let mut counted = start;
        let mut saved = 0;
        for &(pause_start, pause_end) in pauses.iter().take(to) {
            let from = pause_start.max(counted);
            let until = pause_end.min(end);
            if from < until {
                saved += change.saved(until - from);
                counted = until;
            }
        }
        saved
    }
}
