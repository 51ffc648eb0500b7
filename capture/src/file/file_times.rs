//! How the files of one capture follow each other in time.

use kcorr_model::{LossKind, LossLedger, Position, Severity};

use super::merge::FILES_OVERLAP;

/// Files given in another order than they were written in.
pub(crate) static FILES_BACKWARDS: LossKind = LossKind {
    name: "pcap_files_backwards",
    severity: Severity::Warning,
    doc: "A file of the capture begins before the one given before it ends: connections that go from \
          one into the other are not followed; give the files in the order of their times.",
};

/// A time between two files in which nothing was captured.
pub(crate) static FILE_GAP: LossKind = LossKind {
    name: "pcap_file_gap",
    severity: Severity::Warning,
    doc: "Between two files of the capture there is a longer pause than within any of them: a file may \
          be missing.",
};

/// Pauses shorter than this are none.
const SHORTEST_PAUSE_NS: i64 = 1_000_000;

/// Between packets of one file times may run back a little.
const DISORDER_NS: i64 = 1_000_000;

/// Gaps that are kept until the longest pause is known.
const MOST_GAPS: usize = 256;

/// The times of the packets so far.
#[derive(Debug, Default)]
pub struct FileTimes {
    /// The latest packet of all files so far, and of this file.
    latest: Option<i64>,
    in_file: Option<i64>,
    longest_pause: i64,
    gaps: Vec<(i64, i64)>,
    /// Files that cover the same time are merged.
    is_merging: bool,
}

impl FileTimes {
    /// Of files that are merged by time, or read one after another.
    pub fn new(is_merging: bool) -> Self {
        Self {
            is_merging,
            ..Self::default()
        }
    }

    /// A packet came.
    #[inline]
    pub fn packet(&mut self, time: i64, position: u64, losses: &mut LossLedger) {
        match self.in_file {
            Some(last) => {
                self.longest_pause = self.longest_pause.max(time.saturating_sub(last));
            }
            None => self.first(time, position, losses),
        }
        self.in_file = Some(self.in_file.map_or(time, |last| last.max(time)));
    }

    #[cold]
    fn first(&mut self, time: i64, position: u64, losses: &mut LossLedger) {
        let Some(latest) = self.latest else {
            return;
        };
        let pause = time.saturating_sub(latest);
        if pause < -DISORDER_NS {
            let times = Some((time, latest));
            let kind = if self.is_merging {
                &FILES_OVERLAP
            } else {
                &FILES_BACKWARDS
            };
            losses.record_many(kind, 1, Position::Byte(position), times, || {
                format!(
                    "a file begins {:.6} s before the end of those before it",
                    seconds(pause.saturating_neg())
                )
            });
        } else if pause > SHORTEST_PAUSE_NS && self.gaps.len() < MOST_GAPS {
            self.gaps.push((latest, time));
        }
    }

    /// The next packet is of another file.
    pub fn next_file(&mut self) {
        self.latest = self.latest.max(self.in_file.take());
    }

    /// At the end: says which pauses between files are longer than those within.
    pub fn report(&mut self, losses: &mut LossLedger) {
        let usual = self.longest_pause.saturating_mul(2);
        for (from, to) in std::mem::take(&mut self.gaps) {
            let pause = to.saturating_sub(from);
            if pause > usual {
                losses.record_many(&FILE_GAP, 1, Position::Whole, Some((from, to)), || {
                    format!(
                        "{:.6} s without a packet, and {:.6} s at most within a file",
                        seconds(pause),
                        seconds(self.longest_pause)
                    )
                });
            }
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}
