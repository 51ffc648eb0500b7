//! The decoder: lines to requests.

use kcorr_model::{ClockKind, Decoder, Error, LossLedger, Output, Position, SourceId, Summary};

use super::line::{self, Form, LineTime};
use super::losses::{
    REQUEST_LOG_BAD_LINE, REQUEST_LOG_CONNECTION, REQUEST_LOG_CUT_LINE, REQUEST_LOG_OTHER_LINE,
    REQUEST_LOG_TIME,
};
use super::rows::RequestRows;
use crate::lines::{Extent, Line, Lines, start_of};

/// Bytes of a line: responses to metadata requests of large clusters are printed whole.
const MOST_LINE_BYTES: usize = 16 << 20;
/// Bytes of an input that are looked at to recognise it.
const MOST_HEAD_BYTES: usize = 256 << 10;

/// Decodes Kafka's request log (`kafka.request.logger` at `DEBUG`) to `broker_requests`: JSON lines
/// (KIP-673) and the text before them.
///
/// The clock is `Realtime` when lines have a time with a zone, or no time at all, and `LocalTime` when
/// they have one without, as log4j's patterns print.
#[derive(Debug)]
pub struct RequestLogDecoder {
    lines: Lines,
    log: Log,
}

/// What goes from line to line.
#[derive(Debug)]
struct Log {
    rows: RequestRows,
    ledger: LossLedger,
    /// Whether the first line with a time has a zone.
    is_utc: Option<bool>,
    form: Option<Form>,
}

impl RequestLogDecoder {
    /// A decoder of one broker's log, of one or more files in the order they were written.
    pub fn new(source: SourceId) -> Self {
        Self {
            lines: Lines::new(MOST_LINE_BYTES),
            log: Log {
                rows: RequestRows::new(source),
                ledger: LossLedger::default(),
                is_utc: None,
                form: None,
            },
        }
    }
}

/// What an input is, from its first bytes, in words, if it is a request log.
pub fn recognise_request_log(head: &[u8]) -> Option<&'static str> {
    let head = head.get(..MOST_HEAD_BYTES).unwrap_or(head);
    head.split(|&byte| byte == b'\n').find_map(|line| {
        let line = String::from_utf8_lossy(line);
        line::split(&line).map(|(_, form, _)| format_name(form))
    })
}

fn format_name(form: Form) -> &'static str {
    match form {
        Form::Json => "Kafka request log, JSON",
        Form::Text => "Kafka request log, text",
    }
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
                .record(&REQUEST_LOG_BAD_LINE, position, || start_of(bytes));
            return Ok(());
        }
        let is_cut = extent == Extent::Cut;
        let text = String::from_utf8_lossy(bytes);
        let Some((prefix, form, body)) = line::split(&text) else {
            let kind = if is_cut {
                &REQUEST_LOG_CUT_LINE
            } else {
                &REQUEST_LOG_OTHER_LINE
            };
            self.ledger.record(kind, position, || start_of(bytes));
            return Ok(());
        };
        self.form.get_or_insert(form);
        // The numbers at the end of a text line may be cut; JSON tells its end.
        let request = match line::request(form, body) {
            Ok(request) if !(is_cut && form == Form::Text) => request,
            Err(error) if !is_cut => {
                self.ledger.record(&REQUEST_LOG_BAD_LINE, position, || {
                    format!("{error}: {}", start_of(bytes))
                });
                return Ok(());
            }
            _ => {
                self.ledger
                    .record(&REQUEST_LOG_CUT_LINE, position, || start_of(bytes));
                return Ok(());
            }
        };
        if request.connection.is_none() {
            self.ledger
                .record(&REQUEST_LOG_CONNECTION, position, || start_of(bytes));
        }
        let end_ns = self.time(position, prefix);
        self.rows.push(&request, end_ns, output)
    }

    fn time(&mut self, position: Position, prefix: &str) -> Option<i64> {
        let time = LineTime::from_prefix(prefix)?;
        if *self.is_utc.get_or_insert(time.is_utc) != time.is_utc {
            self.ledger
                .record(&REQUEST_LOG_TIME, position, || prefix.to_owned());
            return None;
        }
        Some(time.ns)
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
        log.rows.flush(output)?;
        let Some(form) = log.form else {
            return Err(self
                .lines
                .unrecognised("Kafka's request log (`Completed request:…`)"));
        };
        let clock = match log.is_utc {
            Some(false) => ClockKind::LocalTime,
            _ => ClockKind::Realtime,
        };
        Ok(Summary {
            format: format_name(form).to_owned(),
            clock,
            anchors: Vec::new(),
            losses: std::mem::take(&mut log.ledger).into_losses(),
            limits: Vec::new(),
        })
    }
}
