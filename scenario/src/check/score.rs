//! Compares answers with the truth.
//!
//! Times are compared from the first byte of each request on, so that the clock of the capture does not
//! matter; how far the other recordings are out of step with it does.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::answers::{Answer, Key, Segment, WriteRow, ns_from_time};
use crate::account::{Cause, Root, Stage, TrueSegment, Truth};

/// Requests whose latency is so close to the limit may be slow or not.
const LIMIT_SLACK_NS: i64 = 200_000;
/// So may those that asked to wait: when that was over is seen of others' answers.
const WAIT_SLACK_NS: i64 = 5_000_000;
/// Starts of the same write in the truth and by kcorr's clock are at most so far apart, by the request's clock.
const WRITE_SLACK_NS: i64 = 20_000_000;

/// Counts, of which a share is right (or, where a figure says so, what it is named for).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// What is right.
    pub right: i64,
    /// Of how much.
    pub of: i64,
}

impl Share {
    /// Adds some, right or not.
    pub fn add(&mut self, amount: i64, is_right: bool) {
        self.of += amount;
        self.right += if is_right { amount } else { 0 };
    }

    /// 0 to 1; 1 of nothing.
    pub fn ratio(self) -> f64 {
        if self.of == 0 {
            1.0
        } else {
            self.right as f64 / self.of as f64
        }
    }

    /// 0 to 1; 0 of nothing.
    pub fn share(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.ratio() }
    }
}

/// How good the answers are. Times are ns.
#[derive(Debug, Default)]
pub struct Score {
    /// Slow requests found.
    pub found: usize,
    /// Slow requests that are not among the answers.
    pub missed: usize,
    /// Answers that are not slow, or not in the truth.
    pub extra: usize,
    /// Requests by whether the verdict is the true cause.
    pub verdict_exact: Share,
    /// The same; a cause within the tolerance of the true one, or one that is not wrong either, counts.
    pub verdict: Share,
    /// Requests for which another cause was named.
    pub wrong: Share,
    /// By API: requests by whether the verdict is right, and by whether another cause was named.
    pub apis: BTreeMap<String, [Share; 2]>,
    /// Requests for which none was named, or less than is true: a lock, where its holder was in a write.
    pub unexplained: Share,
    /// Verdicts whose root and way are not those of their cause.
    pub disagreeing: usize,
    /// Requests with one true write behind them, by whether the thread is right.
    pub blocker_thread: Share,
    /// Requests with a right verdict whose root is at another broker, or which kcorr says is, by whether it is that
    /// broker.
    pub broker: Share,
    /// By broker: how much later than in truth requests came by kcorr's clock, the least and the most, ns.
    pub clocks: BTreeMap<i32, (i64, i64)>,
    /// The same by whether the write is right; only where the writes are given.
    pub blocker_write: Share,
    /// Time by whether the stage is right.
    pub stage: Share,
    /// Time by whether the cause is the true one.
    pub time_exact: Share,
    /// Time by whether the cause is the true one, or one that is not wrong either.
    pub time: Share,
    /// Time for which another cause was named.
    pub time_wrong: Share,
    /// Time with a true write at the root, by whether the write is right.
    pub time_write: Share,
    /// Time with a true write at the root and the right write, by whether its state is right.
    pub write_state: Share,
    /// Requests with a right verdict and a true reason, by whether the reason is right.
    pub reason: Share,
    /// Time with the true cause and a true reason, by whether the reason is right.
    pub time_reason: Share,
    /// Time of receiving, responding and pauses with the true cause, by whether another reason was named.
    pub time_reason_wrong: Share,
    /// Answers whose segments leave gaps, overlap, or do not sum to the latency.
    pub broken: usize,
    /// Requests by true and answered cause, where not the same, and whether that is right all the same.
    pub verdicts: BTreeMap<(Cause, String, bool), i64>,
    /// Time by true and answered cause, where wrong.
    pub times: BTreeMap<(Cause, String), i64>,
    /// Time by true and answered stage, where wrong.
    pub stages: BTreeMap<(Stage, String), i64>,
    /// By tenths of confidence: verdicts, and whether they are right.
    pub confidence: BTreeMap<i64, Share>,
    /// Requests with the worst accounts: wrong ns, key, true cause, answered cause.
    pub worst: Vec<(i64, Key, Cause, String)>,
}

