//! The decoder: lines to rows.

use kcorr_model::lines::{Extent, Line, Lines, start_of};
use kcorr_model::{ClockKind, Decoder, Error, LossLedger, Output, SourceId, Summary};

use crate::losses::{CLIENT_MESSAGE_BAD_LINE, CLIENT_MESSAGE_TIMES, CLIENT_STATISTICS_BAD_LINE};
use crate::message::ClientMessage;
use crate::metric_rows::MetricRows;
use crate::rows::MessageRows;
use crate::statistics::{self, Statistics};

/// Bytes of a line: of a message a few hundred, of statistics a few hundred for each partition.
const MOST_LINE_BYTES: usize = 8 << 20;

/// Decodes what a client saw of its messages, and librdkafka's statistics of it, one JSON object a line.
#[derive(Debug)]
pub struct ClientMessagesDecoder {
    lines: Lines,
    messages: Messages,
}

#[derive(Debug)]
struct Messages {
    rows: MessageRows,
    metrics: MetricRows,
    /// Whether any line was a message; and any statistics.
    has_messages: bool,
    has_statistics: bool,
    ledger: LossLedger,
}

impl ClientMessagesDecoder {
    /// A decoder of one file.
    pub fn new(source: SourceId) -> Self {
        Self {
            lines: Lines::new(MOST_LINE_BYTES),
            messages: Messages {
                rows: MessageRows::new(source),
                metrics: MetricRows::new(source),
                has_messages: false,
                has_statistics: false,
                ledger: LossLedger::default(),
            },
        }
    }

    fn end_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, messages } = self;
        lines.finish(&mut |line| messages.line(&line, output))
    }
}

/// What an input is, from its first bytes, in words, if it has messages or statistics of a client.
pub fn recognise_client_messages(head: &[u8]) -> Option<&'static str> {
    let start = head.trim_ascii_start();
    let line = start
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    if statistics::begin(line).is_some() && statistics::is_whole_head(line) {
        return Some(STATISTICS);
    }
    if !start.starts_with(b"{\"client_message\":") {
        return None;
    }
    let mut decoder = ClientMessagesDecoder::new(SourceId(0));
    let mut rows = Vec::new();
    // Rows are of no use here; an error cannot be.
    let _pushed = decoder.push(head, &mut rows);
    let _ended = decoder.end_file(&mut rows);
    decoder.messages.has_messages.then_some(MESSAGES)
}

const MESSAGES: &str = "messages of a client";
const STATISTICS: &str = "statistics of librdkafka";

impl Messages {
    fn statistics(
        &mut self,
        line: &Line<'_>,
        begin: usize,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let object = line.bytes.get(begin..).unwrap_or_default();
        let read = match line.extent {
            // What a log writes behind it is not looked at.
            Extent::Whole => serde_json::Deserializer::from_slice(object)
                .into_iter::<Statistics<'_>>()
                .next()
                .and_then(Result::ok),
            Extent::Start | Extent::Cut => None,
        };
        let Some(statistics) = read else {
            self.ledger
                .record(&CLIENT_STATISTICS_BAD_LINE, line.position, || {
                    start_of(line.bytes)
                });
            return Ok(());
        };
        self.has_statistics = true;
        self.metrics.push(&statistics, output)
    }

    fn line(&mut self, line: &Line<'_>, output: &mut dyn Output) -> Result<(), Error> {
        let is_message = line
            .bytes
            .trim_ascii_start()
            .starts_with(b"{\"client_message\":");
        if let Some(begin) = statistics::begin(line.bytes).filter(|_| !is_message) {
            return self.statistics(line, begin, output);
        }
        let named = b"client_message\":";
        let names_message = || line.bytes.windows(named.len()).any(|it| it == named);
        if self.has_statistics && !is_message && !names_message() {
            // A log has other lines, too; of what is cut nobody knows what it was.
            if !matches!(line.extent, Extent::Whole) {
                self.ledger
                    .record(&CLIENT_STATISTICS_BAD_LINE, line.position, || {
                        start_of(line.bytes)
                    });
            }
            return Ok(());
        }
        let message = match line.extent {
            Extent::Whole => serde_json::from_slice::<ClientMessage<'_>>(line.bytes).ok(),
            Extent::Start | Extent::Cut => None,
        };
        let Some(message) = message else {
            self.ledger
                .record(&CLIENT_MESSAGE_BAD_LINE, line.position, || {
                    start_of(line.bytes)
                });
            return Ok(());
        };
        self.has_messages = true;
        if let Some(name) = message.contradiction() {
            self.ledger
                .record(&CLIENT_MESSAGE_TIMES, line.position, || {
                    format!(
                        "{name} of message {} is too early: {}",
                        message.id,
                        start_of(line.bytes)
                    )
                });
            return Ok(());
        }
        self.rows.push(&message, output)
    }
}

impl Decoder for ClientMessagesDecoder {
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, messages } = self;
        lines.push(bytes, &mut |line| messages.line(&line, output))
    }

    fn next_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.end_file(output)
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        self.end_file(output)?;
        let messages = &mut self.messages;
        if !messages.has_messages && !messages.has_statistics {
            return Err(self.lines.unrecognised(
                "messages of a client (one object a line, which begins with client_message) or statistics of librdkafka",
            ));
        }
        messages.rows.flush(output)?;
        messages.metrics.flush(output)?;
        let format = match (messages.has_messages, messages.has_statistics) {
            (true, true) => "messages of a client, and statistics of librdkafka",
            (false, true) => STATISTICS,
            _ => MESSAGES,
        };
        Ok(Summary {
            format: format.to_owned(),
            clock: ClockKind::Realtime,
            limits: Vec::new(),
            anchors: Vec::new(),
            losses: std::mem::take(&mut messages.ledger).into_losses(),
        })
    }
}
