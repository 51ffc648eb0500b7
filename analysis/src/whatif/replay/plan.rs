//! What the simulation runs: every request's own delays and appends, as the recording shows them.
//!
//! A delay is what a recorded time was later than all that the simulation lets it wait for. So a
//! simulation in which nothing is changed comes to the recorded times again, as far as the recording
//! itself keeps to the rules (one writer a log, one request a handler).

use std::collections::{HashMap, HashSet};

use super::super::recording::{Recording, Request};
use super::super::{Change, WaitKind};
use super::pool::FullTimes;
use super::recorded::{Recorded, appends};

/// All that is done.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// The requests by arrival, then the appends that no request is known for.
    pub(super) jobs: Vec<Job>,
    /// Threads that append for requests.
    pub(super) handler_count: usize,
    /// Logs that are appended to.
    pub(super) log_count: usize,
    /// The longest that a request waits for a handler.
    pub(super) handler_patience: Option<i64>,
}

/// A request, or an append of nobody's.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// The request.
    pub(super) request: Option<Served>,
    /// When it can begin: it has been read; or, for nobody's append, when its thread queues for the log.
    pub(super) ready: i64,
    /// How long before the last byte of the connection's previous response it can begin: the recordings'
    /// clocks may be apart, and a response may be long on its way.
    pub(super) lead: i64,
    /// From then until a handler could take it.
    pub(super) lag: i64,
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
    /// From the end of what was before until its thread queues for the log.
    pub(super) before: i64,
    /// The longest that its thread queues for the log.
    pub(super) patience: Option<i64>,
    /// From getting the log to the write.
    pub(super) handoff: i64,
    /// The write.
    pub(super) length: i64,
    /// Place in the recording: who got the log first.
    pub(super) place: usize,
}

impl Plan {
    pub(super) fn new(recording: &Recording, changes: &[Change]) -> Self {
        let cuts = Cuts { recording, changes };
        let (appends, log_count) = appends(recording);
        let mut owned: HashMap<i64, Vec<Recorded<'_>>> = HashMap::new();
        let mut others = Vec::new();
        let mut handlers = HashSet::new();
        for recorded in appends {
            others.extend(cuts.job_of_unseen(&recorded));
            match recorded.append.request {
                Some(request) => {
                    handlers.insert(recorded.append.tid);
                    owned.entry(request).or_default().push(recorded);
                }
                None => others.push(cuts.job_of_nobody(&recorded)),
            }
        }
        let work = recording.requests.iter().filter_map(|request| {
            let appends = owned.get(&request.id)?;
            Some((taken_at(request, appends)?, appends.last()?.append.end))
        });
        let full = FullTimes::new(work, handlers.len());
        let requests = recording.requests.iter().map(|request| {
            let appends = owned.get(&request.id).map_or(&[][..], Vec::as_slice);
            cuts.job(request, appends, &full)
        });
        let mut jobs: Vec<Job> = requests.collect();
        jobs.append(&mut others);
        Self {
            jobs,
            handler_count: handlers.len().max(1),
            log_count,
            handler_patience: cuts.cap(WaitKind::RequestQueue),
        }
    }
}

/// When its handler can have taken a request: not before it was done with the append before.
fn taken_at(request: &Request, appends: &[Recorded<'_>]) -> Option<i64> {
    let first = appends.first()?;
    Some(
        request
            .service_start
            .max(first.thread_free)
            .min(first.asked),
    )
}

/// The changes, applied to stretches of the recording.
struct Cuts<'a> {
    recording: &'a Recording,
    changes: &'a [Change],
}

impl Cuts<'_> {
    fn job_of_nobody(&self, recorded: &Recorded<'_>) -> Job {
        Job {
            request: None,
            ready: recorded.asked,
            lead: 0,
            lag: 0,
            appends: vec![self.planned(recorded, recorded.asked)],
            rest: 0,
        }
    }

    fn job_of_unseen(&self, recorded: &Recorded<'_>) -> Option<Job> {
        let unseen = recorded.unseen?;
        Some(Job {
            request: None,
            ready: unseen.asked,
            lead: 0,
            lag: 0,
            appends: vec![Planned {
                log: recorded.log,
                before: 0,
                patience: None,
                handoff: 0,
                length: self.length(unseen.granted, unseen.end),
                place: recorded.place - 1,
            }],
            rest: 0,
        })
    }

    fn job(&self, request: &Request, appends: &[Recorded<'_>], full: &FullTimes) -> Job {
        let asked = appends.first().map_or(i64::MAX, |first| first.asked);
        let start = request.service_start.min(asked);
        let taken = taken_at(request, appends).unwrap_or(start);
        // It waited for a handler only while all were busy; what came before and after is its own.
        let (offered, mut reached) = match full.last_in(start, taken) {
            Some((from, until)) => (from.max(start), until.min(taken)),
            None => (taken, taken),
        };
        let lag = self.own_length(Some(request.id), start, offered);
        let lag = self
            .cap(WaitKind::RequestQueue)
            .map_or(lag, |cap| lag.min(cap));
        let mut planned = Vec::with_capacity(appends.len());
        for recorded in appends {
            planned.push(self.planned(recorded, reached));
            reached = recorded.append.end;
        }
        Job {
            request: Some(Served {
                id: request.id,
                connection: request.connection,
            }),
            ready: request.ready.min(start),
            lead: request.service_start - start,
            lag,
            appends: planned,
            rest: self.own_length(Some(request.id), reached, request.end),
        }
    }

    fn planned(&self, recorded: &Recorded<'_>, reached: i64) -> Planned {
        let append = recorded.append;
        let request = append.request;
        let saved = self.recording.saved_of_write(append.write, self.changes);
        let lock_wait = self.change(WaitKind::LockWait);
        // The part of the wait in which nobody is known to have held the log, and what it may still wait.
        let (alone, patience) = match lock_wait {
            Some(change) => {
                let alone = change.rest(recorded.queued - recorded.asked);
                (alone, Some(change.cap_ns - alone))
            }
            None => (
                self.own_length(request, recorded.asked, recorded.queued),
                None,
            ),
        };
        Planned {
            log: recorded.log,
            before: self.own_length(request, reached, recorded.asked) + alone,
            patience,
            handoff: self.own_length(request, recorded.granted, append.start),
            length: (append.end - append.start - saved).max(0),
            place: recorded.place,
        }
    }

    fn cap(&self, kind: WaitKind) -> Option<i64> {
        self.change(kind).map(|change| change.cap_ns)
    }

    fn change(&self, kind: WaitKind) -> Option<Change> {
        self.changes
            .iter()
            .find(|change| change.kind == kind)
            .copied()
    }

    /// The length of a stretch of a request's own time, less what changes take from it.
    fn own_length(&self, request: Option<i64>, start: i64, end: i64) -> i64 {
        let saved = request.map_or(0, |request| {
            self.recording
                .saved_of_own(request, (start, end), self.changes)
        });
        (self.length(start, end) - saved).max(0)
    }

    /// The length of a stretch, less what a change takes from the JVM's stops in it.
    fn length(&self, start: i64, end: i64) -> i64 {
        if end <= start {
            return 0;
        }
        let saved = self.change(WaitKind::Gc);
        end - start - saved.map_or(0, |change| self.saved_of_pauses(start, end, change))
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
