//! The decoder: lines to changes.

use chrono::NaiveDate;
use kcorr_model::lines::Extent;
use kcorr_model::{Decoder, Error, LossLedger, Output, SourceId, Summary};

use super::change;
use super::losses::{
    SERVER_LOG_BAD_LINE, SERVER_LOG_CUT_LINE, SERVER_LOG_OTHER_LINE, SERVER_LOG_TIMES,
};
use super::rows::ChangeRows;
use crate::line_time::{LineClock, find};
use crate::line_times::LineTimes;
use crate::program_lines::ProgramLines;
use crate::unwrapper::Unwrapped;

/// Bytes of a line.
const MOST_LINE_BYTES: usize = 1 << 20;
/// Bytes of an input that are looked at to recognise it.
const MOST_HEAD_BYTES: usize = 256 << 10;

/// Loggers that only a broker has, by which its log is known where it tells no change.
const LOGGERS: [&str; 9] = [
    "kafka.cluster.",
    "kafka.controller.",
    "kafka.coordinator.",
    "kafka.log.",
    "kafka.network.",
    "kafka.server.",
    "org.apache.kafka.image.",
    "org.apache.kafka.storage.internals.",
    "state.change.logger",
];

/// Decodes a broker's own log (`server.log`, `kafkaServer.out`, a console) to `isr_changes`: replicas that leave and
/// join the in-sync sets of the partitions that it leads. In any layout of a logger, and as a collector stores it
/// ([`crate`] lists which); all other lines are passed over.
///
/// The clock is `Realtime` when lines have a time with a zone, and `LocalTime` when they have one without, as log4j's
/// patterns print.
#[derive(Debug)]
pub struct ServerLogDecoder {
    lines: ProgramLines,
    log: Log,
}

/// What goes from line to line.
#[derive(Debug)]
struct Log {
    rows: ChangeRows,
    times: LineTimes,
    ledger: LossLedger,
    is_found: bool,
}

impl ServerLogDecoder {
    /// A decoder of one broker's log, of one or more files in the order they were written.
    pub fn new(source: SourceId) -> Self {
        Self {
            lines: ProgramLines::new(MOST_LINE_BYTES),
            log: Log {
                rows: ChangeRows::new(source),
                times: LineTimes::new(LineClock::new(None), &SERVER_LOG_TIMES),
                ledger: LossLedger::default(),
                is_found: false,
            },
        }
    }

    /// The day of the first line, where times have none, or no year.
    #[must_use]
    pub fn date(mut self, date: Option<NaiveDate>) -> Self {
        self.log.times = LineTimes::new(LineClock::new(date), &SERVER_LOG_TIMES);
        self
    }
}

/// What an input is, from its first bytes, in words, if it is a broker's log.
pub fn recognise_server_log(head: &[u8]) -> Option<&'static str> {
    let head = head.get(..MOST_HEAD_BYTES).unwrap_or(head);
    let mut decoder = ServerLogDecoder::new(SourceId(0));
    let mut rows = Vec::new();
    // Rows are of no use here; an error cannot be.
    let _pushed = decoder.push(head, &mut rows);
    let _ended = decoder.next_file(&mut rows);
    decoder.log.is_found.then_some(FORMAT)
}

const FORMAT: &str = "Kafka broker's log";

/// Whether a line is one that a broker's logger wrote: it has a time and the logger's name.
fn is_brokers(line: &str) -> bool {
    let begins_word = |at: usize| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|before| !before.is_alphanumeric() && !matches!(before, '.' | '/' | '_'))
    };
    let mut loggers = LOGGERS.iter().filter_map(|logger| line.find(logger));
    loggers.any(begins_word) && !find(line).is_empty()
}

impl Log {
    fn line(&mut self, line: &Unwrapped<'_>, output: &mut dyn Output) -> Result<(), Error> {
        let position = line.position;
        let told = change::told(line.text);
        let Some((before, read)) = told else {
            let is_cut = line.extent == Extent::Cut;
            // Any text may end without a line end; a change that is cut is lost.
            let kind = if is_cut && change::may_be_cut(line.text) {
                &SERVER_LOG_CUT_LINE
            } else {
                &SERVER_LOG_OTHER_LINE
            };
            self.is_found = self.is_found || is_brokers(line.text);
            self.ledger.record(kind, position, || line.shown());
            return Ok(());
        };
        let (change, behind) = match (read, line.extent) {
            (Ok(read), Extent::Whole) => read,
            // The number at the end may be cut, unless something follows it.
            (Ok((change, behind)), Extent::Cut) if !behind.is_empty() => (change, behind),
            (_, Extent::Cut) => {
                self.ledger
                    .record(&SERVER_LOG_CUT_LINE, position, || line.shown());
                return Ok(());
            }
            (read, _) => {
                let expected = read.err().unwrap_or("expected a line of at most 1 MiB");
                self.ledger.record(&SERVER_LOG_BAD_LINE, position, || {
                    format!("{expected}: {}", line.shown())
                });
                return Ok(());
            }
        };
        self.is_found = true;
        let Some(time) = self.times.read(line, before, behind, &mut self.ledger) else {
            return Ok(());
        };
        if self.rows.push(&change, time, &self.times.clock, output)? {
            self.times.written();
        }
        Ok(())
    }
}

impl Decoder for ServerLogDecoder {
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
        if !log.is_found {
            return Err(self.lines.unrecognised(
                "a Kafka broker's log (server.log: lines of kafka.server.…, kafka.cluster.Partition and the like, with a time, in any layout), plain or as kubectl, docker, journald or a JSON layout stores it",
            ));
        }
        log.rows.flush(&log.times.clock, output)?;
        let (clock, limits) = log.times.finish(&mut log.ledger);
        Ok(Summary {
            format: FORMAT.to_owned(),
            clock,
            anchors: Vec::new(),
            losses: std::mem::take(&mut log.ledger).into_losses(),
            limits,
        })
    }
}
