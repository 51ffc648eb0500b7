//! What is said of a source's clock, as a word and as a sentence.

use std::collections::BTreeMap;

use super::estimate::{Estimate, Outcome};
use super::graph::Resolved;
use super::state::ClockState;

/// What the data say of a declared clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Reference,
    Agrees,
    Refined,
    Contradicts,
    Stepped,
    Ambiguous,
    Untied,
}

impl Verdict {
    pub(super) fn of(
        source: &ClockState,
        to: &Resolved,
        outcomes: &BTreeMap<(i64, i64), Outcome>,
    ) -> Self {
        let own = || {
            outcomes
                .iter()
                .filter(|((a, b), _)| *a == source.source_id || *b == source.source_id)
        };
        if to.reference_id == Some(source.source_id) {
            return Self::Reference;
        }
        if to.reference_id.is_none() {
            let is_ambiguous = own().any(|(_, found)| matches!(found, Outcome::Ambiguous { .. }));
            return if is_ambiguous {
                Self::Ambiguous
            } else {
                Self::Untied
            };
        }
        // Of two clocks one was set: the one that shows it against more others.
        let steps = |source_id: i64| {
            let stepped = outcomes.iter().filter(|(_, found)| is_stepped(found));
            stepped
                .filter(|((a, b), _)| *a == source_id || *b == source_id)
                .count()
        };
        let is_stepped = own()
            .filter(|(_, found)| is_stepped(found))
            .any(|((a, b), _)| {
                let other = if *a == source.source_id { *b } else { *a };
                steps(source.source_id) >= steps(other)
            });
        if is_stepped {
            return Self::Stepped;
        }
        match (to.is_declared, source.declared, source.is_guess) {
            (true, ..) => Self::Agrees,
            (false, Some(_), false) => Self::Contradicts,
            _ => Self::Refined,
        }
    }

    /// The name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Agrees => "agrees",
            Self::Refined => "refined",
            Self::Contradicts => "contradicts",
            Self::Stepped => "stepped",
            Self::Ambiguous => "ambiguous",
            Self::Untied => "untied",
        }
    }
}

fn is_stepped(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Found(Estimate { step: Some(_), .. }))
}

/// The verdict in words.
pub(super) fn detail(
    verdict: Verdict,
    source: &ClockState,
    to: &Resolved,
    refined_ns: Option<i64>,
    sources: &[ClockState],
    outcomes: &BTreeMap<(i64, i64), Outcome>,
) -> String {
    let name_of = |id: i64| {
        let other = sources.iter().find(|other| other.source_id == id);
        other.map_or_else(|| id.to_string(), |other| other.name.clone())
    };
    let reference = to.reference_id.map(name_of).unwrap_or_default();
    let found = outcomes.iter().filter_map(|(&(a, b), outcome)| {
        let other = if a == source.source_id {
            b
        } else if b == source.source_id {
            a
        } else {
            return None;
        };
        Some((other, outcome))
    });
    let within = to
        .uncertainty_ns
        .map_or_else(String::new, |ns| format!(" to within {}", milliseconds(ns)));
    let mut ties = Vec::new();
    let mut steps = Vec::new();
    for (other, outcome) in found {
        let other = name_of(other);
        match outcome {
            Outcome::Found(estimate) => {
                ties.push(format!(
                    "{} ties with {other} agree, at most {} on anything else",
                    estimate.agreeing, estimate.runner_up
                ));
                if let Some(step) = estimate.step {
                    steps.push(format!(
                        "one of it and {other} was set by {} while recorded",
                        milliseconds(step.by_ns)
                    ));
                }
            }
            Outcome::Ambiguous {
                agreeing,
                runner_up,
            } => ties.push(format!(
                "{agreeing} ties with {other} agree, but {runner_up} on another offset"
            )),
            Outcome::Nothing => {}
        }
    }
    let ties = ties.join("; ");
    match verdict {
        Verdict::Reference => format!("its clock is taken for wall time; {ties}"),
        Verdict::Agrees => {
            format!("its clock agrees{within} with that of {reference}; {ties}")
        }
        Verdict::Refined => format!(
            "from the data, because {}: its times agree{within} with those of {reference}; {ties}",
            if source.declared.is_none() {
                "nothing else tells"
            } else {
                "what was declared is a guess"
            }
        ),
        Verdict::Contradicts => format!(
            "the data contradict its clock and are used: its times were {}{}, and now agree{within} with those of {reference}; {ties}",
            ahead(refined_ns),
            drifting(to.conversion.drift_ppb),
        ),
        Verdict::Stepped => format!("{}; {ties}", steps.join("; ")),
        Verdict::Ambiguous => format!("not checked: {ties}"),
        Verdict::Untied if source.times.is_none() => {
            "its rows have no times that could be compared with another recording's".to_owned()
        }
        Verdict::Untied => "nothing in the data ties it to another recording".to_owned(),
    }
}

/// How far off times were that something had to be added to.
fn ahead(refined_ns: Option<i64>) -> String {
    let ns = refined_ns.unwrap_or(0);
    let way = if ns < 0 { "ahead" } else { "behind" };
    format!("{} {way}", milliseconds(ns.saturating_abs()))
}

fn drifting(drift_ppb: i64) -> String {
    if drift_ppb == 0 {
        return String::new();
    }
    let way = if drift_ppb < 0 { "fast" } else { "slow" };
    let ppm = drift_ppb.unsigned_abs() as f64 / 1e3;
    format!(", and {ppm:.1} ppm {way}")
}

/// Nanoseconds in the unit that people compare latencies in.
fn milliseconds(ns: i64) -> String {
    let text = format!("{:.3}", ns as f64 / 1e6);
    format!("{text} ms")
}