impl Score {
    /// How far the clocks of two brokers' hosts are apart at most once kcorr has put them in order; none of one
    /// broker.
    pub fn clocks_apart_ns(&self) -> Option<i64> {
        if self.clocks.len() < 2 {
            return None;
        }
        let least = self.clocks.values().map(|(least, _)| *least).min()?;
        let most = self.clocks.values().map(|(_, most)| *most).max()?;
        Some(most - least)
    }
}

/// Compares all.
#[derive(Debug)]
pub struct Scorer {
    /// Causes whose time is so close to that of the true one are right too, ns.
    pub tolerance_ns: i64,
    /// The limit above which a request is slow, ns.
    pub slo_ns: i64,
    /// The writes: id → thread and start by kcorr's clock.
    pub writes: HashMap<i64, (Option<i32>, i64)>,
}

/// Makes writes findable by id.
pub fn by_id(rows: Vec<WriteRow>) -> anyhow::Result<HashMap<i64, (Option<i32>, i64)>> {
    let rows = rows.into_iter();
    rows.map(|row| Ok((row.write_id, (row.tid, ns_from_time(&row.start_time)?))))
        .collect()
}

impl Scorer {
    /// The score of answers.
    pub fn score(&self, truths: &[Truth], answers: &HashMap<Key, Answer>) -> Score {
        let mut score = Score::default();
        let mut known = HashSet::new();
        for truth in truths {
            let key = (truth.client_address.clone(), truth.correlation_id);
            let answer = answers.get(&key);
            let slow_ns = truth.latency_ns - truth.requested_wait_ns;
            let slack = if truth.requested_wait_ns > 0 {
                WAIT_SLACK_NS
            } else {
                LIMIT_SLACK_NS
            };
            let is_close = (slow_ns - self.slo_ns).abs() <= slack;
            match answer {
                Some(answer) if truth.slow => self.request(truth, answer, &key, &mut score),
                Some(_) if !is_close => score.extra += 1,
                None if truth.slow && !is_close => score.missed += 1,
                _ => {}
            }
            known.insert(key);
        }
        score.extra += answers.keys().filter(|key| !known.contains(*key)).count();
        score.worst.sort_by_key(|(ns, ..)| -ns);
        score.worst.truncate(10);
        score
    }

    fn request(&self, truth: &Truth, answer: &Answer, key: &Key, score: &mut Score) {
        score.found += 1;
        let cause = Cause::from_name(&answer.cause);
        score.verdict_exact.add(1, cause == Some(truth.cause));
        let right = cause.is_some_and(|cause| self.is_right(truth, cause));
        let unexplained = cause == Some(Cause::UNEXPLAINED)
            || cause.is_some_and(|cause| self.says_less(truth, cause));
        score.verdict.add(1, right);
        let of_api = score.apis.entry(truth.api.clone()).or_default();
        of_api[0].add(1, right);
        of_api[1].add(1, !right && !unexplained);
        score.unexplained.add(1, !right && unexplained);
        score.wrong.add(1, !right && !unexplained);
        if cause == Some(truth.cause) && truth.reason.is_some() {
            score.reason.add(1, answer.reason == truth.reason);
        }
        score.disagreeing += usize::from(!answer.agrees);
        if cause != Some(truth.cause) {
            let key = (truth.cause, answer.cause.clone(), right);
            *score.verdicts.entry(key).or_default() += 1;
        }
        if let Some(confidence) = answer.confidence {
            let tenth = (confidence * 10.0) as i64;
            score.confidence.entry(tenth).or_default().add(1, right);
        }
        let is_elsewhere = truth.blocker_broker.is_some() || answer.blocker_broker.is_some();
        if right && cause == Some(truth.cause) && is_elsewhere {
            score
                .broker
                .add(1, answer.blocker_broker == truth.blocker_broker);
        }
        if let Some(broker) = truth.broker {
            let error = answer.arrival_ns - truth.arrival_ns;
            let (least, most) = score.clocks.entry(broker).or_insert((error, error));
            (*least, *most) = ((*least).min(error), (*most).max(error));
        }
        if is_broken(answer) {
            score.broken += 1;
        }
        self.blocker(truth, answer, score);
        let before = score.time.of - score.time.right;
        self.times(truth, answer, score);
        let wrong = score.time.of - score.time.right - before;
        if wrong > 0 {
            let worst = (wrong, key.clone(), truth.cause, answer.cause.clone());
            score.worst.push(worst);
        }
    }

