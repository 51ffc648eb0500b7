//! The decoder: lines to pauses.

use kcorr_model::lines::{Extent, start_of};
use kcorr_model::{ClockKind, Decoder, Error, LossLedger, Output, Position, SourceId, Summary};

use super::clock::LogClock;
use super::decoration::Decorated;
use super::jdk8::{self, Bracket, Collection, Stamped};
use super::losses::{
    GC_LOG_BAD_LINE, GC_LOG_CUT_LINE, GC_LOG_NO_TIME, GC_LOG_OTHER_LINE, GC_LOG_UNFINISHED,
};
use super::pause::{Message, Pause};
use super::rows::PauseRows;
use crate::program_lines::ProgramLines;
use crate::unwrapper::{Unwrapped, is_damaged};

/// Bytes of a line; the JVM's are far below.
const MOST_LINE_BYTES: usize = 64 << 10;
/// Bytes of an input that are looked at to recognise it.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// Bytes of the name of an operation that is kept from one line to another.
const MOST_NAME_BYTES: usize = 200;
/// Pauses that may be under way at once: full collections within young ones.
const MOST_BEGUN: usize = 4;
/// Brackets of a line that are tried as the start of the JVM's own part.
const MOST_STARTS: usize = 8;

/// Decodes the JVM's log of collections and safepoints to `pauses` of the kinds `gc`, `safepoint` and
/// `safepoint_sync`: unified logs (`-Xlog:safepoint*,gc*`, JDK 9 on) with any decorations, and those before
/// (`-XX:+PrintGCDetails -XX:+PrintGCDateStamps -XX:+PrintGCApplicationStoppedTime`). A pause of a unified
/// log is logged at its end: it starts its duration earlier, and so all times are late by what the JVM
/// took to log. Before, a collection is stamped at its start.
///
/// Wall time is printed in ms. Where the line has the uptime in ns too, its end is taken from the
/// uptime and the offset of the two clocks, which the lines so far bound together. A collector's time is
/// used where a line has none, and ties an uptime to wall time; a limit says so.
#[derive(Debug)]
pub struct GcLogDecoder {
    lines: ProgramLines,
    log: Log,
}

/// What goes from line to line.
#[derive(Debug)]
struct Log {
    rows: PauseRows,
    ledger: LossLedger,
    clock: LogClock,
    /// The operation that the next safepoint is for.
    entering: Option<String>,
    /// Numbers of collections whose pause began, and where.
    begun: Vec<(u64, Position)>,
    /// A bracket of JDK 8 that goes on in the next lines: where, since when, and its text.
    bracket: Option<(Position, Option<i64>, String)>,
    format: Option<&'static str>,
}

impl GcLogDecoder {
    /// A decoder of one log, of one or more files in the order they were written.
    pub fn new(source: SourceId) -> Self {
        Self {
            lines: ProgramLines::new(MOST_LINE_BYTES),
            log: Log {
                rows: PauseRows::new(source),
                ledger: LossLedger::default(),
                clock: LogClock::new(),
                entering: None,
                begun: Vec::new(),
                bracket: None,
                format: None,
            },
        }
    }

    fn end_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, log } = self;
        lines.finish(&mut |line| log.line(line, output))
    }
}

/// What an input is, from its first bytes, in words, if it is a JVM's log of collections.
pub fn recognise_gc_log(head: &[u8]) -> Option<&'static str> {
    let head = head.get(..MOST_HEAD_BYTES).unwrap_or(head);
    let mut decoder = GcLogDecoder::new(SourceId(0));
    let mut rows = Vec::new();
    // Rows are of no use here; an error cannot be.
    let _pushed = decoder.push(head, &mut rows);
    let _ended = decoder.end_file(&mut rows);
    decoder.log.format
}

const UNIFIED: &str = "unified JVM log";
const JDK_8: &str = "JVM GC log, JDK 8";

/// Whether a line can only be the JVM's: a time or a pause beside a level or a tag.
fn is_recognised(line: &Decorated<'_>) -> bool {
    let has_time = line.wall.is_some() || line.uptime.is_some();
    (has_time && line.is_jvm) || matches!(Message::from_text(line.message), Message::Pause(_))
}

