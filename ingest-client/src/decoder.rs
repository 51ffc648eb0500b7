//! The decoder: lines to rows.

use kcorr_model::lines::{Extent, Line, Lines, start_of};
use kcorr_model::{ClockKind, Decoder, Error, LossLedger, Output, SourceId, Summary};

use crate::losses::{CLIENT_MESSAGE_BAD_LINE, CLIENT_MESSAGE_TIMES};
use crate::message::ClientMessage;
use crate::rows::MessageRows;

/// Bytes of a line; names and errors make a few hundred.
const MOST_LINE_BYTES: usize = 16 << 10;

/// Decodes what a client saw of its messages, one JSON object a line.
#[derive(Debug)]
pub struct ClientMessagesDecoder {
    lines: Lines,
    messages: Messages,
}

#[derive(Debug)]
struct Messages {
    rows: MessageRows,
    ledger: LossLedger,
    found: bool,
}

impl ClientMessagesDecoder {
    /// A decoder of one file.
    pub fn new(source: SourceId) -> Self {
        Self {
            lines: Lines::new(MOST_LINE_BYTES),
            messages: Messages {
                rows: MessageRows::new(source),
                ledger: LossLedger::default(),
                found: false,
            },
        }
    }

    fn end_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, messages } = self;
        lines.finish(&mut |line| messages.line(&line, output))
    }
}

/// What an input is, from its first bytes, in words, if it has messages of a client.
pub fn recognise_client_messages(head: &[u8]) -> Option<&'static str> {
    let start = head.trim_ascii_start();
    if !start.starts_with(b"{\"client_message\":") {
        return None;
    }
    let mut decoder = ClientMessagesDecoder::new(SourceId(0));
    let mut rows = Vec::new();
    // Rows are of no use here; an error cannot be.
    let _pushed = decoder.push(head, &mut rows);
    let _ended = decoder.end_file(&mut rows);
    decoder.messages.found.then_some("messages of a client")
}

impl Messages {
    fn line(&mut self, line: &Line<'_>, output: &mut dyn Output) -> Result<(), Error> {
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
        self.found = true;
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
        if !messages.found {
            return Err(self.lines.unrecognised(
                "messages of a client: one object a line, which begins with client_message",
            ));
        }
        messages.rows.flush(output)?;
        Ok(Summary {
            format: "messages of a client".to_owned(),
            clock: ClockKind::Realtime,
            limits: Vec::new(),
            anchors: Vec::new(),
            losses: std::mem::take(&mut messages.ledger).into_losses(),
        })
    }
}