    /// Whether a verdict is the true cause, one that took as long, or one that is not wrong either.
    fn is_right(&self, truth: &Truth, cause: Cause) -> bool {
        self.is_top(truth, |s| s.cause == cause || s.also.contains(&cause))
    }

    /// Whether a verdict says less than the true cause, and nothing else.
    fn says_less(&self, truth: &Truth, cause: Cause) -> bool {
        self.is_top(truth, |s| {
            s.cause == cause || s.also.contains(&cause) || s.less.contains(&cause)
        })
    }

    /// Whether the segments that fit an answer take as long as those of any one cause among the others, but
    /// for what was asked for.
    fn is_top(&self, truth: &Truth, fits: impl Fn(&TrueSegment) -> bool) -> bool {
        let mut fitting = 0;
        let mut others = BTreeMap::<Cause, i64>::new();
        let slow = truth.segments.iter();
        for segment in slow.filter(|s| s.root != Root::RequestedWait) {
            let ns = segment.end_ns - segment.start_ns;
            if fits(segment) {
                fitting += ns;
            } else {
                *others.entry(segment.cause).or_default() += ns;
            }
        }
        let top = others.values().copied().max().unwrap_or(0);
        fitting > 0 && fitting >= top - self.tolerance_ns
    }

    /// Whether the write that took most of the time is known; where handlers were in several at once, none
    /// is the one.
    fn blocker(&self, truth: &Truth, answer: &Answer, score: &mut Score) {
        let mut truly: HashMap<(Option<i32>, i64), i64> = HashMap::new();
        let mut without = 0;
        for segment in truth.segments.iter().filter(|s| s.cause == truth.cause) {
            let ns = segment.end_ns - segment.start_ns;
            let Some(start) = segment.write_start_ns else {
                without += ns;
                continue;
            };
            *truly.entry((segment.blocker_tid, start)).or_default() += ns;
        }
        let Some(top) = truly.values().copied().max() else {
            return;
        };
        if without > self.tolerance_ns {
            return;
        }
        let enough = truly
            .iter()
            .filter(|(_, ns)| **ns >= top - self.tolerance_ns);
        let enough: Vec<_> = enough.map(|(write, _)| *write).collect();

        let mut told: HashMap<(Option<i64>, Option<i32>), i64> = HashMap::new();
        for segment in answer.segments.iter().filter(|s| s.cause == answer.cause) {
            let ns = segment.end - segment.start;
            *told
                .entry((segment.write, segment.blocker_tid))
                .or_default() += ns;
        }
        let told = told.into_iter().max_by_key(|(who, ns)| (*ns, *who));
        let write = told.and_then(|((write, _), _)| write);
        let row = write.and_then(|write| self.writes.get(&write));
        let tid = row.and_then(|(tid, _)| *tid).or(answer.blocker_tid);
        let same_thread = enough.iter().any(|(of, _)| *of == tid && tid.is_some());
        score.blocker_thread.add(1, same_thread);
        if !self.writes.is_empty() {
            let error = answer.arrival_ns - truth.arrival_ns;
            let is_same = row.is_some_and(|(tid, start)| {
                let row = (*tid, start - error);
                enough.iter().any(|true_| is_same(row, *true_))
            });
            score.blocker_write.add(1, is_same);
        }
    }