/// The JVM's own part of a line, behind whatever stands before it.
fn decorated(own: &str) -> Option<Decorated<'_>> {
    let first = own
        .starts_with('[')
        .then(|| Decorated::from_line(own))
        .flatten();
    if first.is_some_and(|line| is_recognised(&line)) {
        return first;
    }
    let starts = own
        .match_indices('[')
        .map(|(at, _)| at)
        .filter(|at| *at > 0);
    let later = starts.take(MOST_STARTS).find_map(|at| {
        // Decorations stand side by side: one inside of them is no start.
        let before = own.get(..at).unwrap_or_default();
        if before.ends_with(']') {
            return None;
        }
        let line = Decorated::from_line(own.get(at..)?)?;
        is_recognised(&line).then_some(line)
    });
    later.or(first)
}

/// A line of JDK 8, behind whatever stands before it.
fn stamped(own: &str) -> Option<Stamped<'_>> {
    let starts = own.match_indices(' ').map(|(at, _)| at.saturating_add(1));
    let mut starts = [0].into_iter().chain(starts.take(MOST_STARTS));
    starts.find_map(|at| {
        let stamped = Stamped::from_line(own.get(at..)?)?;
        // Without a stamp only a whole line is one.
        let has_time = stamped.wall.is_some() || stamped.uptime.is_some();
        (has_time || at == 0).then_some(stamped)
    })
}

impl Log {
    fn line(&mut self, line: &Unwrapped<'_>, output: &mut dyn Output) -> Result<(), Error> {
        let position = line.position;
        if line.extent == Extent::Start {
            self.ledger
                .record(&GC_LOG_BAD_LINE, position, || line.shown());
            return Ok(());
        }
        let is_cut = line.extent == Extent::Cut;
        let own = line.own();
        if let Some(decorated) = decorated(own) {
            return self.unified(line, &decorated, is_cut, output);
        }
        if let Some(stamped) = stamped(own) {
            return self.before_unified(line, &stamped, is_cut, output);
        }
        if self.bracket.is_some() && !is_cut {
            return self.go_on(line, own, output);
        }
        let is_damaged = is_damaged(own)
            || own.contains("] GC(") && own.contains(" Pause ")
            || own.contains("Safepoint \"")
            || own.contains("[GC (");
        let kind = if is_cut && own.starts_with(|c: char| c == '[' || c.is_ascii_digit()) {
            &GC_LOG_CUT_LINE
        } else if is_damaged && self.format.is_some() {
            &GC_LOG_BAD_LINE
        } else {
            &GC_LOG_OTHER_LINE
        };
        self.ledger.record(kind, position, || line.shown());
        Ok(())
    }

    /// A line of a unified log.
    fn unified(
        &mut self,
        line: &Unwrapped<'_>,
        decorated: &Decorated<'_>,
        is_cut: bool,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let position = line.position;
        if self.format.is_none() && is_recognised(decorated) {
            self.format = Some(UNIFIED);
        }
        let end_ns = self
            .clock
            .time(line, decorated.wall, decorated.uptime, &mut self.ledger);
        match Message::from_text(decorated.message) {
            Message::Pause(pause) => {
                if let Some(number) = pause.number {
                    self.begun.retain(|(begun, _)| *begun != number);
                }
                let entering = self.entering.take();
                let name = match pause.name {
                    "" => entering.as_deref().unwrap_or("safepoint"),
                    name => name,
                };
                let pause = Pause { name, ..pause };
                self.push(line, &pause, end_ns, output)?;
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
                    .record(&GC_LOG_CUT_LINE, position, || line.shown());
            }
            Message::Begun(number) => self.begin(number, position),
            Message::CpuTime(number, cpu_ns) => self.rows.set_cpu_ns(number, cpu_ns),
            Message::Bad => {
                self.ledger
                    .record(&GC_LOG_BAD_LINE, position, || line.shown());
            }
            Message::Other
                if decorated
                    .message
                    .contains(|c: char| c.is_control() && c != '\t') =>
            {
                self.ledger
                    .record(&GC_LOG_BAD_LINE, position, || line.shown());
            }
            Message::Other => {}
        }
        Ok(())
    }

    /// A pause begins; those that others began long after were not told.
    fn begin(&mut self, number: u64, position: Position) {
        self.begun.retain(|(begun, _)| *begun != number);
        self.begun.push((number, position));
        if self.begun.len() > MOST_BEGUN {
            let (lost, position) = self.begun.remove(0);
            self.lose_begun(lost, position);
        }
    }

    fn lose_begun(&mut self, number: u64, position: Position) {
        self.ledger
            .record(&GC_LOG_UNFINISHED, position, || format!("GC({number})"));
    }

