//! The decoder: lines to requests.

use chrono::NaiveDate;
use kcorr_model::lines::Extent;
use kcorr_model::{Decoder, Error, LossLedger, Output, SourceId, Summary};

use super::line::{self, Form};
use super::losses::{
    REQUEST_LOG_BAD_LINE, REQUEST_LOG_CONNECTION, REQUEST_LOG_CUT_LINE, REQUEST_LOG_OTHER_LINE,
    REQUEST_LOG_TIMES,
};
use super::rows::RequestRows;
use crate::line_time::LineClock;
use crate::line_times::LineTimes;
use crate::program_lines::ProgramLines;
use crate::unwrapper::Unwrapped;

/// Bytes of a line: responses to metadata requests of large clusters are printed whole.
const MOST_LINE_BYTES: usize = 16 << 20;
/// Bytes of an input that are looked at to recognise it.
const MOST_HEAD_BYTES: usize = 256 << 10;

/// Decodes Kafka's request log (`kafka.request.logger` at `DEBUG`) to `broker_requests` and
/// `broker_request_partitions`: JSON lines (KIP-673) and the text before them, in any layout of a logger, and as a collector stores them
/// ([`crate`] lists which).
///
/// The clock is `Realtime` when lines have a time with a zone, or no time at all, and `LocalTime` when
/// they have one without, as log4j's patterns print. The form of the times is learned of the lines; dates
/// that can be read in two orders are a limit, and the engine asks the other recordings.
#[derive(Debug)]
pub struct RequestLogDecoder {
    lines: ProgramLines,
    log: Log,
}

/// What goes from line to line.
#[derive(Debug)]
struct Log {
    rows: RequestRows,
    times: LineTimes,
    ledger: LossLedger,
    form: Option<Form>,
}

impl RequestLogDecoder {
    /// A decoder of one broker's log, of one or more files in the order they were written.
    pub fn new(source: SourceId) -> Self {
        Self {
            lines: ProgramLines::new(MOST_LINE_BYTES),
            log: Log {
                rows: RequestRows::new(source),
                times: LineTimes::new(LineClock::new(None), &REQUEST_LOG_TIMES),
                ledger: LossLedger::default(),
                form: None,
            },
        }
    }

    /// The day of the first line, where times have none, or no year.
    #[must_use]
    pub fn date(mut self, date: Option<NaiveDate>) -> Self {
        self.log.times = LineTimes::new(LineClock::new(date), &REQUEST_LOG_TIMES);
        self
    }
}

/// What an input is, from its first bytes, in words, if it is a request log.
pub fn recognise_request_log(head: &[u8]) -> Option<&'static str> {
    let head = head.get(..MOST_HEAD_BYTES).unwrap_or(head);
    let mut decoder = RequestLogDecoder::new(SourceId(0));
    let mut rows = Vec::new();
    // Rows are of no use here; an error cannot be.
    let _pushed = decoder.push(head, &mut rows);
    let _ended = decoder.next_file(&mut rows);
    decoder.log.form.map(format_name)
}

fn format_name(form: Form) -> &'static str {
    match form {
        Form::Json => "Kafka request log, JSON",
        Form::Text => "Kafka request log, text",
    }
}

impl Log {
    fn line(&mut self, line: &Unwrapped<'_>, output: &mut dyn Output) -> Result<(), Error> {
        let position = line.position;
        if line.extent == Extent::Start {
            self.ledger
                .record(&REQUEST_LOG_BAD_LINE, position, || line.shown());
            return Ok(());
        }
        let is_cut = line.extent == Extent::Cut;
        let Some((before, form, body)) = line::split(line.text) else {
            // Any text may end without a line end; a request that is cut is lost.
            let kind = if is_cut && line::may_be_cut(line.text) {
                &REQUEST_LOG_CUT_LINE
            } else {
                &REQUEST_LOG_OTHER_LINE
            };
            self.ledger.record(kind, position, || line.shown());
            return Ok(());
        };
        self.form.get_or_insert(form);
        // The numbers at the end of a text line may be cut; JSON tells its end.
        let (request, behind) = match line::request(form, body) {
            Ok(request) if !(is_cut && form == Form::Text) => request,
            Err(error) if !is_cut => {
                self.ledger.record(&REQUEST_LOG_BAD_LINE, position, || {
                    format!("{error}: {}", line.shown())
                });
                return Ok(());
            }
            _ => {
                self.ledger
                    .record(&REQUEST_LOG_CUT_LINE, position, || line.shown());
                return Ok(());
            }
        };
        if request.connection.is_none() {
            self.ledger
                .record(&REQUEST_LOG_CONNECTION, position, || line.shown());
        }
        let end_time = self.times.read(line, before, behind, &mut self.ledger);
        if self
            .rows
            .push(&request, end_time, &self.times.clock, output)?
        {
            self.times.written();
        }
        Ok(())
    }
}

impl Decoder for RequestLogDecoder {
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
        log.rows.flush(&log.times.clock, output)?;
        let Some(form) = log.form else {
            return Err(self.lines.unrecognised(
                "Kafka's request log (`Completed request:…` in lines of any layout, as kafka.request.logger writes at DEBUG), plain or as kubectl, docker, journald or a JSON layout stores it",
            ));
        };
        let (clock, limits) = log.times.finish(&mut log.ledger);
        let json = if self.lines.is_json() && form == Form::Text {
            " in JSON"
        } else {
            ""
        };
        Ok(Summary {
            format: format!("{}{json}", format_name(form)),
            clock,
            anchors: Vec::new(),
            losses: std::mem::take(&mut log.ledger).into_losses(),
            limits,
        })
    }
}
