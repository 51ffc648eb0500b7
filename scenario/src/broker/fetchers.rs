//! Threads by which a broker follows the others: each sends a fetch for its logs of one leader, appends what the
//! answer brings, one log after another under the log's monitor, and fetches again.

use super::cluster::{Mail, Records};
use super::job::{Follow, Job};
use super::{Event, Simulation};
use crate::history::Time;

/// The first fetch comes so late, and each thread's a little later.
const FIRST_NS: i64 = 12_000_000;
const NEXT_NS: i64 = 700_000;

/// A thread that follows a leader.
#[derive(Debug)]
pub(super) struct Fetcher {
    leader: usize,
    /// Its number among those that follow this leader.
    number: usize,
    /// Its logs.
    logs: Vec<usize>,
    /// What the last answer brought.
    records: Vec<Records>,
}

impl Simulation<'_> {
    /// Which broker leads a log, and which of the fetchers of its followers has it.
    pub(super) fn leader_of(&self, log: usize) -> usize {
        log % self.options.brokers.max(1)
    }

    pub(super) fn fetcher_of(&self, log: usize) -> usize {
        log / self.options.brokers.max(1) % self.options.fetchers.max(1)
    }

    pub(super) fn start_fetchers(&mut self) {
        for leader in self.others() {
            for number in 0..self.options.fetchers {
                let logs = 0..self.history.logs.len();
                let logs = logs.filter(|log| {
                    self.leader_of(*log) == leader && self.fetcher_of(*log) == number
                });
                let logs = logs.collect();
                let place = self.fetchers.len();
                self.fetchers.push(Fetcher {
                    leader,
                    number,
                    logs,
                    records: Vec::new(),
                });
                let thread = self.fetcher_thread(place);
                let start = FIRST_NS + NEXT_NS * place as i64;
                self.jobs[thread] = Some(Job::Follow(Follow::Send));
                self.schedule(start, Event::Step(thread));
            }
        }
    }

    /// Threads of fetchers come last.
    pub(super) fn fetcher_thread(&self, place: usize) -> usize {
        let all = self.others().count() * self.options.fetchers;
        self.history.threads.len() - all + place
    }

    fn fetcher_place(&self, thread: usize) -> usize {
        thread - self.fetcher_thread(0)
    }

    /// A leader's answer is there whole.
    pub(super) fn fetcher_answered(&mut self, leader: usize, number: usize, records: Vec<Records>) {
        let mut fetchers = self.fetchers.iter();
        let place = fetchers.position(|of| of.leader == leader && of.number == number);
        let Some(place) = place else { return };
        self.fetchers[place].records = records;
        let thread = self.fetcher_thread(place);
        let start = self.after_stop(thread, self.now);
        let is_due = self.fetcher_run_queue.is_due(start);
        let start = self.run_queue_wait(thread, start, is_due);
        let ns = self.cpu.around_ns(60_000.0);
        let end = self.compute(thread, start, ns);
        self.go_on(thread, Job::Follow(Follow::Log(0)), end);
    }

    pub(super) fn follow_step(&mut self, thread: usize, follow: Follow) {
        let back = self.after_stop(thread, self.now);
        if back > self.now {
            self.go_on(thread, Job::Follow(follow), back);
            return;
        }
        let fetcher = &self.fetchers[self.fetcher_place(thread)];
        let records = |place: usize| fetcher.records.get(place);
        match follow {
            Follow::Send => self.send_fetch(thread),
            Follow::Log(place) => match records(place).map(|records| records.log) {
                Some(log) => self.ask(thread, Job::Follow(Follow::Prepare(place)), log),
                None => {
                    let end = self.short_work(thread, 40_000.0);
                    self.go_on(thread, Job::Follow(Follow::Send), end);
                }
            },
            Follow::Prepare(place) => {
                let end = self.short_work(thread, 12_000.0);
                self.go_on(thread, Job::Follow(Follow::Roll(place)), end);
            }
            Follow::Roll(place) => {
                let Some(records) = records(place).cloned() else {
                    return;
                };
                let rolled = self.roll_if_full(thread, records.log, records.bytes.len());
                let next = Job::Follow(Follow::Write(place));
                self.go_on(thread, next, rolled.unwrap_or(self.now));
            }
            Follow::Write(place) => {
                let Some(records) = records(place).cloned() else {
                    return;
                };
                let count = records.end_offset - self.history.logs[records.log].next_offset;
                let end = self.write_records(thread, records.log, &records.bytes, count);
                self.go_on(thread, Job::Follow(Follow::Written(place)), end);
            }
            Follow::Written(place) => {
                let end = self.short_work(thread, 6_000.0);
                self.go_on(thread, Job::Follow(Follow::Unlock(place)), end);
            }
            Follow::Unlock(place) => {
                if let Some(records) = records(place) {
                    let (log, end_offset) = (records.log, records.end_offset);
                    self.history.logs[log].end_offset = end_offset;
                    self.release(log);
                }
                let end = self.short_work(thread, 4_000.0);
                self.go_on(thread, Job::Follow(Follow::Log(place + 1)), end);
            }
        }
    }

    fn send_fetch(&mut self, thread: usize) {
        let place = self.fetcher_place(thread);
        let fetcher = &mut self.fetchers[place];
        fetcher.records.clear();
        let (leader, number) = (fetcher.leader, fetcher.number);
        let logs = fetcher.logs.iter();
        let positions = logs.map(|log| (*log, self.history.logs[*log].next_offset));
        let mail = Mail::Fetch {
            follower: self.broker,
            fetcher: number,
            sent: self.now,
            positions: positions.collect(),
        };
        let way = self.links.way(self.broker, leader, self.now);
        self.outbox.push((self.now + way, leader, mail));
    }

    /// A follower's fetch is there. When nobody waits for an answer any more, it is not there.
    pub(super) fn fetched_by(
        &mut self,
        follower: usize,
        number: usize,
        sent: Time,
        positions: Vec<(usize, i64)>,
    ) {
        let client = self.client_of(follower, number);
        if let Some(client) = client {
            self.clients[client].positions = positions;
            self.clients[client].sent = sent;
            self.fetch(client);
        }
    }

    fn client_of(&self, follower: usize, number: usize) -> Option<usize> {
        let connections = self.history.connections.iter();
        let mut of_follower = connections.enumerate().filter(|(_, connection)| {
            let fetcher = connection.fetcher;
            fetcher.is_some_and(|fetcher| fetcher.broker == follower)
        });
        // Clients are numbered like their connections, and those of a follower like its fetchers.
        of_follower.nth(number).map(|(client, _)| client)
    }

    /// An answer to a follower has left.
    pub(super) fn answered_follower(&mut self, request: usize) {
        let of = &self.history.requests[request];
        let Some(fetcher) = self.history.connections[of.connection].fetcher else {
            return;
        };
        let number = self.history.connections[..of.connection].iter();
        let number = number.filter(|c| c.fetcher.is_some_and(|f| f.broker == fetcher.broker));
        let records = of.parts.iter().filter(|part| part.end > part.offset);
        let records = records.map(|part| Records {
            log: part.log,
            end_offset: part.end,
            bytes: self.history.logs[part.log]
                .records(part.offset, part.end)
                .to_vec(),
        });
        let mail = Mail::Answer {
            leader: self.broker,
            fetcher: number.count(),
            records: records.collect(),
        };
        self.outbox.push((of.has_answer, fetcher.broker, mail));
    }
}