    /// A line of JDK 8.
    fn before_unified(
        &mut self,
        line: &Unwrapped<'_>,
        stamped: &Stamped<'_>,
        is_cut: bool,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let position = line.position;
        self.format.get_or_insert(JDK_8);
        let time = self
            .clock
            .time(line, stamped.wall, stamped.uptime, &mut self.ledger);
        if !stamped.message.starts_with('[') {
            return match Message::from_text(stamped.message) {
                Message::Pause(pause) => {
                    let name = "safepoint";
                    self.push(line, &Pause { name, ..pause }, time, output)
                }
                Message::Bad => {
                    let kind = if is_cut {
                        &GC_LOG_CUT_LINE
                    } else {
                        &GC_LOG_BAD_LINE
                    };
                    self.ledger.record(kind, position, || line.shown());
                    Ok(())
                }
                _ => Ok(()),
            };
        }
        match jdk8::bracket(stamped.message) {
            Bracket::Pause(collection) => self.collection(line, &collection, time, output),
            Bracket::Open if is_cut => {
                self.ledger
                    .record(&GC_LOG_CUT_LINE, position, || line.shown());
                Ok(())
            }
            Bracket::Open => {
                self.lose_bracket();
                self.bracket = Some((position, time, stamped.message.to_owned()));
                Ok(())
            }
            Bracket::Concurrent => Ok(()),
            Bracket::Bad => {
                self.ledger
                    .record(&GC_LOG_BAD_LINE, position, || line.shown());
                Ok(())
            }
        }
    }

    /// A line within a bracket of JDK 8.
    fn go_on(
        &mut self,
        line: &Unwrapped<'_>,
        own: &str,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let Some((position, time, mut text)) = self.bracket.take() else {
            return Ok(());
        };
        text.push_str(own);
        match jdk8::bracket(&text) {
            Bracket::Pause(collection) => self.collection(line, &collection, time, output),
            Bracket::Open if text.len() < MOST_LINE_BYTES => {
                self.bracket = Some((position, time, text));
                Ok(())
            }
            _ => {
                self.bracket = Some((position, time, text));
                self.lose_bracket();
                Ok(())
            }
        }
    }

    fn lose_bracket(&mut self) {
        if let Some((position, _, text)) = self.bracket.take() {
            self.ledger
                .record(&GC_LOG_BAD_LINE, position, || start_of(text.as_bytes()));
        }
    }

    fn collection(
        &mut self,
        line: &Unwrapped<'_>,
        collection: &Collection,
        start_ns: Option<i64>,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let pause = Pause {
            kind: "gc",
            name: &collection.name,
            cause: collection.cause.as_deref(),
            duration_ns: collection.duration_ns,
            reaching_ns: None,
            number: None,
        };
        let end_ns = start_ns.map(|start| start.saturating_add(collection.duration_ns));
        self.push(line, &pause, end_ns, output)
    }

    fn push(
        &mut self,
        line: &Unwrapped<'_>,
        pause: &Pause<'_>,
        end_ns: Option<i64>,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let Some(end_ns) = end_ns else {
            self.ledger
                .record(&GC_LOG_NO_TIME, line.position, || line.shown());
            return Ok(());
        };
        self.rows.push(pause, end_ns, output)
    }
}

impl Decoder for GcLogDecoder {
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, log } = self;
        lines.push(bytes, &mut |line| log.line(line, output))
    }

    fn next_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.end_file(output)
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        self.end_file(output)?;
        let log = &mut self.log;
        log.lose_bracket();
        for (number, position) in std::mem::take(&mut log.begun) {
            log.lose_begun(number, position);
        }
        log.rows.flush(output)?;
        let Some(format) = log.format else {
            return Err(self.lines.unrecognised(
                "a JVM's GC log (unified, as -Xlog:gc*,safepoint* writes it, or of JDK 8 with -XX:+PrintGCDetails \
                 -XX:+PrintGCDateStamps), plain or as kubectl, docker or journald stores it",
            ));
        };
        Ok(Summary {
            format: format.to_owned(),
            clock: log.clock.kind.unwrap_or(ClockKind::JvmUptime),
            limits: log.clock.finish(),
            anchors: std::mem::take(&mut log.clock.anchors),
            losses: std::mem::take(&mut log.ledger).into_losses(),
        })
    }
}
