//! The decoder: lines to pauses, and the times of two clocks to one.

use kcorr_model::{
    ClockAnchor, ClockKind, Decoder, Error, LossLedger, Output, Position, SourceId, Summary,
};

use super::decoration::{Decorated, Reading};
use super::losses::{
    GC_LOG_BAD_LINE, GC_LOG_CUT_LINE, GC_LOG_NO_TIME, GC_LOG_OTHER_LINE, GC_LOG_RESTART,
};
use super::pause::{Message, Pause};
use super::rows::PauseRows;
use crate::lines::{Extent, Line, Lines, start_of};

/// Bytes of a line; the JVM's are far below.
const MOST_LINE_BYTES: usize = 64 << 10;
/// Bytes of the name of an operation that is kept from one line to another.
const MOST_NAME_BYTES: usize = 200;
/// Anchors that are kept.
const MOST_ANCHORS: usize = 64;
/// An uptime that falls by more is of another JVM; lines of several threads are out of order by less.
const RESTART_NS: i64 = 1_000_000_000;
/// How far apart the JVM may read its two clocks for one line.
const READ_APART_NS: i64 = 10_000;

/// Decodes a unified JVM log (`-Xlog:safepoint*,gc*`, JDK 9 on) to `pauses` of the kinds `gc` and
/// `safepoint`. A pause is logged at its end: it starts its duration earlier, and so all times are late
/// by what the JVM took to log.
///
/// Wall time is printed in ms. Where the line has the uptime in ns too, its end is taken from the
/// uptime and the offset of the two clocks, which the lines so far bound together.
#[derive(Debug)]
pub struct GcLogDecoder {
    lines: Lines,
    log: Log,
}

/// What goes from line to line.
#[derive(Debug)]
struct Log {
    rows: PauseRows,
    ledger: LossLedger,
    anchors: Vec<ClockAnchor>,
    /// The clock of the first line that has a time.
    clock: Option<ClockKind>,
    offset: Option<Offset>,
    last_uptime: Option<i64>,
    /// The operation that the next safepoint is for.
    entering: Option<String>,
    is_recognised: bool,
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

impl GcLogDecoder {
    /// A decoder of one log, of one or more files in the order they were written.
    pub fn new(source: SourceId) -> Self {
        Self {
            lines: Lines::new(MOST_LINE_BYTES),
            log: Log {
                rows: PauseRows::new(source),
                ledger: LossLedger::default(),
                anchors: Vec::new(),
                clock: None,
                offset: None,
                last_uptime: None,
                entering: None,
                is_recognised: false,
            },
        }
    }
}

/// What an input is, from its first bytes, in words, if it is a unified JVM log.
pub fn recognise_gc_log(head: &[u8]) -> Option<&'static str> {
    let head = head.get(..MOST_LINE_BYTES).unwrap_or(head);
    let mut lines = head.split(|&byte| byte == b'\n').take(100);
    let is_jvm = lines.any(|line| {
        let line = String::from_utf8_lossy(line);
        Decorated::from_line(&line).is_some_and(|line| is_recognised(&line))
    });
    is_jvm.then_some(FORMAT)
}

const FORMAT: &str = "unified JVM log";

/// Whether a line can only be the JVM's: a time or a pause beside a level or a tag.
fn is_recognised(line: &Decorated<'_>) -> bool {
    let has_time = line.wall.is_some() || line.uptime.is_some();
    let is_pause = matches!(Message::from_text(line.message), Message::Pause(_));
    (has_time && line.is_jvm) || is_pause
}

impl Log {
    fn line(&mut self, line: Line<'_>, output: &mut dyn Output) -> Result<(), Error> {
        let Line {
            position,
            bytes,
            extent,
        } = line;
        if extent == Extent::Start {
            self.ledger
                .record(&GC_LOG_BAD_LINE, position, || start_of(bytes));
            return Ok(());
        }
        let is_cut = extent == Extent::Cut;
        let text = String::from_utf8_lossy(bytes);
        let Some(decorated) = Decorated::from_line(&text) else {
            let kind = if is_cut {
                &GC_LOG_CUT_LINE
            } else {
                &GC_LOG_OTHER_LINE
            };
            self.ledger.record(kind, position, || start_of(bytes));
            return Ok(());
        };
        self.is_recognised |= is_recognised(&decorated);
        let end_ns = self.time(position, &decorated);
        match Message::from_text(decorated.message) {
            Message::Pause(pause) => {
                let entering = self.entering.take();
                let Some(end_ns) = end_ns else {
                    self.ledger
                        .record(&GC_LOG_NO_TIME, position, || start_of(bytes));
                    return Ok(());
                };
                let name = match pause.name {
                    "" => entering.as_deref().unwrap_or("safepoint"),
                    name => name,
                };
                let pause = Pause { name, ..pause };
                self.rows.push(&pause, end_ns, output)?;
                if pause.kind == "gc" {
                    // The collection is inside of the safepoint that is still to be told.
                    self.entering = entering;
                }
            }
            Message::Entering(name) => {
                let name = name.chars().take(MOST_NAME_BYTES).collect();
                self.entering = Some(name);
            }
            _ if is_cut => {
                self.ledger
                    .record(&GC_LOG_CUT_LINE, position, || start_of(bytes));
            }
            Message::Bad => {
                self.ledger
                    .record(&GC_LOG_BAD_LINE, position, || start_of(bytes));
            }
            Message::Other => {}
        }
        Ok(())
    }

    /// When a line was printed, on the log's clock.
    fn time(&mut self, position: Position, line: &Decorated<'_>) -> Option<i64> {
        let clock = *self.clock.get_or_insert(match (line.wall, line.uptime) {
            (Some(_), _) => ClockKind::Realtime,
            (None, Some(_)) => ClockKind::JvmUptime,
            (None, None) => return None,
        });
        if clock == ClockKind::JvmUptime {
            let uptime = line.uptime?.ns;
            if let Some(before) = self.last_uptime
                && before.saturating_sub(uptime) > RESTART_NS
            {
                self.ledger.record(&GC_LOG_RESTART, position, || {
                    format!("the uptime fell from {before} to {uptime} ns")
                });
            }
            self.last_uptime = Some(uptime);
            return Some(uptime);
        }
        let wall = line.wall?;
        let Some(uptime) = line.uptime else {
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

    fn anchor(&mut self, offset: Offset) {
        if self.anchors.len() < MOST_ANCHORS {
            self.anchors.push(offset.anchor());
        }
    }
}

impl Decoder for GcLogDecoder {
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, log } = self;
        lines.push(bytes, &mut |line| log.line(line, output))
    }

    fn next_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, log } = self;
        lines.finish(&mut |line| log.line(line, output))
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        self.next_file(output)?;
        let log = &mut self.log;
        log.rows.flush(output)?;
        if let Some(offset) = log.offset.take() {
            log.anchor(offset);
        }
        if !log.is_recognised {
            return Err(self
                .lines
                .unrecognised("a unified JVM log (-Xlog:safepoint*,gc*)"));
        }
        Ok(Summary {
            format: FORMAT.to_owned(),
            clock: log.clock.unwrap_or(ClockKind::JvmUptime),
            anchors: std::mem::take(&mut log.anchors),
            losses: std::mem::take(&mut log.ledger).into_losses(),
            limits: Vec::new(),
        })
    }
}
