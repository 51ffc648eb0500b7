//! What could not be read: counted, located and explained, never dropped silently.

use std::collections::BTreeMap;
use std::fmt;

/// How much a loss matters to whoever reads the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Expected or harmless: nothing that a query counts is missing.
    Info,
    /// Some rows are missing or incomplete. The command ends with status 1.
    Warning,
    /// A large or unknown part of the input is missing. The command ends with status 1.
    Error,
}

impl Severity {
    /// The name used in the `losses` table.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A named kind of loss, declared as a `const` by the decoder that reports it.
#[derive(Debug, PartialEq, Eq)]
pub struct LossKind {
    /// Snake-case name, unique among all decoders, for example `pcap_truncated`.
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence: what happened, and what it means for the results.
    pub doc: &'static str,
}

/// Where in the input something was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Offset from the start of the (decompressed) input, in bytes.
    Byte(u64),
    /// Line number, from 1.
    Line(u64),
    /// Nowhere in particular, or the input's end.
    Whole,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Byte(offset) => write!(f, "byte {offset}"),
            Position::Line(line) => write!(f, "line {line}"),
            Position::Whole => f.write_str("the whole input"),
        }
    }
}

/// All losses of one kind in one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What was lost.
    pub kind: &'static LossKind,
    /// How often; for events that a recorder says it dropped, how many.
    pub count: u64,
    /// Where it was met first.
    pub first_position: Position,
    /// The source-clock times (ns) between which it fell, where known.
    pub time_range: Option<(i64, i64)>,
    /// What was found the first time, with the values that were expected.
    pub detail: String,
}

/// Collects losses while decoding: one entry a kind, so its size does not grow with the damage.
#[derive(Debug, Default)]
pub struct LossLedger {
    losses: BTreeMap<&'static str, Loss>,
}

impl LossLedger {
    /// Counts one loss. `detail` is called for the first of its kind only.
    pub fn record(
        &mut self,
        kind: &'static LossKind,
        position: Position,
        detail: impl FnOnce() -> String,
    ) {
        self.record_many(kind, 1, position, None, detail);
    }

    /// Counts `count` losses between two source-clock times.
    pub fn record_many(
        &mut self,
        kind: &'static LossKind,
        count: u64,
        position: Position,
        time_range: Option<(i64, i64)>,
        detail: impl FnOnce() -> String,
    ) {
        match self.losses.get_mut(kind.name) {
            Some(loss) => {
                loss.count = loss.count.saturating_add(count);
                loss.time_range = match (loss.time_range, time_range) {
                    (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                    (a, b) => a.or(b),
                };
            }
            None => {
                let loss = Loss {
                    kind,
                    count,
                    first_position: position,
                    time_range,
                    detail: detail(),
                };
                self.losses.insert(kind.name, loss);
            }
        }
    }

    /// The count recorded so far for a kind.
    pub fn count(&self, kind: &LossKind) -> u64 {
        self.losses.get(kind.name).map_or(0, |loss| loss.count)
    }

    /// All losses, by kind name.
    pub fn into_losses(self) -> Vec<Loss> {
        self.losses.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD_LINE: LossKind = LossKind {
        name: "bad_line",
        severity: Severity::Warning,
        doc: "",
    };

    #[test]
    fn a_kind_keeps_its_first_position_and_counts_the_rest() {
        let mut ledger = LossLedger::default();
        ledger.record(&BAD_LINE, Position::Line(7), || "first".into());
        ledger.record_many(&BAD_LINE, 5, Position::Line(9), Some((10, 20)), || {
            unreachable!("the detail of a later loss is not built")
        });
        let losses = ledger.into_losses();
        assert_eq!(losses.len(), 1);
        assert_eq!(losses[0].count, 6);
        assert_eq!(losses[0].first_position, Position::Line(7));
        assert_eq!(losses[0].time_range, Some((10, 20)));
        assert_eq!(losses[0].detail, "first");
    }
}
