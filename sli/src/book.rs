//! What became of each message of a setting: events in, lines out.
//!
//! It reads no clock and opens no file: the same events give the same lines. A message has one line, when it is over: when it
//! is acknowledged and consumed, or given up. One that is consumed once more, or after it was given up, has another with
//! `again`.

use std::collections::{BTreeMap, BTreeSet};

use kcorr_ingest_client::ClientMessage;

use crate::event::{Event, What};
use crate::figures::Disturbance;
use crate::lane::Lane;
use crate::message_id::id;
use crate::produce_log::Step;

/// What is late by less than this is no lateness of the client.
const LATE_NS: i64 = 5_000_000;

/// The errors of messages that a client has where it does not know who leads.
const OF_METADATA: [&str; 4] = [
    "UnknownTopic",
    "UnknownPartition",
    "UnknownTopicOrPartition",
    "LeaderNotAvailable",
];

/// What the lines of a setting have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Common {
    pub(crate) run: String,
    pub(crate) setting: String,
    /// Its place in the plan, which is in its ids.
    pub(crate) place: usize,
    pub(crate) client_id: String,
    pub(crate) consumer_id: String,
    pub(crate) topic: String,
    pub(crate) consume_within_ns: i64,
}

/// What is to be counted besides lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remark {
    LeaderChanged,
    Rebalanced,
    Complaint { code: String, words: String },
}

#[derive(Debug)]
pub(crate) struct Book {
    common: Common,
    open: BTreeMap<u64, Open>,
    lanes: BTreeMap<i32, Lane>,
    /// Who led each partition since when, as far back as messages are open.
    leaders: BTreeMap<i32, Vec<(i64, Option<i32>)>>,
    /// Rebalances: from, and until when.
    rebalances: Vec<(i64, Option<i64>)>,
    lines: Vec<ClientMessage<'static>>,
    remarks: Vec<Remark>,
    end_ns: i64,
}

/// A message on the way.
#[derive(Debug, Default)]
struct Open {
    partition: i32,
    /// Its place in the lane of its partition.
    place: u64,
    bytes: i64,
    leader: Option<i32>,
    intended_ns: i64,
    queued_ns: i64,
    first_sent_ns: Option<i64>,
    sent_ns: Option<i64>,
    attempts: i32,
    brokers: BTreeSet<i32>,
    broker: Option<i32>,
    offset: Option<i64>,
    acknowledged_ns: Option<i64>,
    consumed_ns: Option<i64>,
    /// Whether what the log told of its requests is sure, when the producer was done with it.
    is_told: bool,
}

impl Open {
    /// It was put into a request for a broker.
    fn sent(&mut self, time_ns: i64, broker: Option<i32>) {
        self.attempts += 1;
        self.first_sent_ns.get_or_insert(time_ns);
        self.sent_ns = Some(time_ns);
        self.broker = broker;
        self.brokers.extend(broker);
    }
}

/// How a message ends.
enum End<'a> {
    /// Acknowledged and consumed.
    Done,
    /// Given up, and why.
    Failed(i64, &'a str),
}

impl Book {
    pub(crate) fn new(common: Common) -> Self {
        Self {
            common,
            open: BTreeMap::new(),
            lanes: BTreeMap::new(),
            leaders: BTreeMap::new(),
            rebalances: Vec::new(),
            lines: Vec::new(),
            remarks: Vec::new(),
            end_ns: i64::MIN,
        }
    }

    pub(crate) fn setting(&self) -> &str {
        &self.common.setting
    }

