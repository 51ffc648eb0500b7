//! When a line was logged, wherever it says so.
//!
//! A line's own time is taken before one that a collector put beside it: that is later, by how long the
//! line was on its way. Which of the two it is, and in what form, the first line with a time decides for
//! all: times of one clock.

use kcorr_model::lines::start_of;
use kcorr_model::{ClockKind, Limit, LossKind, LossLedger, Position};

use crate::json_message::By;
use crate::line_time::{Found, LineClock, Read, find, looks_like_time};
use crate::unwrapper::Unwrapped;

/// What a log's times are called where they are lost or missing.
#[derive(Debug)]
pub(crate) struct TimeLosses {
    /// A time of another form than the first.
    pub(crate) other_form: &'static LossKind,
    /// A time that cannot be read.
    pub(crate) unreadable: &'static LossKind,
    /// A line without a time among those with one.
    pub(crate) missing: &'static LossKind,
    /// Dates whose order was told too late.
    pub(crate) order: &'static LossKind,
    /// What it means that no line has a time, and what to do about it.
    pub(crate) no_times: &'static str,
    /// What times are that a collector put beside the lines.
    pub(crate) collected: &'static str,
}

/// The times of a log.
#[derive(Debug)]
pub(crate) struct LineTimes {
    pub(crate) clock: LineClock,
    losses: &'static TimeLosses,
    by: Option<By>,
    /// Lines without a time, and the first of them.
    without: u64,
    first_without: Option<(Position, String)>,
    /// The order of dates that rows were written with, once some are.
    written_order: Option<usize>,
}

impl LineTimes {
    pub(crate) fn new(clock: LineClock, losses: &'static TimeLosses) -> Self {
        Self {
            clock,
            losses,
            by: None,
            without: 0,
            first_without: None,
            written_order: None,
        }
    }

    /// The time of a line, given what stands before its message and behind it.
    pub(crate) fn read(
        &mut self,
        line: &Unwrapped<'_>,
        before: &str,
        behind: &str,
        ledger: &mut LossLedger,
    ) -> Option<Read> {
        let found = find(before);
        let is_own = |found: &&Found| found.end > line.collected;
        let own: Vec<Found> = found.iter().filter(is_own).copied().collect();
        let beside = |by: By| match line.time {
            Some((time, writer)) if writer == by => find(time),
            _ => Vec::new(),
        };
        let logged = || [own, beside(By::Logger), find(behind)];
        let collected = || {
            let before = found.iter().filter(|found| !is_own(found));
            [before.copied().collect(), beside(By::Collector), Vec::new()]
        };
        let first = |places: [Vec<Found>; 3]| places.into_iter().find(|found| !found.is_empty());
        let (by, times) = match self.by {
            Some(By::Logger) => (By::Logger, first(logged())),
            Some(By::Collector) => (By::Collector, first(collected())),
            None => match first(logged()) {
                Some(times) => (By::Logger, Some(times)),
                None => (By::Collector, first(collected())),
            },
        };
        let Some(times) = times else {
            let mut texts = [Some(before), line.time.map(|(time, _)| time), Some(behind)]
                .into_iter()
                .flatten();
            if let Some(text) = texts.find(|text| looks_like_time(text)) {
                ledger.record(self.losses.unreadable, line.position, || {
                    start_of(text.as_bytes())
                });
            } else {
                self.without = self.without.saturating_add(1);
                let first = || (line.position, line.shown());
                self.first_without.get_or_insert_with(first);
            }
            return None;
        };
        let read = self.clock.choose(&times);
        let read = read.and_then(|found| self.clock.read(&found));
        match read {
            Some(_) => self.by = Some(by),
            None => ledger.record(self.losses.other_form, line.position, || {
                start_of(before.as_bytes())
            }),
        }
        read
    }

    /// Is told that rows were written: from now on the order of dates must stay.
    pub(crate) fn written(&mut self) {
        self.written_order.get_or_insert(self.clock.order());
    }

    /// The clock of all times, and what they leave open.
    pub(crate) fn finish(&mut self, ledger: &mut LossLedger) -> (ClockKind, Vec<Limit>) {
        let mut limits = self.clock.limits();
        let clock = self.clock.kind();
        if let Some((position, line)) = self.first_without.take() {
            if clock.is_some() {
                ledger.record_many(self.losses.missing, self.without, position, None, || line);
            } else {
                limits.push(Limit {
                    name: "no_line_time".to_owned(),
                    value: i64::try_from(self.without).unwrap_or(i64::MAX),
                    detail: self.losses.no_times.to_owned(),
                });
            }
        }
        if self.by == Some(By::Collector) {
            limits.push(Limit {
                name: "collector_time".to_owned(),
                value: 1,
                detail: self.losses.collected.to_owned(),
            });
        }
        if self
            .written_order
            .is_some_and(|order| order != self.clock.order())
        {
            ledger.record(self.losses.order, Position::Whole, || {
                "day and month".to_owned()
            });
        }
        (clock.unwrap_or(ClockKind::Realtime), limits)
    }
}
