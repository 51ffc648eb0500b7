//! The simulation: events in order of time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};

use super::plan::{Job, Plan, Planned};

/// Something that happens to a job; the second number is the append's. In this order when at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Its write is done.
    Wrote(usize, usize, bool),
    /// It has been read, and nothing is ahead of it on its connection.
    Ready(usize),
    /// A handler can take it.
    Offered(usize),
    /// It has waited for a handler as long as a change allows.
    TakenAnyway(usize),
    /// Its thread queues for the log.
    Ask(usize, usize),
    /// Its thread has queued for the log as long as a change allows.
    GiveUp(usize, usize),
}

impl Event {
    /// Its place among events of one time.
    fn rank(self) -> usize {
        match self {
            Self::Wrote(..) => 0,
            Self::Ready(_) => 1,
            Self::Offered(_) => 2,
            Self::Ask(..) => 3,
            Self::GiveUp(..) => 4,
            Self::TakenAnyway(_) => 5,
        }
    }
}

/// When each request's response was sent, by request.
pub(super) fn run(plan: &Plan) -> HashMap<i64, i64> {
    let mut simulation = Simulation::new(plan);
    simulation.begin();
    while let Some(Reverse((time, _, _, event))) = simulation.events.pop() {
        simulation.now = time;
        simulation.handle(event);
    }
    simulation.ends
}

struct Simulation<'a> {
    plan: &'a Plan,
    now: i64,
    /// By time; among those of one time by rank, and by who was first in the recording.
    events: BinaryHeap<Reverse<(i64, usize, usize, Event)>>,
    /// Requests of each connection that are still to be answered; the first one is being served.
    connections: HashMap<i64, VecDeque<usize>>,
    free_handlers: usize,
    /// Handlers beyond those there are, because a change does not let requests wait for them.
    extra_handlers: usize,
    /// By place in the recording.
    handler_queue: BTreeSet<(usize, usize)>,
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
    fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            now: i64::MIN,
            events: BinaryHeap::new(),
            connections: HashMap::new(),
            free_handlers: plan.handler_count,
            extra_handlers: 0,
            handler_queue: BTreeSet::new(),
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
                None => self.next(number, 0, job.ready),
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Ready(number) => self.ready(number),
            Event::Offered(number) => self.offered(number),
            Event::TakenAnyway(number) => self.taken_anyway(number),
            Event::Ask(number, append) => self.ask(number, append),
            Event::GiveUp(number, append) => self.give_up(number, append),
            Event::Wrote(number, append, has_log) => self.wrote(number, append, has_log),
        }
    }

    fn ready(&mut self, number: usize) {
        let Some(job) = self.job(number) else {
            return;
        };
        let offered = self.now + job.lag;
        if job.appends.is_empty() {
            self.answer(number, offered + job.rest);
        } else {
            self.foresee(offered, Event::Offered(number));
        }
    }

    fn offered(&mut self, number: usize) {
        if self.free_handlers > 0 {
            self.free_handlers -= 1;
            self.next(number, 0, self.now);
        } else {
            self.handler_queue.insert((self.place(number, 0), number));
            if let Some(patience) = self.plan.handler_patience {
                self.foresee(
                    self.now.saturating_add(patience),
                    Event::TakenAnyway(number),
                );
            }
        }
    }

    fn taken_anyway(&mut self, number: usize) {
        if self.handler_queue.remove(&(self.place(number, 0), number)) {
            self.extra_handlers += 1;
            self.next(number, 0, self.now);
        }
    }

    /// The thread goes on to an append, or is done.
    fn next(&mut self, number: usize, append: usize, now: i64) {
        let Some(job) = self.job(number) else {
            return;
        };
        if let Some(planned) = job.appends.get(append) {
            self.foresee(now + planned.before, Event::Ask(number, append));
        } else if job.request.is_some() {
            self.answer(number, now + job.rest);
            if self.extra_handlers > 0 {
                self.extra_handlers -= 1;
                return;
            }
            match self.handler_queue.pop_first() {
                Some((_, waiting)) => self.next(waiting, 0, now),
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
        if let Some(patience) = planned.patience {
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
        self.next(number, append + 1, self.now);
    }

    /// The last byte of a response will be sent then; the connection's next request can be served.
    fn answer(&mut self, number: usize, end: i64) {
        let Some(request) = self.job(number).and_then(|job| job.request) else {
            return;
        };
        self.ends.insert(request.id, end);
        let queue = self.connections.entry(request.connection).or_default();
        queue.pop_front();
        if let Some(&next) = queue.front()
            && let Some(job) = self.job(next)
        {
            let ready = job.ready.max(end - job.lead).max(self.now);
            self.foresee(ready, Event::Ready(next));
        }
    }

    fn job(&self, number: usize) -> Option<&'a Job> {
        self.plan.jobs.get(number)
    }

    fn planned(&self, number: usize, append: usize) -> Option<Planned> {
        self.job(number)?.appends.get(append).copied()
    }

    fn place(&self, number: usize, append: usize) -> usize {
        let planned = self.planned(number, append);
        planned.map_or(usize::MAX, |planned| planned.place)
    }

    fn foresee(&mut self, time: i64, event: Event) {
        let place = match event {
            Event::Ready(number) | Event::Offered(number) | Event::TakenAnyway(number) => {
                self.place(number, 0)
            }
            Event::Wrote(number, append, _)
            | Event::Ask(number, append)
            | Event::GiveUp(number, append) => self.place(number, append),
        };
        self.events
            .push(Reverse((time, event.rank(), place, event)));
    }
}
