//! Several brokers, each simulated by itself on the one true clock: what one sends to another comes there later,
//! so that always the one goes on whose next event is the first.

use super::links::Links;
use super::{Event, Simulation};
use crate::Options;
use crate::history::{History, Time};

/// What a broker sends to another.
#[derive(Debug)]
pub(super) enum Mail {
    /// A follower's fetch.
    Fetch {
        /// The following broker, and the number of its fetcher among those that follow the receiver.
        follower: usize,
        fetcher: usize,
        sent: Time,
        /// By log: how far the follower has it.
        positions: Vec<(usize, i64)>,
    },
    /// The leader's answer to one.
    Answer {
        leader: usize,
        fetcher: usize,
        records: Vec<Records>,
    },
}

/// The records of a log that an answer brings.
#[derive(Debug, Clone)]
pub(super) struct Records {
    pub(super) log: usize,
    pub(super) end_offset: i64,
    pub(super) bytes: Vec<u8>,
}

/// Mail on its way: when it comes, to whom.
pub(super) type Sent = (Time, usize, Mail);

/// Runs a scenario; answers what happened at each broker.
pub fn simulate_brokers(options: &Options) -> Vec<History> {
    let each = options.by_broker();
    let links = Links::new(options);
    let brokers = each.iter().enumerate();
    let mut brokers: Vec<Simulation<'_>> = brokers
        .map(|(broker, options_of)| Simulation::new(options_of, broker, options.seed, &links))
        .collect();
    for broker in &mut brokers {
        broker.start();
    }
    loop {
        let next = brokers.iter().enumerate();
        let next = next.filter_map(|(place, broker)| Some((broker.next_time()?, place)));
        let Some((_, place)) = next.min() else { break };
        brokers[place].run_next();
        for (time, to, mail) in std::mem::take(&mut brokers[place].outbox) {
            brokers[to].deliver(time, mail);
        }
    }
    let end = brokers.iter().map(|broker| broker.now).max();
    let end = end.unwrap_or_default();
    let histories = brokers.into_iter().map(|broker| broker.over(end));
    histories.collect()
}

impl Simulation<'_> {
    /// What another broker sent will come.
    fn deliver(&mut self, time: Time, mail: Mail) {
        self.mail.push(Some(mail));
        self.schedule(time, Event::Mail(self.mail.len() - 1));
    }

    /// What another broker sent is there.
    pub(super) fn receive(&mut self, place: usize) {
        match self.mail[place].take() {
            Some(Mail::Fetch {
                follower,
                fetcher,
                sent,
                positions,
            }) => self.fetched_by(follower, fetcher, sent, positions),
            Some(Mail::Answer {
                leader,
                fetcher,
                records,
            }) => self.fetcher_answered(leader, fetcher, records),
            None => {}
        }
    }

    /// The numbers of the other brokers, in order.
    pub(super) fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let own = self.broker;
        (0..self.options.brokers).filter(move |broker| *broker != own)
    }
}