    /// Messages on the way.
    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// The lines since this was asked last.
    pub(crate) fn take_lines(&mut self) -> Vec<ClientMessage<'static>> {
        std::mem::take(&mut self.lines)
    }

    pub(crate) fn take_remarks(&mut self) -> Vec<Remark> {
        std::mem::take(&mut self.remarks)
    }

    pub(crate) fn enter(&mut self, event: Event) {
        let at = event.time_ns;
        self.end_ns = self.end_ns.max(at);
        match event.what {
            What::Given {
                number,
                partition,
                intended_ns,
                bytes,
            } => {
                let lane = self.lanes.entry(partition).or_insert_with(Lane::new);
                let leaders = self.leaders.get(&partition);
                let open = Open {
                    partition,
                    place: lane.take(number),
                    bytes,
                    leader: leaders.and_then(|it| it.last()).and_then(|it| it.1),
                    intended_ns,
                    queued_ns: at,
                    ..Open::default()
                };
                self.open.insert(number, open);
            }
            What::Refused { number, error } => {
                if let Some(open) = self.open.remove(&number) {
                    if let Some(lane) = self.lanes.get_mut(&open.partition) {
                        lane.untake(open.place);
                    }
                    let mut line = self.line(number, &open, &End::Failed(at, &error));
                    (line.queued_ns, line.attempts) = (None, Some(0));
                    self.lines.push(line);
                }
            }
            What::Note(note) => {
                let lane = self.lanes.entry(note.partition).or_insert_with(Lane::new);
                match note.step {
                    Step::Sent => {
                        for number in lane.send(note.set) {
                            if let Some(open) = self.open.get_mut(&number) {
                                open.sent(at, note.set.broker);
                            }
                        }
                    }
                    Step::Delivered => lane.answer(note.set, false),
                    Step::Failed => lane.answer(note.set, true),
                }
            }
            What::Delivered { number, offset } => {
                if let Some(open) = self.open.get_mut(&number) {
                    open.acknowledged_ns = Some(at);
                    open.offset = open.offset.or(offset);
                    if let Some(lane) = self.lanes.get_mut(&open.partition) {
                        lane.done(open.place, true);
                        open.is_told = lane.is_sure();
                    }
                    self.close_if_done(number);
                }
            }
            What::Failed { number, error } => {
                if let Some(mut open) = self.open.remove(&number) {
                    if let Some(lane) = self.lanes.get_mut(&open.partition) {
                        lane.done(open.place, false);
                        open.is_told = lane.is_sure();
                    }
                    let line = self.line(number, &open, &End::Failed(at, &error));
                    self.lines.push(line);
                }
            }
            What::Consumed {
                number,
                partition,
                offset,
                bytes,
                intended_ns,
            } => match self.open.get_mut(&number) {
                Some(open) if open.consumed_ns.is_none() => {
                    open.consumed_ns = Some(at);
                    open.offset = Some(offset);
                    self.close_if_done(number);
                }
                _ => {
                    let open = self.open.get(&number);
                    let line = ClientMessage {
                        partition,
                        offset: Some(offset),
                        bytes,
                        leader: open.and_then(|it| it.leader),
                        intended_ns: intended_ns.unwrap_or(at),
                        consumed_ns: Some(at),
                        again: true,
                        ..self.common_line(number)
                    };
                    self.lines.push(line);
                }
            },
            What::Leader { partition, leader } => {
                let known = self.leaders.entry(partition).or_default();
                if known.last().is_none_or(|it| it.1 != leader) {
                    if !known.is_empty() {
                        self.remarks.push(Remark::LeaderChanged);
                    }
                    known.push((at, leader));
                }
            }
            What::Rebalance { is_begun: true } => {
                self.rebalances.push((at, None));
                self.remarks.push(Remark::Rebalanced);
            }
            What::Rebalance { is_begun: false } => {
                // One that began again before it ended ends with all its beginnings.
                for rebalance in &mut self.rebalances {
                    rebalance.1.get_or_insert(at);
                }
            }
            What::Complaint { code, words } => {
                self.remarks.push(Remark::Complaint { code, words });
            }
        }
    }

    /// Gives up what should have been consumed by now, and forgets what no open message needs.
    pub(crate) fn tick(&mut self, now_ns: i64) {
        let within = self.common.consume_within_ns;
        let is_late = |open: &Open| {
            let since = open.acknowledged_ns.map(|it| now_ns.saturating_sub(it));
            since.is_some_and(|ns| ns >= within)
        };
        let late: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, open)| is_late(open))
            .map(|(number, _)| *number)
            .collect();
        for number in late {
            if let Some(open) = self.open.remove(&number) {
                let line = self.line(number, &open, &End::Failed(now_ns, "not_consumed"));
                self.lines.push(line);
            }
        }
        let oldest = self.open.values().map(|it| it.intended_ns).min();
        let oldest = oldest.unwrap_or(now_ns);
        for known in self.leaders.values_mut() {
            // The last that is not younger holds then.
            let from = known.partition_point(|it| it.0 <= oldest).saturating_sub(1);
            known.drain(..from);
        }
        self.rebalances
            .retain(|(_, until)| until.is_none_or(|until| until >= oldest));
    }

    /// Ends all that is on the way: the client ends.
    pub(crate) fn end(&mut self, now_ns: i64) {
        for (number, mut open) in std::mem::take(&mut self.open) {
            if open.acknowledged_ns.is_none() {
                let lane = self.lanes.get(&open.partition);
                open.is_told = lane.is_some_and(Lane::is_sure);
            }
            let line = self.line(number, &open, &End::Failed(now_ns, "open_at_end"));
            self.lines.push(line);
        }
    }

    fn close_if_done(&mut self, number: u64) {
        let is_done = |it: &Open| it.acknowledged_ns.is_some() && it.consumed_ns.is_some();
        if self.open.get(&number).is_some_and(is_done)
            && let Some(open) = self.open.remove(&number)
        {
            let line = self.line(number, &open, &End::Done);
            self.lines.push(line);
        }
    }

    fn common_line(&self, number: u64) -> ClientMessage<'static> {
        let common = &self.common;
        ClientMessage {
            id: id(&common.run, common.place, number).into(),
            run: common.run.clone().into(),
            setting: common.setting.clone().into(),
            client_id: Some(common.client_id.clone().into()),
            consumer_id: Some(common.consumer_id.clone().into()),
            topic: common.topic.clone().into(),
            ..ClientMessage::default()
        }
    }

    fn line(&self, number: u64, open: &Open, end: &End<'_>) -> ClientMessage<'static> {
        let (failed_ns, error) = match end {
            End::Done => (None, None),
            End::Failed(at, error) => (Some(*at), Some(*error)),
        };
        // What the log told is worth nothing where it contradicts what was delivered.
        let is_told = open.is_told;
        let told = |time: Option<i64>| time.filter(|_| is_told);
        let end_ns = [open.acknowledged_ns, open.consumed_ns, failed_ns];
        let end_ns = end_ns.into_iter().flatten().max();
        let disturbed = self.disturbance(open, end_ns.unwrap_or(open.queued_ns), error);
        ClientMessage {
            partition: open.partition,
            offset: open.offset.filter(|it| *it >= 0),
            bytes: open.bytes,
            leader: open.leader,
            broker: open.broker.filter(|_| is_told),
            intended_ns: open.intended_ns,
            queued_ns: Some(open.queued_ns),
            first_sent_ns: told(open.first_sent_ns),
            sent_ns: told(open.sent_ns),
            acknowledged_ns: open.acknowledged_ns,
            failed_ns,
            consumed_ns: open.consumed_ns,
            attempts: is_told.then_some(open.attempts),
            error: error.map(|it| it.to_owned().into()),
            disturbed_by: disturbed.map(|it| it.name().into()),
            ..self.common_line(number)
        }
    }

    /// What disturbed a message until its end: the first of these that shows.
    fn disturbance(&self, open: &Open, end_ns: i64, error: Option<&str>) -> Option<Disturbance> {
        let late_ns = open.queued_ns.saturating_sub(open.intended_ns);
        let latency_ns = end_ns.saturating_sub(open.intended_ns);
        if late_ns >= LATE_NS && late_ns >= latency_ns / 2 {
            return Some(Disturbance::Client);
        }
        // Up to when it was acknowledged: who led later is no matter.
        let until_ns = open.acknowledged_ns.unwrap_or(end_ns);
        let led = self.led(open.partition, open.intended_ns, until_ns);
        let had: BTreeSet<i32> = open.brokers.iter().copied().chain(open.leader).collect();
        let others = led.iter().flatten().any(|it| Some(*it) != open.leader);
        if had.len() > 1 || (others && open.leader.is_some()) {
            return Some(Disturbance::Failover);
        }
        if open.attempts > 1 {
            return Some(Disturbance::Retry);
        }
        if led.contains(&None) || error.is_some_and(|it| OF_METADATA.contains(&it)) {
            return Some(Disturbance::Metadata);
        }
        let from_ns = open.acknowledged_ns.unwrap_or(open.queued_ns);
        let rebalanced = self
            .rebalances
            .iter()
            .any(|(from, until)| *from <= end_ns && until.is_none_or(|until| until >= from_ns));
        let is_late = open.consumed_ns.is_none_or(|it| it > from_ns);
        (rebalanced && is_late).then_some(Disturbance::Rebalance)
    }

    /// Who led a partition between two times.
    fn led(&self, partition: i32, from_ns: i64, until_ns: i64) -> Vec<Option<i32>> {
        let Some(known) = self.leaders.get(&partition) else {
            return Vec::new();
        };
        let first = known
            .partition_point(|it| it.0 <= from_ns)
            .saturating_sub(1);
        let since = known.iter().skip(first);
        since
            .take_while(|it| it.0 <= until_ns)
            .map(|it| it.1)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::SetName;
    use crate::produce_log::ProduceNote;

    const MS: i64 = 1_000_000;

    fn book() -> Book {
        let mut book = Book::new(Common {
            run: "1a".to_owned(),
            setting: "all".to_owned(),
            topic: "t".to_owned(),
            consume_within_ns: 1000 * MS,
            ..Common::default()
        });
        enter(&mut book, 0, leader(Some(1)));
        book
    }

    fn enter(book: &mut Book, ms: i64, what: What) {
        book.enter(Event {
            time_ns: ms * MS,
            what,
        });
    }

    fn leader(leader: Option<i32>) -> What {
        What::Leader {
            partition: 0,
            leader,
        }
    }

    fn given(number: u64, ms: i64) -> What {
        What::Given {
            number,
            partition: 0,
            intended_ns: ms * MS,
            bytes: 100,
        }
    }

    fn note(broker: i32, step: Step) -> What {
        What::Note(ProduceNote {
            partition: 0,
            set: SetName {
                first: 0,
                count: 1,
                broker: Some(broker),
            },
            step,
        })
    }

    fn sent(broker: i32) -> What {
        note(broker, Step::Sent)
    }

    fn failed(broker: i32) -> What {
        note(broker, Step::Failed)
    }

    fn delivered(number: u64) -> What {
        What::Delivered {
            number,
            offset: Some(40),
        }
    }

    fn consumed(number: u64) -> What {
        What::Consumed {
            number,
            partition: 0,
            offset: 40,
            bytes: 100,
            intended_ns: Some(10 * MS),
        }
    }

    fn disturbed(line: &ClientMessage<'_>) -> Option<String> {
        line.disturbed_by.as_deref().map(str::to_owned)
    }

    #[test]
    fn a_message_has_one_line_when_it_is_acknowledged_and_consumed() {
        let mut book = book();
        enter(&mut book, 10, given(1, 10));
        enter(&mut book, 11, sent(1));
        enter(&mut book, 14, consumed(1));
        assert_eq!(book.take_lines(), []);
        enter(&mut book, 15, delivered(1));
        let lines = book.take_lines();
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!((line.id.as_ref(), line.offset), ("1a-0-1", Some(40)));
        assert_eq!(
            (line.attempts, line.leader, line.broker),
            (Some(1), Some(1), Some(1))
        );
        assert_eq!(
            (line.sent_ns, line.acknowledged_ns),
            (Some(11 * MS), Some(15 * MS))
        );
        assert_eq!((line.contradiction(), disturbed(line)), (None, None));
        assert_eq!(book.open_count(), 0);
    }

    #[test]
    fn a_message_that_another_broker_had_is_a_failover_with_each_of_its_requests() {
        let mut book = book();
        enter(&mut book, 10, given(1, 10));
        enter(&mut book, 11, sent(1));
        enter(&mut book, 500, failed(1));
        enter(&mut book, 600, sent(1));
        enter(&mut book, 601, failed(1));
        enter(&mut book, 700, leader(Some(2)));
        enter(&mut book, 701, sent(2));
        enter(&mut book, 705, delivered(1));
        enter(&mut book, 706, consumed(1));
        let line = book.take_lines().remove(0);
        assert_eq!(
            (line.attempts, line.leader, line.broker),
            (Some(3), Some(1), Some(2))
        );
        assert_eq!(disturbed(&line).as_deref(), Some("failover"));
        assert_eq!(book.take_remarks(), [Remark::LeaderChanged]);
        // The next is led by the other from its start.
        enter(&mut book, 800, given(2, 800));
        enter(&mut book, 801, sent(2));
        enter(&mut book, 802, delivered(2));
        enter(&mut book, 803, consumed(2));
        assert_eq!(disturbed(&book.take_lines()[0]), None);
    }

    #[test]
    fn what_disturbed_a_message_is_told_apart() {
        let mut book = book();
        // Sent twice to one broker.
        enter(&mut book, 10, given(1, 10));
        enter(&mut book, 11, sent(1));
        enter(&mut book, 12, failed(1));
        enter(&mut book, 13, sent(1));
        enter(&mut book, 14, delivered(1));
        enter(&mut book, 15, consumed(1));
        assert_eq!(disturbed(&book.take_lines()[0]).as_deref(), Some("retry"));
        // The client was late.
        enter(&mut book, 100, given(2, 20));
        enter(&mut book, 101, sent(1));
        enter(&mut book, 102, delivered(2));
        enter(&mut book, 103, consumed(2));
        assert_eq!(disturbed(&book.take_lines()[0]).as_deref(), Some("client"));
        // Nobody led for a while.
        enter(&mut book, 200, given(3, 200));
        enter(&mut book, 210, leader(None));
        enter(&mut book, 300, leader(Some(1)));
        enter(&mut book, 301, sent(1));
        enter(&mut book, 302, delivered(3));
        enter(&mut book, 303, consumed(3));
        assert_eq!(
            disturbed(&book.take_lines()[0]).as_deref(),
            Some("metadata")
        );
        // The consumer's group assigned anew before it was consumed.
        enter(&mut book, 400, given(4, 400));
        enter(&mut book, 401, sent(1));
        enter(&mut book, 402, What::Rebalance { is_begun: true });
        enter(&mut book, 403, delivered(4));
        enter(&mut book, 600, What::Rebalance { is_begun: false });
        enter(&mut book, 601, consumed(4));
        assert_eq!(
            disturbed(&book.take_lines()[0]).as_deref(),
            Some("rebalance")
        );
    }

    #[test]
    fn a_rebalance_that_began_twice_is_over_when_it_ends() {
        let mut book = book();
        enter(&mut book, 100, What::Rebalance { is_begun: true });
        enter(&mut book, 200, What::Rebalance { is_begun: true });
        enter(&mut book, 300, What::Rebalance { is_begun: false });
        enter(&mut book, 400, given(1, 400));
        enter(&mut book, 401, sent(1));
        enter(&mut book, 402, delivered(1));
        enter(&mut book, 403, consumed(1));
        assert_eq!(disturbed(&book.take_lines()[0]), None);
    }

    #[test]
    fn what_is_not_consumed_in_time_is_given_up_and_told_again_when_it_comes() {
        let mut book = book();
        enter(&mut book, 10, given(1, 10));
        enter(&mut book, 11, sent(1));
        enter(&mut book, 20, delivered(1));
        book.tick(1000 * MS);
        assert_eq!(book.take_lines(), []);
        book.tick(1020 * MS);
        let line = book.take_lines().remove(0);
        assert_eq!(line.error.as_deref(), Some("not_consumed"));
        enter(&mut book, 1500, consumed(1));
        enter(&mut book, 1501, consumed(1));
        let lines = book.take_lines();
        assert_eq!(lines.iter().filter(|it| it.again).count(), 2);
        assert_eq!(lines[0].intended_ns, 10 * MS);
    }

    #[test]
    fn what_was_not_taken_or_is_open_at_the_end_has_a_line_too() {
        let mut book = book();
        enter(&mut book, 10, given(1, 10));
        let error = "not_taken_QueueFull".to_owned();
        enter(&mut book, 10, What::Refused { number: 1, error });
        enter(&mut book, 20, given(2, 20));
        enter(&mut book, 21, sent(1));
        book.end(30 * MS);
        let lines = book.take_lines();
        assert_eq!((lines[0].attempts, lines[0].queued_ns), (Some(0), None));
        assert_eq!(lines[1].error.as_deref(), Some("open_at_end"));
        assert_eq!(
            (lines[1].attempts, lines[1].id.as_ref()),
            (Some(1), "1a-0-2")
        );
    }

    #[test]
    fn attempts_are_not_said_where_the_log_cannot_be_right() {
        let mut book = book();
        enter(&mut book, 10, given(1, 10));
        enter(&mut book, 14, delivered(1));
        enter(&mut book, 15, consumed(1));
        let line = book.take_lines().remove(0);
        assert_eq!((line.attempts, line.sent_ns), (None, None));
    }
}
