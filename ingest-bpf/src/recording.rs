//! What all line formats of one source fill: rows, losses, anchors and limits.

use kcorr_model::{
    ClockAnchor, ClockKind, Limit, LossKind, LossLedger, Position, Severity, SourceId,
};

use crate::rows::rows_of_source::AnyRow;
use crate::rows::{NO_I64, RowsOfSource};
use crate::values::{RowError, Values};

/// Anchors that are kept; past them every second one is dropped, again and again.
const MAX_ANCHORS: usize = 4096;
/// Bytes of a bad line that are shown.
const SHOWN_BYTES: usize = 120;

/// A line that cannot be read.
pub(crate) static BPF_BAD_LINE: LossKind = LossKind {
    name: "bpf_bad_line",
    severity: Severity::Warning,
    doc: "A line is not of the recording's format; the event it stood for is missing.",
};

/// The last line has no end.
pub(crate) static BPF_CUT_LINE: LossKind = LossKind {
    name: "bpf_cut_line",
    severity: Severity::Warning,
    doc: "The recording ends inside a line or a stack, as when its disk is full or the tracer is killed; that event is missing, and maybe more behind it.",
};

/// A line longer than the decoder holds.
pub(crate) static BPF_LONG_LINE: LossKind = LossKind {
    name: "bpf_long_line",
    severity: Severity::Warning,
    doc: "A line is longer than 8 MiB and was passed over; its events are missing.",
};

/// An event without times.
pub(crate) static BPF_INCOMPLETE_EVENT: LossKind = LossKind {
    name: "bpf_incomplete_event",
    severity: Severity::Warning,
    doc: "An event lacks something that its row needs, such as its start, or ends before it starts; the row is missing.",
};

/// A value that does not fit its column.
pub(crate) static BPF_BAD_VALUE: LossKind = LossKind {
    name: "bpf_bad_value",
    severity: Severity::Warning,
    doc: "A value is not of its column's type or range; the row is there with null in its place.",
};

/// An event of an unknown kind.
pub(crate) static BPF_UNKNOWN_EVENT: LossKind = LossKind {
    name: "bpf_unknown_event",
    severity: Severity::Warning,
    doc: "An event is of a kind that no table takes; a field map can say where it belongs.",
};

/// Events that the tracer dropped.
pub(crate) static BPF_EVENTS_LOST: LossKind = LossKind {
    name: "bpf_events_lost",
    severity: Severity::Warning,
    doc: "The tracer says that it lost events because its buffers were full; writes or waits of that time are missing.",
};

/// The same event twice.
pub(crate) static BPF_DUPLICATE_EVENT: LossKind = LossKind {
    name: "bpf_duplicate_event",
    severity: Severity::Info,
    doc: "The same event was printed more than once and is stored once.",
};

/// An event far out of order.
pub(crate) static BPF_LATE_EVENT: LossKind = LossKind {
    name: "bpf_late_event",
    severity: Severity::Info,
    doc: "An event came more than 262144 rows after later ones; it is stored, but duplicates of it would not be noticed.",
};

/// Times of more than one clock.
pub(crate) static BPF_MIXED_CLOCKS: LossKind = LossKind {
    name: "bpf_mixed_clocks",
    severity: Severity::Warning,
    doc: "The recording has times of more than one clock, such as the outputs of two tools one after the other; only those of the first are placed right. Ingest them one by one.",
};

/// Output of the tracer that no table takes.
pub(crate) static BPF_SUMMARY_SKIPPED: LossKind = LossKind {
    name: "bpf_summary_skipped",
    severity: Severity::Info,
    doc: "A map or histogram that is no sum over stacks has no place in a table and was passed over.",
};

/// What bpftrace's own lines and maps are called to people.
pub(crate) const BPFTRACE_TEXT: &str = "bpftrace text";

/// Rows and everything else that is known of a source so far.
#[derive(Debug)]
pub(crate) struct Recording {
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
}

impl Recording {
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

    /// Counts events that the tracer says it lost.
    pub(crate) fn lost_events(&mut self, count: u64) {
        if count == 0 {
            return;
        }
        let (before, since, line) = self.lost.unwrap_or((0, self.last_time, self.line));
        self.lost = Some((before.saturating_add(count), since, line));
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
        let counted = [
            (&BPF_DUPLICATE_EVENT, self.rows.duplicates()),
            (&BPF_LATE_EVENT, self.rows.late()),
        ];
        for (kind, count) in counted {
            if count > 0 {
                self.ledger
                    .record_many(kind, count, Position::Whole, None, || {
                        format!("{count} events")
                    });
            }
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

/// The start of a line, to be shown to people.
pub(crate) fn start_of(line: &[u8]) -> String {
    let shown = line.get(..SHOWN_BYTES).unwrap_or(line);
    let text = String::from_utf8_lossy(shown);
    let dots = if shown.len() < line.len() { "…" } else { "" };
    format!("{}{dots}", text.escape_debug())
}
