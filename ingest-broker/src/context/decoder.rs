//! The decoder: lines to rows.

use std::borrow::Cow;

use kcorr_model::lines::{Extent, Line, Lines, start_of};
use kcorr_model::{ClockKind, Decoder, Error, LossLedger, Output, Position, SourceId, Summary};
use serde::Deserialize;

use super::losses::{CONTEXT_BAD_LINE, RECORDING_INCOMPLETE, RECORDING_PACKETS_DROPPED};
use super::rows::{ContextRows, Row};

/// Bytes of a line: a value of the kernel's is a page at most.
const MOST_LINE_BYTES: usize = 64 << 10;

/// Decodes the context that `kcorr record` writes, one JSON object a line:
///
/// ```text
/// {"context":"log_directory","of":"/data","name":"mount_options","value":"rw,data=ordered","time_ns":1795902218000000000}
/// ```
///
/// What the recorder says that it lost becomes losses.
pub struct ContextDecoder {
    lines: Lines,
    facts: Facts,
}

struct Facts {
    rows: ContextRows,
    ledger: LossLedger,
    found: bool,
}

/// A line.
#[derive(Debug, Deserialize)]
struct Fact<'a> {
    #[serde(borrow)]
    context: Cow<'a, str>,
    #[serde(borrow, default)]
    of: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
    time_ns: i64,
}

impl ContextDecoder {
    /// A decoder of one file.
    pub fn new(source: SourceId) -> Self {
        Self {
            lines: Lines::new(MOST_LINE_BYTES),
            facts: Facts {
                rows: ContextRows::new(source),
                ledger: LossLedger::default(),
                found: false,
            },
        }
    }

    fn end_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, facts } = self;
        lines.finish(&mut |line| facts.line(&line, output))
    }
}

/// What an input is, from its first bytes, in words, if it is a context.
pub fn recognise_context(head: &[u8]) -> Option<&'static str> {
    let start = head.trim_ascii_start();
    if !start.starts_with(b"{\"context\":") {
        return None;
    }
    let mut decoder = ContextDecoder::new(SourceId(0));
    let mut rows = Vec::new();
    // Rows are of no use here; an error cannot be.
    let _pushed = decoder.push(head, &mut rows);
    let _ended = decoder.end_file(&mut rows);
    decoder.facts.found.then_some("the context of kcorr record")
}

/// The number of the broker in a context, or in the beginning of one.
pub fn broker_in_context(text: &str) -> Option<i32> {
    let facts = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Fact<'_>>(line).ok());
    let of_broker: Vec<Fact<'_>> = facts.filter(|fact| fact.context == "broker").collect();
    let number = |name: &str| of_broker.iter().find(|fact| fact.name == name);
    let number = number("node.id").or_else(|| number("broker.id"))?;
    number.value.parse().ok().filter(|number| *number >= 0)
}

impl Facts {
    fn line(&mut self, line: &Line<'_>, output: &mut dyn Output) -> Result<(), Error> {
        let fact = match line.extent {
            Extent::Whole => serde_json::from_slice::<Fact<'_>>(line.bytes).ok(),
            Extent::Start | Extent::Cut => None,
        };
        let Some(fact) = fact else {
            self.ledger
                .record(&CONTEXT_BAD_LINE, line.position, || start_of(line.bytes));
            return Ok(());
        };
        self.found = true;
        if fact.context == "recording" {
            self.loss(&fact, line.position);
        }
        let row = Row {
            time_ns: fact.time_ns,
            kind: &fact.context,
            instance: fact.of.as_deref(),
            name: &fact.name,
            value: &fact.value,
        };
        self.rows.push(&row, output)
    }

    /// What a recorder says that it has not. What bpftrace lost stands among its events.
    fn loss(&mut self, fact: &Fact<'_>, position: Position) {
        let source = fact.of.as_deref().unwrap_or("the recording");
        let range = Some((fact.time_ns, fact.time_ns));
        match (&*fact.name, source) {
            ("lost", "packets") => {
                let count = fact.value.parse().unwrap_or(0);
                if count > 0 {
                    let detail = || "as tcpdump says at its end".to_owned();
                    self.ledger.record_many(
                        &RECORDING_PACKETS_DROPPED,
                        count,
                        position,
                        None,
                        detail,
                    );
                }
            }
            ("trouble" | "left_out", _) => {
                let detail = || format!("{source}: {}", fact.value);
                self.ledger
                    .record_many(&RECORDING_INCOMPLETE, 1, position, range, detail);
            }
            _ => {}
        }
    }
}

impl Decoder for ContextDecoder {
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, facts } = self;
        lines.push(bytes, &mut |line| facts.line(&line, output))
    }

    fn next_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.end_file(output)
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        self.end_file(output)?;
        let facts = &mut self.facts;
        if !facts.found {
            return Err(self.lines.unrecognised(
                "the context of kcorr record: one object a line with context, name, value and time_ns",
            ));
        }
        facts.rows.flush(output)?;
        Ok(Summary {
            format: "context of kcorr record".to_owned(),
            clock: ClockKind::Realtime,
            limits: Vec::new(),
            anchors: Vec::new(),
            losses: std::mem::take(&mut facts.ledger).into_losses(),
        })
    }
}
