//! What is to be done to the stored times of a source, and what is then said of its clock.

use kcorr_model::ClockConversion;

use crate::source_entry::{ClockCheckEntry, ClockFitEntry, SourceEntry};

/// What the check of all clocks says of a source.
#[derive(Debug, Clone)]
pub struct ClockMove {
    /// To be done to its stored times.
    pub conversion: ClockConversion,
    /// From its clock to wall time from then on; `None` when nothing ties it to wall time.
    pub clock: Option<ClockConversion>,
    /// What is left in doubt, ns.
    pub uncertainty_ns: Option<i64>,
    /// What the clock rests on from then on, in words.
    pub basis: String,
    /// What is said of the clock.
    pub fit: ClockFitEntry,
    /// How well its rows fit those of other sources.
    pub checks: Vec<ClockCheckEntry>,
}

impl ClockMove {
    /// Puts what is said into the source's entry.
    pub(crate) fn note(&self, source: &mut SourceEntry) {
        let clock = self.clock.unwrap_or_default();
        source.clock_offset_ns = self.clock.map(|clock| clock.offset_ns);
        source.clock_drift_ppb = clock.drift_ppb;
        source.clock_drift_from_ns = clock.drift_from_ns;
        source.clock_uncertainty_ns = self.uncertainty_ns;
        source.clock_basis.clone_from(&self.basis);
        source.clock_fit = Some(self.fit.clone());
        source.clock_checks.clone_from(&self.checks);
    }
}
