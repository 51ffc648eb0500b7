//! The simulation: events in order of time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};

use super::super::{Change, WaitKind};
use super::plan::{Job, Plan, Planned};

/// Something that happens to a job; the second number is the append's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// It can be served, and nothing is ahead of it on its connection.
    Ready(usize),
    /// Its thread asks for the log.
    Ask(usize, usize),
    /// Its thread has waited for the log as long as a change allows.
    GiveUp(usize, usize),
    /// Its write is done.
    Wrote(usize, usize, bool),
    /// The last byte of its response is sent.
    Answered(usize),
}

/// When each request's response was sent, by request.
pub(super) fn run(plan: &Plan, changes: &[Change]) -> HashMap<i64, i64> {
    let mut simulation = Simulation::new(plan, changes);
    simulation.begin();
    while let Some(Reverse((time, _, event))) = simulation.events.pop() {
        simulation.now = time;
        simulation.handle(event);
    }
    simulation.ends
}

struct Simulation<'a> {
    plan: &'a Plan,
    /// The longest that a thread waits for a log.
    patience: Option<i64>,
    now: i64,
    /// By time, and among those of one time as they were foreseen.
    events: BinaryHeap<Reverse<(i64, usize, Event)>>,
    foreseen: usize,
    /// Requests of each connection that are still to be served; the first one is being served.
    connections: HashMap<i64, VecDeque<usize>>,
    free_handlers: usize,
    handler_queue: VecDeque<usize>,
    logs: Vec<Log>,
    ends: HashMap<i64, i64>,
}

#[derive(Debug, Clone, Default)]
struct Log {
    is_held: bool,
    /// By place in the recording.
    waiting: BTreeSet<(usize, usize, usize)>,
}

impl<'a> Simulation<'a> {
    fn new(plan: &'a Plan, changes: &[Change]) -> Self {
        let patience = changes
            .iter()
            .find(|change| change.kind == WaitKind::LockWait);
        Self {
            plan,
            patience: patience.map(|change| change.cap_ns),
            now: i64::MIN,
            events: BinaryHeap::new(),
            foreseen: 0,
            connections: HashMap::new(),
            free_handlers: plan.handler_count,
            handler_queue: VecDeque::new(),
            logs: vec![Log::default(); plan.log_count],
            ends: HashMap::new(),
        }
    }

    fn begin(&mut self) {
        for (number, job) in self.plan.jobs.iter().enumerate() {
            match job.request {
                Some(request) => {
                    let queue = self.connections.entry(request.connection).or_default();
                    queue.push_back(number);
                    if queue.len() == 1 {
                        self.foresee(job.ready, Event::Ready(number));
                    }
                }
                None => self.foresee(job.ready, Event::Ask(number, 0)),
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Ready(number) => self.ready(number),
            Event::Ask(number, append) => self.ask(number, append),
            Event::GiveUp(number, append) => self.give_up(number, append),
            Event::Wrote(number, append, has_log) => self.wrote(number, append, has_log),
            Event::Answered(number) => self.answered(number),
        }
    }

    fn ready(&mut self, number: usize) {
        let Some(job) = self.job(number) else {
            return;
        };
        if job.appends.is_empty() {
            self.foresee(self.now + job.rest, Event::Answered(number));
        } else if self.free_handlers > 0 {
            self.free_handlers -= 1;
            self.next(number, 0);
        } else {
            self.handler_queue.push_back(number);
        }
    }

    /// The handler goes on to an append, or is done.
    fn next(&mut self, number: usize, append: usize) {
        let Some(job) = self.job(number) else {
            return;
        };
        if let Some(planned) = job.appends.get(append) {
            self.foresee(self.now + planned.before, Event::Ask(number, append));
        } else if job.request.is_some() {
            self.foresee(self.now + job.rest, Event::Answered(number));
            match self.handler_queue.pop_front() {
                Some(waiting) => self.next(waiting, 0),
                None => self.free_handlers += 1,
            }
        }
    }

    fn ask(&mut self, number: usize, append: usize) {
        let Some(planned) = self.planned(number, append) else {
            return;
        };
        let Some(log) = self.logs.get_mut(planned.log) else {
            return;
        };
        if !log.is_held {
            log.is_held = true;
            self.write(number, append, true);
            return;
        }
        log.waiting.insert((planned.place, number, append));
        if let Some(patience) = self.patience {
            self.foresee(self.now + patience, Event::GiveUp(number, append));
        }
    }

    fn give_up(&mut self, number: usize, append: usize) {
        let Some(planned) = self.planned(number, append) else {
            return;
        };
        let Some(log) = self.logs.get_mut(planned.log) else {
            return;
        };
        if log.waiting.remove(&(planned.place, number, append)) {
            self.write(number, append, false);
        }
    }

    fn write(&mut self, number: usize, append: usize, has_log: bool) {
        if let Some(planned) = self.planned(number, append) {
            let end = self.now + planned.handoff + planned.length;
            self.foresee(end, Event::Wrote(number, append, has_log));
        }
    }

    fn wrote(&mut self, number: usize, append: usize, has_log: bool) {
        let log = self.planned(number, append).map(|planned| planned.log);
        if let Some(log) = log
            .filter(|_| has_log)
            .and_then(|log| self.logs.get_mut(log))
        {
            match log.waiting.pop_first() {
                Some((_, next, its_append)) => self.write(next, its_append, true),
                None => log.is_held = false,
            }
        }
        self.next(number, append + 1);
    }

    fn answered(&mut self, number: usize) {
        let Some(request) = self.job(number).and_then(|job| job.request) else {
            return;
        };
        self.ends.insert(request.id, self.now);
        let queue = self.connections.entry(request.connection).or_default();
        queue.pop_front();
        if let Some(&next) = queue.front() {
            let ready = self.job(next).map_or(self.now, |job| job.ready);
            self.foresee(ready.max(self.now), Event::Ready(next));
        }
    }

    fn job(&self, number: usize) -> Option<&'a Job> {
        self.plan.jobs.get(number)
    }

    fn planned(&self, number: usize, append: usize) -> Option<Planned> {
        self.job(number)?.appends.get(append).copied()
    }

    fn foresee(&mut self, time: i64, event: Event) {
        self.foreseen += 1;
        self.events.push(Reverse((time, self.foreseen, event)));
    }
}