    fn times(&self, truth: &Truth, answer: &Answer, score: &mut Score) {
        let mut told = answer.segments.iter().peekable();
        for segment in &truth.segments {
            let (mut at, end) = (
                segment.start_ns - truth.arrival_ns,
                segment.end_ns - truth.arrival_ns,
            );
            while at < end {
                while told.peek().is_some_and(|t| t.end <= at) {
                    told.next();
                }
                let (part, answered) = match told.peek() {
                    Some(t) if t.start <= at => (t.end.min(end) - at, Some(*t)),
                    Some(t) => (t.start.min(end) - at, None),
                    None => (end - at, None),
                };
                let error = answer.arrival_ns - truth.arrival_ns;
                self.part(segment, answered, part, error, score);
                at += part;
            }
        }
    }

    /// A stretch in which both are constant; `error` is how much later than in truth the request came. What was asked for is no slowness, and does not count.
    fn part(
        &self,
        truth: &TrueSegment,
        told: Option<&Segment>,
        ns: i64,
        error: i64,
        score: &mut Score,
    ) {
        if truth.root == Root::RequestedWait {
            return;
        }
        let name = told.map_or("unexplained", |t| t.cause.as_str());
        let cause = Cause::from_name(name);
        score.time_exact.add(ns, cause == Some(truth.cause));
        let is = |cause: Cause| cause == truth.cause || truth.also.contains(&cause);
        let right = cause.is_some_and(is);
        let less = cause.is_some_and(|cause| truth.less.contains(&cause));
        let unexplained = cause == Some(Cause::UNEXPLAINED) || less;
        score.time.add(ns, right);
        score.time_wrong.add(ns, !right && !unexplained);
        if !right {
            let key = (truth.cause, name.to_owned());
            *score.times.entry(key).or_default() += ns;
        }
        if cause == Some(truth.cause)
            && matches!(truth.root, Root::Receive | Root::Response | Root::Pause)
        {
            let reason = told.and_then(|t| t.reason.as_ref());
            if truth.reason.is_some() {
                let is_right = reason == truth.reason.as_ref();
                score.time_reason.add(ns, is_right);
            }
            let is_wrong = reason.is_some() && reason != truth.reason.as_ref();
            score.time_reason_wrong.add(ns, is_wrong);
        }
        let stage = told.map_or("", |t| t.stage.as_str());
        // A pause may be told as such, or as the stage that it held up.
        let is_pause = truth.root == Root::Pause && stage == Stage::Pause.name();
        let right = stage == truth.segment.name() || is_pause;
        score.stage.add(ns, right);
        if !right {
            let key = (truth.segment, stage.to_owned());
            *score.stages.entry(key).or_default() += ns;
        }
        let (Some(tid), Some(start)) = (truth.blocker_tid, truth.write_start_ns) else {
            return;
        };
        if self.writes.is_empty() || truth.merged.is_some() {
            return;
        }
        let write = told
            .and_then(|t| t.write)
            .and_then(|id| self.writes.get(&id));
        let right = write.is_some_and(|(of, at)| is_same((*of, at - error), (Some(tid), start)));
        score.time_write.add(ns, right);
        if right {
            let state = told.and_then(|t| t.write_state.as_deref());
            score
                .write_state
                .add(ns, state == truth.write_state.as_deref());
        }
    }
}

/// Whether a write by kcorr's clock is the true one: by thread and time.
fn is_same((tid, start): (Option<i32>, i64), (true_tid, true_start): (Option<i32>, i64)) -> bool {
    tid == true_tid && (start - true_start).abs() <= WRITE_SLACK_NS
}

/// Whether segments overlap, leave gaps, or do not sum to the latency.
fn is_broken(answer: &Answer) -> bool {
    if answer.segments.is_empty() {
        return true;
    }
    let mut end = 0;
    for segment in &answer.segments {
        if segment.start != end || segment.end <= segment.start {
            return true;
        }
        end = segment.end;
    }
    // blame's latency is in ms, as a float.
    (end - answer.latency_ns).abs() > 1
}
