//! The checker finds what is wrong with answers, and nothing in right ones.

use std::collections::HashMap;
use std::fs;

use kcorr_scenario::account::{Cause, Root, Truth, Via, truths};
use kcorr_scenario::check::{Answer, BlameRow, Files, Key, Score, Scorer, Segment, answers};
use kcorr_scenario::{recordings, simulate};
use serde_json::json;

use crate::short;

const SLOW_WRITE: Cause = Root::SlowWrite.own();
const BEHIND: Cause = Cause {
    root: Root::SlowWrite,
    via: Via::LockWait,
};
const QUEUED: Cause = Cause {
    root: Root::SlowWrite,
    via: Via::Queued,
};

/// Answers that are the truth itself, and the writes that they refer to.
struct Perfect {
    truths: Vec<Truth>,
    answers: HashMap<Key, Answer>,
    writes: HashMap<i64, (Option<i32>, i64)>,
}

impl Perfect {
    fn new() -> Self {
        Self::in_preset("clean")
    }

    fn in_preset(preset: &str) -> Self {
        let options = short(preset, 10_000);
        let truths: Vec<Truth> = truths(&simulate(&options), &options).collect();
        let mut answers = HashMap::new();
        let mut writes = HashMap::new();
        for truth in truths.iter().filter(|truth| truth.slow) {
            let segments = truth.segments.iter().map(|s| {
                if let Some(start) = s.write_start_ns {
                    // Starts are different for different writes, so they may be ids.
                    writes.insert(start, (s.blocker_tid, start));
                }
                Segment {
                    start: s.start_ns - truth.arrival_ns,
                    end: s.end_ns - truth.arrival_ns,
                    stage: s.segment.name().to_owned(),
                    cause: s.cause.to_string(),
                    write: s.write_start_ns,
                    write_state: s.write_state.clone(),
                    reason: s.reason.clone(),
                    blocker_tid: s.blocker_tid,
                }
            });
            let answer = Answer {
                latency_ns: truth.latency_ns,
                arrival_ns: truth.arrival_ns,
                cause: truth.cause.to_string(),
                reason: truth.reason.clone(),
                agrees: true,
                confidence: Some(0.9),
                blocker_tid: truth.blocker.as_ref().map(|blocker| blocker.tid),
                blocker_broker: truth.blocker_broker,
                segments: segments.collect(),
            };
            answers.insert(key(truth), answer);
        }
        Self {
            truths,
            answers,
            writes,
        }
    }

    fn score(&self) -> Score {
        let scorer = Scorer {
            tolerance_ns: 2_000_000,
            slo_ns: 65_000_000,
            writes: self.writes.clone(),
        };
        scorer.score(&self.truths, &self.answers)
    }

    /// The slow requests of a cause that no other comes near.
    fn of(&self, cause: Cause) -> Vec<Key> {
        let clear = |truth: &&Truth| {
            truth.slow && truth.cause == cause && truth.causes[&cause] * 10 > truth.latency_ns * 8
        };
        self.truths.iter().filter(clear).map(key).collect()
    }
}

fn key(truth: &Truth) -> Key {
    (truth.client_address.clone(), truth.correlation_id)
}

#[test]
fn the_truth_itself_scores_full_marks() {
    let perfect = Perfect::new();
    let score = perfect.score();
    assert_eq!(score.found, perfect.answers.len());
    assert_eq!((score.missed, score.extra, score.broken), (0, 0, 0));
    for share in [
        score.verdict,
        score.verdict_exact,
        score.blocker_thread,
        score.blocker_write,
        score.stage,
        score.time,
        score.time_exact,
        score.time_write,
        score.write_state,
    ] {
        assert!(share.of > 0);
        assert_eq!(share.right, share.of);
    }
    assert!(score.worst.is_empty() && score.times.is_empty());
}

#[test]
fn a_wrong_verdict_is_found() {
    let mut wrong = Perfect::new();
    let keys = wrong.of(SLOW_WRITE);
    wrong.answers.get_mut(&keys[0]).unwrap().cause = "pause".to_owned();
    let score = wrong.score();
    assert_eq!(score.verdict.of - score.verdict.right, 1);
    assert_eq!(score.verdicts[&(SLOW_WRITE, "pause".to_owned(), false)], 1);
    assert_eq!((score.wrong.right, score.unexplained.right), (1, 0));
    assert_eq!(score.confidence[&9].of - score.confidence[&9].right, 1);
}

