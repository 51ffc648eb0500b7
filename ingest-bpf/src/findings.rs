//! What all line formats of one source fill: rows, losses, anchors and limits.

use kcorr_model::lines::start_of;
use kcorr_model::{ClockAnchor, ClockKind, Limit, LossKind, LossLedger, Position, SourceId};

use crate::losses::{
    BPF_BAD_LINE, BPF_CUT_LINE, BPF_DUPLICATE_EVENT, BPF_EVENTS_LOST, BPF_INCOMPLETE_EVENT,
    BPF_LATE_EVENT, BPF_MIXED_CLOCKS, BPF_NAME_CUT, BPF_STACK_MISSING, BPF_STACK_SKIPPED,
    BPF_UNKNOWN_WAIT,
};
use crate::rows::rows_of_source::AnyRow;
use crate::rows::{NO_I64, RowsOfSource};
use crate::values::{RowError, Values};

/// Anchors that are kept; past them every second one is dropped, again and again.
const MAX_ANCHORS: usize = 4096;
/// What a clock that is corrected slowly may change between two anchors, minutes apart.
const MAX_SLEW_NS: i64 = 500_000_000;

/// What bpftrace's own lines and maps are called to people.
pub(crate) const BPFTRACE_TEXT: &str = "bpftrace text";

/// Rows and everything else that is known of a source so far.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) rows: RowsOfSource,
    pub(crate) ledger: LossLedger,
    /// Line being read, from 1.
    pub(crate) line: u64,
    pub(crate) clock: Option<ClockKind>,
    /// Whether there are events of probes, whose times are since boot.
    pub(crate) has_boot_times: bool,
    pub(crate) limits: Vec<Limit>,
    /// First format that was recognised, in words.
    pub(crate) format: Option<&'static str>,
    anchors: Vec<ClockAnchor>,
    /// Of how many anchors one is kept, and how many came since.
    anchor_stride: u64,
    anchors_since: u64,
    /// End of the event before.
    last_time: Option<i64>,
    /// Lost events whose time range is not closed yet: count, time before, line.
    lost: Option<(u64, Option<i64>, u64)>,
    /// Lost events in all.
    lost_in_all: u64,
    /// What the numbers behind stacks are taken for, and why.
    stacks: Option<String>,
}

