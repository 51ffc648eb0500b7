//! The declared clock: what clock lines, formats and overlap tell, before the data are asked.
//!
//! A source whose clock is wall time needs nothing. Any other clock is tied to wall time by anchors:
//! instants that some recording saw on both clocks. The source's own anchors are taken if it has any,
//! else those of the other sources of the same broker that read the same clock (all recordings of a broker
//! are of one host). Local time is put where the other recordings are.

use kcorr_model::{ClockKind, Summary};
use kcorr_store::{Alignment, AnchorEntry};

use super::local_time::{self, Dates, Zones};

/// What is known of the other sources.
#[derive(Debug, Default)]
pub(crate) struct Others {
    /// Their anchors (and the source's own).
    pub(crate) anchors: Vec<AnchorEntry>,
    /// From the first to the last of their times, for those that are in wall time.
    pub(crate) time_range: Option<(i64, i64)>,
}

/// Aligns a source whose own times lie in `time_range`.
pub(crate) fn align(
    summary: &Summary,
    time_range: Option<(i64, i64)>,
    others: &Others,
) -> Alignment {
    let is_local = summary.clock == ClockKind::LocalTime;
    let dates = Dates::from_limits(&summary.limits);
    if is_local || summary.clock == ClockKind::Realtime && dates != Dates::Told {
        let zones = if is_local { Zones::Any } else { Zones::Told };
        return local_time::align(time_range, others.time_range, &dates, zones);
    }
    if summary.clock == ClockKind::Realtime {
        return Alignment {
            offset_ns: Some(0),
            uncertainty_ns: None,
            basis: "stamped with wall time".to_owned(),
        };
    }
    let own: Vec<AnchorEntry> = summary.anchors.iter().map(Into::into).collect();
    let own = offsets(summary.clock, &own);
    if !own.is_empty() {
        return from_offsets(own, "its own clock lines");
    }
    let of_others = offsets(summary.clock, &others.anchors);
    if !of_others.is_empty() {
        return from_offsets(of_others, "clock lines of other recordings");
    }
    Alignment {
        offset_ns: None,
        uncertainty_ns: None,
        basis: format!(
            "nothing ties its {} clock to wall time; times are left as recorded",
            summary.clock
        ),
    }
}

/// Offset to wall time and uncertainty of each anchor of a clock.
fn offsets(clock: ClockKind, anchors: &[AnchorEntry]) -> Vec<(i64, i64)> {
    let realtime = ClockKind::Realtime.name();
    anchors
        .iter()
        .filter_map(|anchor| {
            let offset = anchor.reference_ns.checked_sub(anchor.clock_ns)?;
            if anchor.clock == clock.name() && anchor.reference_clock == realtime {
                Some((offset, anchor.uncertainty_ns))
            } else if anchor.reference_clock == clock.name() && anchor.clock == realtime {
                Some((offset.checked_neg()?, anchor.uncertainty_ns))
            } else {
                None
            }
        })
        .collect()
}

/// The median offset, so that one late reading moves nothing; the spread tells of drift and steps.
fn from_offsets(mut offsets: Vec<(i64, i64)>, from: &str) -> Alignment {
    offsets.sort_unstable();
    let (median, uncertainty) = offsets[offsets.len() / 2];
    let spread = offsets
        .last()
        .map_or(0, |last| last.0.saturating_sub(offsets[0].0));
    Alignment {
        offset_ns: Some(median),
        uncertainty_ns: Some(uncertainty.max(spread)),
        basis: format!(
            "{} of {from}, which differ by {:.3} ms",
            offsets.len(),
            spread as f64 / 1e6
        ),
    }
}

#[cfg(test)]
mod tests {
    use kcorr_model::ClockAnchor;

    use super::*;

    fn summary(clock: ClockKind, anchors: Vec<ClockAnchor>) -> Summary {
        Summary {
            format: String::new(),
            clock,
            anchors,
            losses: Vec::new(),
            limits: Vec::new(),
        }
    }

    fn align_with(summary: &Summary, anchors: &[AnchorEntry]) -> Alignment {
        let others = Others {
            anchors: anchors.to_vec(),
            time_range: None,
        };
        align(summary, None, &others)
    }

    fn anchor(clock: ClockKind, time_ns: i64, reference_time_ns: i64) -> ClockAnchor {
        ClockAnchor {
            clock,
            time_ns,
            reference: ClockKind::Realtime,
            reference_time_ns,
            uncertainty_ns: 1_000,
        }
    }

    #[test]
    fn one_late_clock_line_moves_nothing() {
        let anchors = [(10, 1_010), (20, 1_020), (30, 900_000)]
            .map(|(time, wall)| anchor(ClockKind::Monotonic, time, wall));
        let alignment = align_with(&summary(ClockKind::Monotonic, anchors.to_vec()), &[]);
        assert_eq!(alignment.offset_ns, Some(1_000));
        assert_eq!(alignment.uncertainty_ns, Some(898_970));
    }

    #[test]
    fn a_source_without_clock_lines_takes_those_of_another() {
        let other = AnchorEntry::from(&anchor(ClockKind::Monotonic, 5, 105));
        let alignment = align_with(&summary(ClockKind::Monotonic, Vec::new()), &[other]);
        assert_eq!(alignment.offset_ns, Some(100));
    }

    #[test]
    fn an_anchor_of_another_clock_ties_nothing() {
        let other = AnchorEntry::from(&anchor(ClockKind::Boottime, 5, 105));
        let alignment = align_with(&summary(ClockKind::Monotonic, Vec::new()), &[other]);
        assert_eq!(alignment.offset_ns, None);
    }

    #[test]
    fn a_source_in_wall_time_stays_as_it_is() {
        let alignment = align_with(&summary(ClockKind::Realtime, Vec::new()), &[]);
        assert_eq!(alignment.offset_ns, Some(0));
    }
}
