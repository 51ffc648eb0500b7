//! The smaller prediction: only the time that the account blames on the cut waits is taken away.

use std::collections::HashMap;

use super::recording::{Recording, Segment};
use super::{Change, WaitKind};

/// Latencies of the produce requests in ns, by arrival.
pub(super) fn latencies(recording: &Recording, changes: &[Change]) -> Vec<i64> {
    // One wait may lie behind several segments of a request; it is cut once, as a whole.
    let mut waits: HashMap<(i64, usize, i64), i64> = HashMap::new();
    for segment in &recording.segments {
        let cut = changes
            .iter()
            .enumerate()
            .find_map(|(place, change)| Some((place, wait_of(segment, change.kind)?)));
        if let Some((place, wait)) = cut {
            *waits.entry((segment.request, place, wait)).or_default() += segment.length;
        }
    }
    let mut saved: HashMap<i64, i64> = HashMap::new();
    for ((request, place, _), length) in waits {
        if let Some(change) = changes.get(place) {
            *saved.entry(request).or_default() += change.saved(length);
        }
    }
    let produced = recording
        .requests
        .iter()
        .filter(|request| request.is_produce);
    produced
        .map(|request| {
            let latency = request.end - request.arrival;
            (latency - saved.get(&request.id).copied().unwrap_or(0)).max(0)
        })
        .collect()
}

/// The wait of a kind that a segment is a part of.
fn wait_of(segment: &Segment, kind: WaitKind) -> Option<i64> {
    if let Some(root) = kind.root() {
        // One operation, or one wait of this request or of the one ahead.
        let wait = segment
            .operation
            .or(segment.ahead)
            .unwrap_or(segment.request);
        return (segment.root == root).then_some(wait);
    }
    match kind {
        WaitKind::Gc => segment.pause,
        WaitKind::LockWait => segment.lock_wait,
        // A request is in it once.
        WaitKind::RequestQueue => (segment.stage == "request_queue").then_some(0),
        _ => {
            let is_of_kind = match &segment.write_state {
                Some(state) => kind.has_state(state),
                None => false,
            };
            segment.write.filter(|_| is_of_kind)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::recording::Request;
    use super::*;

    fn segment(request: i64, length: i64, write: i64, state: &str) -> Segment {
        Segment {
            request,
            length,
            write: Some(write),
            write_state: Some(state.to_owned()),
            ..Segment::default()
        }
    }

    #[test]
    fn a_queue_is_cut_whatever_was_at_its_root() {
        let queued = |length, stage: &str| Segment {
            stage: stage.to_owned(),
            ..segment(1, length, 7, "journal_commit")
        };
        let recording = Recording {
            requests: vec![Request {
                id: 1,
                is_produce: true,
                end: 100,
                ..Request::default()
            }],
            segments: vec![
                queued(50, "request_queue"),
                queued(20, "request_queue"),
                queued(30, "write"),
            ],
            ..Recording::default()
        };
        let cut = |kind, cap_ns| latencies(&recording, &[Change { kind, cap_ns }]);
        assert_eq!(cut(WaitKind::RequestQueue, 0), [30]);
        assert_eq!(cut(WaitKind::RequestQueue, 10), [40]);
    }

    #[test]
    fn what_the_account_alone_tells_is_cut_by_its_root() {
        let at = |length, root: &str, ahead| Segment {
            request: 1,
            length,
            root: root.to_owned(),
            ahead,
            ..Segment::default()
        };
        let recording = Recording {
            requests: vec![Request {
                id: 1,
                is_produce: true,
                end: 100,
                ..Request::default()
            }],
            segments: vec![
                at(40, "remote", None),
                at(20, "remote", None),
                at(30, "remote", Some(7)),
                at(10, "slow_sync", None),
            ],
            ..Recording::default()
        };
        let cut = |kind, cap_ns| latencies(&recording, &[Change { kind, cap_ns }]);
        assert_eq!(cut(WaitKind::Followers, 0), [10]);
        // Its own wait, and that of the one ahead.
        assert_eq!(cut(WaitKind::Followers, 5), [20]);
        assert_eq!(cut(WaitKind::Sync, 0), [90]);
        assert_eq!(cut(WaitKind::CpuQuota, 0), [100]);
    }

    #[test]
    fn one_wait_is_cut_once_though_it_lies_behind_several_segments() {
        let recording = Recording {
            requests: vec![Request {
                id: 1,
                is_produce: true,
                end: 100,
                ..Request::default()
            }],
            segments: vec![
                segment(1, 30, 7, "journal_wait"),
                segment(1, 20, 7, "journal_commit"),
                segment(1, 10, 8, "journal_commit"),
                segment(1, 40, 8, "on_cpu"),
            ],
            ..Recording::default()
        };
        let cut = |kind, cap_ns| latencies(&recording, &[Change { kind, cap_ns }]);
        assert_eq!(cut(WaitKind::JournalCommit, 5), [100 - 45 - 5]);
        assert_eq!(cut(WaitKind::JournalCommit, 0), [40]);
        assert_eq!(cut(WaitKind::Write, 0), [0]);
        assert_eq!(cut(WaitKind::Gc, 0), [100]);
    }
}
