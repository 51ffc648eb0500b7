//! Scores kcorr's answers: against the truth of a scenario, or against a broker's own request log.

mod answers;
mod print;
mod request_log;
mod score;

use std::path::Path;

pub use answers::{Answer, BlameRow, Key, Segment, SegmentRow, WriteRow, answers};
pub use request_log::{Agreement, Measured, agreement};
pub use score::{Score, Scorer, Share, by_id};

use crate::account::Truth;

/// Files to compare.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    /// What `kcorr query blame --format json` printed.
    pub blame: &'a Path,
    /// What `kcorr query request_segments --format json` printed.
    pub segments: &'a Path,
    /// What `kcorr query root_writes --format json` printed.
    pub writes: Option<&'a Path>,
}

impl Files<'_> {
    fn answers(&self) -> anyhow::Result<std::collections::HashMap<Key, Answer>> {
        answers(answers::rows(self.blame)?, answers::rows(self.segments)?)
    }

    /// Scores them against `truth.jsonl`.
    pub fn score(&self, truth: &Path, tolerance_ms: f64, slo_ms: f64) -> anyhow::Result<Score> {
        let mut truths: Vec<Truth> = answers::rows(truth)?;
        let slo_ns = (slo_ms * 1e6) as i64;
        for truth in &mut truths {
            truth.slow &= truth.latency_ns - truth.requested_wait_ns >= slo_ns;
        }
        let writes = match self.writes {
            Some(path) => by_id(answers::rows(path)?)?,
            None => std::collections::HashMap::new(),
        };
        let scorer = Scorer {
            tolerance_ns: (tolerance_ms * 1e6) as i64,
            slo_ns,
            writes,
        };
        Ok(scorer.score(&truths, &self.answers()?))
    }

    /// Compares them with a request log.
    pub fn agreement(&self, request_log: &Path) -> anyhow::Result<Agreement> {
        Ok(agreement(
            &request_log::read(request_log)?,
            &self.answers()?,
        ))
    }
}
