//! The times of a log on one clock, and what ties its clocks.

use kcorr_model::{ClockAnchor, ClockKind, Limit, LossLedger};

use super::decoration::Reading;
use super::losses::GC_LOG_RESTART;
use crate::line_time::{LineClock, find};
use crate::unwrapper::Unwrapped;

/// Anchors that are kept.
const MOST_ANCHORS: usize = 64;
/// An uptime that falls by more is of another JVM; lines of several threads are out of order by less.
const RESTART_NS: i64 = 1_000_000_000;
/// How far apart the JVM may read its two clocks for one line.
const READ_APART_NS: i64 = 10_000;
/// How late a collector takes a line at the least, as far as can be known.
const COLLECTED_APART_NS: i64 = 100_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// The clock of a log.
#[derive(Debug)]
pub(crate) struct LogClock {
    pub(crate) anchors: Vec<ClockAnchor>,
    /// The clock of the first line that has a time.
    pub(crate) kind: Option<ClockKind>,
    offset: Option<Offset>,
    last_uptime: Option<i64>,
    /// Times that a collector put before lines.
    collector: LineClock,
    /// The least difference of such a time and the uptime, and that uptime.
    collected: Option<(i64, i64)>,
    uses_collector: bool,
}

/// Wall time − uptime, in ns: bounds that all lines so far agree on.
#[derive(Debug, Clone, Copy)]
struct Offset {
    least: i64,
    most: i64,
    /// The last uptime that was looked at.
    uptime_ns: i64,
}

impl Offset {
    fn from_readings(wall: Reading, uptime: Reading) -> Self {
        let difference = wall.ns.saturating_sub(uptime.ns);
        Self {
            least: difference.saturating_sub(uptime.resolution_ns.saturating_sub(1)),
            most: difference.saturating_add(wall.resolution_ns.saturating_sub(1)),
            uptime_ns: uptime.ns,
        }
    }

    fn middle(self) -> i64 {
        self.least
            .saturating_add(self.most.saturating_sub(self.least) / 2)
    }

    fn anchor(self) -> ClockAnchor {
        ClockAnchor {
            clock: ClockKind::Realtime,
            time_ns: self.uptime_ns.saturating_add(self.middle()),
            reference: ClockKind::JvmUptime,
            reference_time_ns: self.uptime_ns,
            uncertainty_ns: (self.most.saturating_sub(self.least) / 2)
                .saturating_add(READ_APART_NS),
        }
    }
}

impl LogClock {
    pub(crate) fn new() -> Self {
        Self {
            anchors: Vec::new(),
            kind: None,
            offset: None,
            last_uptime: None,
            collector: LineClock::new(None),
            collected: None,
            uses_collector: false,
        }
    }

    /// When a line was printed, on the log's clock.
    pub(crate) fn time(
        &mut self,
        line: &Unwrapped<'_>,
        wall: Option<Reading>,
        uptime: Option<Reading>,
        ledger: &mut LossLedger,
    ) -> Option<i64> {
        let collected = match wall {
            None => self.collected(line),
            Some(_) => None,
        };
        let kind = *self.kind.get_or_insert(match (wall, uptime, collected) {
            (Some(_), _, _) => ClockKind::Realtime,
            (None, Some(_), _) => ClockKind::JvmUptime,
            (None, None, Some(_)) => {
                self.uses_collector = true;
                self.collector.kind().unwrap_or(ClockKind::Realtime)
            }
            (None, None, None) => return None,
        });
        if self.uses_collector {
            return collected;
        }
        if kind == ClockKind::JvmUptime {
            let uptime = uptime?.ns;
            if let Some(before) = self.last_uptime
                && before.saturating_sub(uptime) > RESTART_NS
            {
                ledger.record(&GC_LOG_RESTART, line.position, || {
                    format!("the uptime fell from {before} to {uptime} ns")
                });
                self.collected = None;
            }
            self.last_uptime = Some(uptime);
            if let Some(collected) = collected
                && self.collector.kind() == Some(ClockKind::Realtime)
            {
                let difference = collected.saturating_sub(uptime);
                if self.collected.is_none_or(|(least, _)| difference < least) {
                    self.collected = Some((difference, uptime));
                }
            }
            return Some(uptime);
        }
        let wall = wall?;
        let Some(uptime) = uptime else {
            return Some(wall.ns);
        };
        let now = Offset::from_readings(wall, uptime);
        let offset = match self.offset {
            Some(before) => {
                let both = Offset {
                    least: before.least.max(now.least),
                    most: before.most.min(now.most),
                    uptime_ns: uptime.ns,
                };
                if both.least <= both.most {
                    both
                } else {
                    // The clocks drifted apart, the wall clock was set, or another JVM began.
                    self.anchor(before);
                    now
                }
            }
            None => now,
        };
        self.offset = Some(offset);
        if uptime.resolution_ns >= wall.resolution_ns {
            return Some(wall.ns);
        }
        let last = wall.ns.saturating_add(wall.resolution_ns.saturating_sub(1));
        let time = uptime.ns.saturating_add(offset.middle());
        Some(time.max(wall.ns).min(last))
    }

    /// When a collector took the line.
    fn collected(&mut self, line: &Unwrapped<'_>) -> Option<i64> {
        let before = line.text.get(..line.start).unwrap_or_default();
        let mut times = find(before);
        if times.is_empty() {
            times = find(line.time?.0);
        }
        let found = self.collector.choose(&times)?;
        let read = self.collector.read(&found)?;
        self.collector.ns(read)
    }

    fn anchor(&mut self, offset: Offset) {
        if self.anchors.len() < MOST_ANCHORS {
            self.anchors.push(offset.anchor());
        }
    }

    /// Ends the log: the last anchor, and what its times leave open.
    pub(crate) fn finish(&mut self) -> Vec<Limit> {
        if let Some(offset) = self.offset.take() {
            self.anchor(offset);
        }
        let mut limits = Vec::new();
        if self.uses_collector {
            limits = self.collector.limits();
            limits.push(Limit {
                name: "collector_time".to_owned(),
                value: 1,
                detail: "lines have no time of their own: pauses end when a collector took their lines, which is later than when they ended".to_owned(),
            });
        } else if let Some((difference, uptime_ns)) = self.collected {
            let is_whole = difference.saturating_add(uptime_ns).checked_rem(SECOND_NS) == Some(0);
            self.anchors.push(ClockAnchor {
                clock: ClockKind::Realtime,
                time_ns: uptime_ns.saturating_add(difference),
                reference: ClockKind::JvmUptime,
                reference_time_ns: uptime_ns,
                uncertainty_ns: if is_whole {
                    SECOND_NS
                } else {
                    COLLECTED_APART_NS
                },
            });
            limits.push(Limit {
                name: "collector_time".to_owned(),
                value: 1,
                detail: "lines have the JVM's uptime only: wall time is that at which a collector took the line that it took soonest".to_owned(),
            });
        }
        limits
    }
}