#[test]
fn an_unexplained_verdict_is_not_right_and_names_no_wrong_cause() {
    let mut wrong = Perfect::new();
    let keys = wrong.of(SLOW_WRITE);
    wrong.answers.get_mut(&keys[0]).unwrap().cause = "unexplained".to_owned();
    let score = wrong.score();
    assert_eq!(score.verdict.of - score.verdict.right, 1);
    assert_eq!((score.unexplained.right, score.wrong.right), (1, 0));
    // A word that is none is as wrong as another cause.
    wrong.answers.get_mut(&keys[0]).unwrap().cause = "slow_disk".to_owned();
    let score = wrong.score();
    assert_eq!((score.unexplained.right, score.wrong.right), (0, 1));
    assert!(score.wrong.share() > 0.0);
}

#[test]
fn a_verdict_that_says_less_is_neither_right_nor_another_cause() {
    let mut less = Perfect::new();
    let keys = less.of(BEHIND);
    less.answers.get_mut(&keys[0]).unwrap().cause = "lock_wait_other".to_owned();
    let score = less.score();
    assert_eq!(score.verdict.of - score.verdict.right, 1);
    assert_eq!((score.unexplained.right, score.wrong.right), (1, 0));
}

#[test]
fn another_reason_is_wrong_and_none_is_not_right() {
    let perfect = Perfect::in_preset("windows").score();
    assert!(perfect.time_reason.of > 100_000_000, "{perfect}");
    assert_eq!(perfect.time_reason.ratio(), 1.0);
    assert_eq!(perfect.reason.ratio(), 1.0);
    assert_eq!(perfect.time_reason_wrong.right, 0);
    let silent = with_reasons(|_| None).score();
    assert_eq!(silent.time_reason.right, 0);
    assert_eq!(silent.reason.right, 0);
    assert_eq!(silent.time_reason_wrong.right, 0);
    let guessed = with_reasons(|reason| reason.map(|_| "guessed".to_owned())).score();
    assert_eq!(guessed.time_reason_wrong.right, guessed.time_reason.of);
}

/// Perfect answers with other reasons.
fn with_reasons(change: impl Fn(Option<String>) -> Option<String>) -> Perfect {
    let mut answers = Perfect::in_preset("windows");
    for answer in answers.answers.values_mut() {
        answer.reason = change(answer.reason.take());
        for segment in &mut answer.segments {
            segment.reason = change(segment.reason.take());
        }
    }
    answers
}

#[test]
fn a_verdict_at_odds_with_its_root_or_way_is_counted() {
    let row = |cause: &str, root: Option<&str>, via: Option<&str>| BlameRow {
        request_id: 1,
        client_address: "10.1.0.1:40000".to_owned(),
        correlation_id: 7,
        arrival_time: "2026-09-21T14:13:20Z".to_owned(),
        latency_ms: 70.0,
        cause: cause.to_owned(),
        root: root.map(ToOwned::to_owned),
        via: via.map(ToOwned::to_owned),
        reason: None,
        confidence: None,
        tid: None,
        blocker_tid: None,
        blocker_broker: None,
    };
    let agrees = |row: BlameRow| {
        let answers = answers(vec![row], Vec::new()).unwrap();
        answers.into_values().all(|answer| answer.agrees)
    };
    let cause = "lock_wait_behind_slow_sync";
    assert!(agrees(row(cause, Some("slow_sync"), Some("lock_wait"))));
    assert!(agrees(row(cause, None, None)));
    assert!(agrees(row("unexplained", Some("unexplained"), None)));
    assert!(!agrees(row(cause, Some("slow_write"), Some("lock_wait"))));
    assert!(!agrees(row(cause, Some("slow_sync"), Some("own"))));
}

#[test]
fn a_wrong_blocker_is_found() {
    let mut wrong = Perfect::new();
    let keys = wrong.of(BEHIND);
    let answer = wrong.answers.get_mut(&keys[0]).unwrap();
    for segment in &mut answer.segments {
        segment.write = None;
    }
    answer.blocker_tid = Some(1);
    let score = wrong.score();
    assert_eq!(score.blocker_thread.of - score.blocker_thread.right, 1);
    assert_eq!(score.blocker_write.of - score.blocker_write.right, 1);
    assert!(score.time_write.right < score.time_write.of);
    assert_eq!(score.verdict.right, score.verdict.of);
}

