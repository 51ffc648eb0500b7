//! What the manifest says of a source: where it came from, its clock, losses and limits, its files.

use kcorr_model::{ClockAnchor, ClockConversion, Limit, Loss, SourceId};
use serde::{Deserialize, Serialize};

use crate::file_entry::FileEntry;

/// A source and its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SourceEntry {
    /// Its number.
    pub source_id: i64,
    /// The flag it was given with: `pcap`, `bpf`, `jfr`, …
    pub kind: String,
    /// Absolute paths of its files, in order; `-` for standard input.
    pub paths: Vec<String>,
    /// The broker that it is a recording of, by its number (`node.id`); `None` when nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<i32>,
    /// The recognised format.
    pub format: String,
    /// Bytes of the input as it was read.
    pub size_bytes: u64,
    /// Hash of all these bytes.
    pub content_hash: String,
    /// Hash of the first bytes, by which a cut or grown copy is suspected.
    #[serde(default)]
    pub head_hash: Option<String>,
    /// The clock that stamped it.
    pub clock: String,
    /// What was added to its clock; `None` when nothing ties it to wall time.
    pub clock_offset_ns: Option<i64>,
    /// How much the offset is in doubt, ns.
    pub clock_uncertainty_ns: Option<i64>,
    /// What the clock rests on, in words.
    pub clock_basis: String,
    /// How much faster wall time is than its clock, parts in 10⁹.
    #[serde(default)]
    pub clock_drift_ppb: i64,
    /// Reading of the source's clock at which the drift adds nothing.
    #[serde(default)]
    pub clock_drift_from_ns: i64,
    /// What the data say of the clock; `None` before the first check.
    #[serde(default)]
    pub clock_fit: Option<ClockFitEntry>,
    /// How well its rows fit those of other sources.
    #[serde(default)]
    pub clock_checks: Vec<ClockCheckEntry>,
    /// Its first time, wall time in ns since 1970.
    pub first_time_ns: Option<i64>,
    /// Its last time.
    pub last_time_ns: Option<i64>,
    /// Instants seen on two clocks.
    pub anchors: Vec<AnchorEntry>,
    /// What was lost.
    pub losses: Vec<LossEntry>,
    /// What the recording cannot hold.
    pub limits: Vec<LimitEntry>,
    /// Files with its rows alone.
    pub files: Vec<FileEntry>,
}

/// A clock anchor, as in the `clock_anchors` table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AnchorEntry {
    /// One clock.
    pub clock: String,
    /// The instant on that clock, ns.
    pub clock_ns: i64,
    /// The other clock.
    pub reference_clock: String,
    /// The instant on the other clock, ns.
    pub reference_ns: i64,
    /// How far apart the two readings may be, ns.
    pub uncertainty_ns: i64,
}

/// What became of a source's clock, as in the `clock_fits` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFitEntry {
    /// The offset that the recording declares, ns.
    pub declared_offset_ns: Option<i64>,
    /// How much that is in doubt, ns.
    pub declared_uncertainty_ns: Option<i64>,
    /// What it rests on, in words.
    pub declared_basis: String,
    /// What the data add to it in the middle of the recording, ns.
    pub refined_ns: Option<i64>,
    /// The drift that was found, parts in 10⁹.
    pub drift_ppb: i64,
    /// What is left in doubt, ns.
    pub uncertainty_ns: Option<i64>,
    /// The source whose clock is taken for wall time.
    pub reference_source_id: Option<i64>,
    /// `agrees`, `contradicts`, `untied`, …
    pub verdict: String,
    /// The same in words.
    pub detail: String,
}

/// How well one kind of tie to another source fits, as in the `clock_checks` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockCheckEntry {
    /// The source it is compared with.
    pub other_source_id: i64,
    /// What ties the rows, as `clock_ties` names it.
    pub kind: String,
    /// Pairs of rows that may be of one event.
    pub candidate_count: u64,
    /// Those that are near each other once aligned.
    pub observation_count: u64,
    /// Those that agree with the clocks.
    pub agreeing_count: u64,
    /// What most of them agree on, ns; 0 is perfect.
    pub difference_ns: Option<i64>,
    /// What is left in doubt, ns.
    pub uncertainty_ns: Option<i64>,
    /// Median distance from that, ns.
    pub residual_p50_ns: Option<i64>,
    /// 99th percentile of the distance, ns.
    pub residual_p99_ns: Option<i64>,
}