impl Findings {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            rows: RowsOfSource::new(source),
            ledger: LossLedger::default(),
            line: 0,
            clock: None,
            has_boot_times: false,
            limits: Vec::new(),
            format: None,
            anchors: Vec::new(),
            anchor_stride: 1,
            anchors_since: 0,
            last_time: None,
            lost: None,
            lost_in_all: 0,
            stacks: None,
        }
    }

    /// Says what the input is, the first time; that bpftrace printed it says less than what it printed.
    pub(crate) fn recognised_as(&mut self, format: &'static str) {
        if self.format.is_none_or(|known| known == BPFTRACE_TEXT) {
            self.format = Some(format);
        }
    }

    /// Takes a row that ends at a time.
    #[inline]
    pub(crate) fn push(&mut self, row: AnyRow, end: i64) {
        if self.lost.is_some() {
            self.close_lost(Some(end));
        }
        self.last_time = Some(end);
        self.rows.push(row);
    }

    /// Takes an event as values, or counts why it has no row.
    pub(crate) fn push_values(&mut self, table: &str, values: &Values<'_>, shown: &[u8]) {
        match values.row(table, &mut self.rows.labels) {
            Ok((row, end)) => {
                if end == NO_I64 {
                    self.rows.push(row);
                } else {
                    self.push(row, end);
                }
            }
            Err(error) => self.incomplete(&error, shown),
        }
    }

    fn incomplete(&mut self, error: &RowError, shown: &[u8]) {
        self.loss(&BPF_INCOMPLETE_EVENT, || {
            format!("{error}: {}", start_of(shown))
        });
    }

    /// Counts a loss at the current line.
    pub(crate) fn loss(&mut self, kind: &'static LossKind, detail: impl FnOnce() -> String) {
        self.ledger.record(kind, Position::Line(self.line), detail);
    }

    /// Counts a line that cannot be read.
    pub(crate) fn bad_line(&mut self, line: &[u8], expected: &str) {
        self.loss(&BPF_BAD_LINE, || {
            format!("expected {expected}, found: {}", start_of(line))
        });
    }

    /// Counts a line that should have been a JSON object.
    pub(crate) fn bad_object(&mut self, number: u64, line: &[u8]) {
        self.ledger
            .record(&BPF_BAD_LINE, Position::Line(number), || {
                format!("expected a JSON object, found: {}", start_of(line))
            });
    }

    /// Counts a line that the input ends inside of.
    pub(crate) fn cut_line(&mut self, number: u64, line: &[u8]) {
        self.ledger
            .record(&BPF_CUT_LINE, Position::Line(number), || {
                format!("the input ends inside the line: {}", start_of(line))
            });
    }

    /// Counts events that the tracer says it lost.
    pub(crate) fn lost_events(&mut self, count: u64) {
        if count == 0 {
            return;
        }
        self.lost_in_all = self.lost_in_all.saturating_add(count);
        let (before, since, line) = self.lost.unwrap_or((0, self.last_time, self.line));
        self.lost = Some((before.saturating_add(count), since, line));
    }

    /// Counts what the tracer says at its end that it lost in all, as far as it is not counted yet.
    pub(crate) fn lost_events_in_all(&mut self, count: u64) {
        self.lost_events(count.saturating_sub(self.lost_in_all));
    }

    /// Counts a frame of a stack that is printed below a call.
    pub(crate) fn stack_of_call(&mut self, frame: &str) {
        self.loss(&BPF_STACK_SKIPPED, || start_of(frame.trim().as_bytes()));
    }

    /// Says what the numbers behind stacks are, and why.
    pub(crate) fn stacks_are(&mut self, what: &str) {
        self.stacks.get_or_insert_with(|| what.to_owned());
    }

    /// The format in words, with what its stacks were taken for.
    pub(crate) fn take_format(&mut self) -> Option<String> {
        let format = self.format.take()?;
        Some(match self.stacks.take() {
            Some(stacks) => format!("{format}: {stacks}"),
            None => format.to_owned(),
        })
    }

    /// Says that the wall clock was set while the recording ran.
    pub(crate) fn clock_step(&mut self, step_ns: i64) {
        let direction = if step_ns < 0 { "back" } else { "forward" };
        self.limit(
            "clock_step_ns",
            step_ns.saturating_abs(),
            &format!(
                "The wall clock was set {direction} by about so much while the recording ran (the \
                 end of summer time, or a correction): times before and after cannot be compared."
            ),
        );
    }

    fn close_lost(&mut self, until: Option<i64>) {
        let Some((count, since, line)) = self.lost.take() else {
            return;
        };
        let range = match (since.or(until), until.or(since)) {
            (Some(a), Some(b)) => Some((a.min(b), a.max(b))),
            _ => None,
        };
        self.ledger
            .record_many(&BPF_EVENTS_LOST, count, Position::Line(line), range, || {
                format!("the tracer reported {count} lost events")
            });
    }

    /// Takes an instant read on two clocks.
    pub(crate) fn anchor(&mut self, anchor: ClockAnchor) {
        self.anchors_since = self.anchors_since.saturating_add(1);
        if self.anchors_since < self.anchor_stride && !self.anchors.is_empty() {
            return;
        }
        self.anchors_since = 0;
        if let Some(last) = self.anchors.last()
            && last.clock == anchor.clock
            && anchor.time_ns > last.time_ns
        {
            let offset = |a: &ClockAnchor| i128::from(a.reference_time_ns) - i128::from(a.time_ns);
            let step = i64::try_from(offset(&anchor) - offset(last)).unwrap_or(i64::MAX);
            if step.saturating_abs() > MAX_SLEW_NS.max(last.uncertainty_ns.saturating_mul(2)) {
                self.clock_step(step);
            }
        }
        self.anchors.push(anchor);
        if self.anchors.len() >= MAX_ANCHORS {
            let mut keep = false;
            self.anchors.retain(|_| {
                keep = !keep;
                keep
            });
            self.anchor_stride = self.anchor_stride.saturating_mul(2);
        }
    }

    /// Sets a limit, once for each name; the largest value counts, for what it hides is missing.
    pub(crate) fn limit(&mut self, name: &str, value: i64, detail: &str) {
        match self.limits.iter_mut().find(|limit| limit.name == name) {
            Some(limit) => limit.value = limit.value.max(value),
            None => self.limits.push(Limit {
                name: name.to_owned(),
                value,
                detail: detail.to_owned(),
            }),
        }
    }

    /// Says what the clock of the times is.
    pub(crate) fn clock_is(&mut self, clock: ClockKind) {
        let known = *self.clock.get_or_insert(clock);
        if known != clock {
            self.loss(&BPF_MIXED_CLOCKS, || format!("{clock} after {known}"));
        }
    }

    /// Closes the books: losses that are counted elsewhere until the end.
    pub(crate) fn close(&mut self) {
        if self.has_boot_times && self.clock.is_some_and(|clock| !is_since_boot(clock)) {
            self.clock_is(ClockKind::Monotonic);
        }
        self.close_lost(None);
        let cut = std::mem::take(&mut self.rows.cut_names);
        if let Some(first) = cut.first {
            let position = Position::Line(first.line);
            self.ledger
                .record_many(&BPF_NAME_CUT, cut.rows, position, cut.time_range, || {
                    let name = start_of(first.name.as_bytes());
                    match first.is_certain {
                        true => format!("the directory {name}… is longer"),
                        false => format!(
                            "the directory {name} is as long as the tracer's strings can be, or ends \
                             as what it cuts"
                        ),
                    }
                });
        }
        let untold = std::mem::take(&mut self.rows.told.untold);
        let frames = untold.first_unknown.unwrap_or_default();
        self.whole(
            &BPF_UNKNOWN_WAIT,
            untold.unknown_waits,
            &format!("waits, the first in {frames}"),
        );
        self.whole(&BPF_STACK_MISSING, untold.missing_stacks, "rows");
        self.whole(&BPF_DUPLICATE_EVENT, self.rows.duplicates(), "events");
        self.whole(&BPF_LATE_EVENT, self.rows.late(), "events");
    }

    /// Counts a loss of the whole input, if there is one.
    fn whole(&mut self, kind: &'static LossKind, count: u64, what: &str) {
        if count > 0 {
            self.ledger
                .record_many(kind, count, Position::Whole, None, || {
                    format!("{count} {what}")
                });
        }
    }

    /// The anchors, in the order they came.
    pub(crate) fn take_anchors(&mut self) -> Vec<ClockAnchor> {
        std::mem::take(&mut self.anchors)
    }
}

fn is_since_boot(clock: ClockKind) -> bool {
    matches!(clock, ClockKind::Monotonic | ClockKind::Boottime)
}