#[test]
fn time_with_a_wrong_cause_or_stage_is_counted_to_the_ns() {
    let mut wrong = Perfect::new();
    let keys = wrong.of(QUEUED);
    let answer = wrong.answers.get_mut(&keys[0]).unwrap();
    let longest = answer.segments.iter_mut().max_by_key(|s| s.end - s.start);
    let segment = longest.unwrap();
    segment.cause = "remote".to_owned();
    segment.stage = "response".to_owned();
    let ns = segment.end - segment.start;
    let score = wrong.score();
    assert_eq!(score.time.of - score.time.right, ns);
    assert_eq!(score.stage.of - score.stage.right, ns);
    assert_eq!(score.times[&(QUEUED, "remote".to_owned())], ns);
    assert_eq!(score.worst[0].1, keys[0]);
}

#[test]
fn missing_and_surplus_answers_are_counted() {
    let mut wrong = Perfect::new();
    let keys = wrong.of(SLOW_WRITE);
    let answer = wrong.answers.remove(&keys[0]).unwrap();
    wrong.answers.insert(("10.9.9.9:1".to_owned(), 7), answer);
    let score = wrong.score();
    assert_eq!((score.missed, score.extra), (1, 1));
}

#[test]
fn gaps_overlaps_and_wrong_sums_are_counted() {
    for plant in [
        |segments: &mut Vec<Segment>| drop(segments.remove(0)),
        |segments: &mut Vec<Segment>| segments[0].end += 5,
        |segments: &mut Vec<Segment>| {
            let last = segments.len() - 1;
            segments[last].end += 5;
        },
    ] {
        let mut wrong = Perfect::new();
        let keys = wrong.of(QUEUED);
        plant(&mut wrong.answers.get_mut(&keys[0]).unwrap().segments);
        assert_eq!(wrong.score().broken, 1);
    }
}

#[test]
fn files_as_kcorr_prints_them_are_read_and_compared_with_the_request_log() {
    let mut options = short("replicated", 4_000);
    options.slo_ms = 20.0;
    let folder = tempfile::tempdir().unwrap();
    recordings::generate(&options, folder.path()).unwrap();
    let truth = folder.path().join("truth.jsonl");
    let text = fs::read_to_string(&truth).unwrap();
    let time = |ns: i64| {
        let seconds = ns.div_euclid(1_000_000_000);
        let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
        let (hours, fraction) = (seconds / 3_600 % 24, ns.rem_euclid(1_000_000_000));
        format!("2026-09-21T{hours:02}:{minutes:02}:{rest:02}.{fraction:09}Z")
    };
    let (mut blame, mut segments) = (Vec::new(), Vec::new());
    for (id, line) in text.lines().enumerate() {
        let truth: Truth = serde_json::from_str(line).unwrap();
        if !truth.slow {
            continue;
        }
        let of_tid = truth.blocker.as_ref().map(|blocker| blocker.tid);
        for _ in 0..truth.partitions.len().max(1) {
            blame.push(
                json!({"request_id": id, "client_address": truth.client_address,
                "correlation_id": truth.correlation_id, "arrival_time": time(truth.arrival_ns),
                "latency_ms": truth.latency_ns as f64 / 1e6, "cause": truth.cause, "root": truth.root, "via": truth.via,
                "confidence": 1.0, "tid": 1, "blocker_tid": of_tid, "topic": "passed over"}),
            );
        }
        for segment in &truth.segments {
            segments.push(
                json!({"request_id": id, "start_time": time(segment.start_ns),
                "end_time": time(segment.end_ns), "segment": segment.segment.name(),
                "cause": segment.cause, "root_write_id": null}),
            );
        }
    }
    assert!(blame.len() > 20);
    let write = |name: &str, rows: &[serde_json::Value]| {
        let path = folder.path().join(name);
        fs::write(&path, serde_json::to_string(rows).unwrap()).unwrap();
        path
    };
    let (blame, segments) = (
        write("blame.json", &blame),
        write("segments.json", &segments),
    );
    let files = Files {
        blame: &blame,
        segments: &segments,
        writes: None,
    };
    let score = files.score(&truth, 2.0, 20.0).unwrap();
    assert_eq!((score.missed, score.extra, score.broken), (0, 0, 0));
    assert_eq!(score.time_exact.right, score.time_exact.of);
    assert!(score.to_string().contains("100.00 %"));

    let agreement = files.agreement(&folder.path().join("request.log")).unwrap();
    assert_eq!(agreement.unknown, 0);
    assert!(agreement.requests.of > 10);
    assert_eq!(
        agreement.requests.right, agreement.requests.of,
        "{agreement}"
    );
}