/// A loss, as in the `losses` table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LossEntry {
    /// What kind of thing is lost.
    pub kind: String,
    /// How bad it is.
    pub severity: String,
    /// How many.
    pub count: u64,
    /// Where the first is in the input.
    pub first_position: String,
    /// Wall time once the source is aligned.
    pub time_range_ns: Option<(i64, i64)>,
    /// The first in words.
    pub detail: String,
    /// What this kind of loss means.
    pub meaning: String,
}

/// A limit, as in the `limits` table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LimitEntry {
    /// What is limited.
    pub name: String,
    /// The limit, in the unit of its name.
    pub value: i64,
    /// What follows from it.
    pub detail: String,
}

impl From<&ClockAnchor> for AnchorEntry {
    fn from(anchor: &ClockAnchor) -> Self {
        Self {
            clock: anchor.clock.to_string(),
            clock_ns: anchor.time_ns,
            reference_clock: anchor.reference.to_string(),
            reference_ns: anchor.reference_time_ns,
            uncertainty_ns: anchor.uncertainty_ns,
        }
    }
}

impl From<&Loss> for LossEntry {
    fn from(loss: &Loss) -> Self {
        Self {
            kind: loss.kind.name.to_owned(),
            severity: loss.kind.severity.name().to_owned(),
            count: loss.count,
            first_position: loss.first_position.to_string(),
            time_range_ns: loss.time_range,
            detail: loss.detail.clone(),
            meaning: loss.kind.doc.to_owned(),
        }
    }
}

impl From<&Limit> for LimitEntry {
    fn from(limit: &Limit) -> Self {
        Self {
            name: limit.name.clone(),
            value: limit.value,
            detail: limit.detail.clone(),
        }
    }
}

impl SourceEntry {
    /// The source's number.
    pub fn id(&self) -> SourceId {
        SourceId(self.source_id)
    }

    /// Whether it may be a recording of a broker: it is, or of one of the two nothing tells.
    pub fn may_be_of(&self, broker: Option<i32>) -> bool {
        self.broker == broker || self.broker.is_none() || broker.is_none()
    }

    /// From the source's clock to the times that are stored.
    pub fn conversion(&self) -> ClockConversion {
        ClockConversion {
            offset_ns: self.clock_offset_ns.unwrap_or(0),
            drift_ppb: self.clock_drift_ppb,
            drift_from_ns: self.clock_drift_from_ns,
        }
    }

    /// What the clock was declared to be, before the data were asked: offset, uncertainty, basis.
    pub fn declared(&self) -> (Option<i64>, Option<i64>, &str) {
        match &self.clock_fit {
            Some(fit) => (
                fit.declared_offset_ns,
                fit.declared_uncertainty_ns,
                &fit.declared_basis,
            ),
            None => (
                self.clock_offset_ns,
                self.clock_uncertainty_ns,
                &self.clock_basis,
            ),
        }
    }

    /// Losses that the user should know of.
    pub fn loss_count(&self) -> u64 {
        let serious = self.losses.iter().filter(|loss| loss.severity != "info");
        serious.map(|loss| loss.count).sum()
    }
}

/// A source that a test fills in.
#[cfg(test)]
pub(crate) fn test_source(source_id: i64) -> SourceEntry {
    let text = format!(
        r#"{{"source_id": {source_id}, "kind": "pcap", "paths": [], "format": "pcap", "size_bytes": 0,
        "content_hash": "", "clock": "realtime", "clock_offset_ns": 0, "clock_uncertainty_ns": 0,
        "clock_basis": "", "first_time_ns": null, "last_time_ns": null, "anchors": [], "losses": [],
        "limits": [], "files": []}}"#
    );
    serde_json::from_str(&text).expect("an entry")
}
