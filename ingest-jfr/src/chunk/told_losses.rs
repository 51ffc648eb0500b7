//! What a recorder itself says it lost, in events of its own.

use kcorr_model::{LossKind, Severity};

use crate::format::schema::Schema;
use crate::rows::fields::{EventPlan, OWN, Wanted};

/// The recorder says that it dropped data.
pub(crate) static DROPPED: LossKind = LossKind {
    name: "jfr_data_dropped",
    severity: Severity::Warning,
    doc: "The recorder says that it had to drop this many bytes of events (jdk.DataLoss).",
};

/// The sampler of CPU time says that it lost samples.
pub(crate) static SAMPLES_LOST: LossKind = LossKind {
    name: "jfr_cpu_time_samples_lost",
    severity: Severity::Warning,
    doc: "The sampler of CPU time says that it could not store this many samples (jdk.CPUTimeSamplesLost): threads computed longer than their samples add up to. A longer interval (jdk.CPUTimeSample#throttle) loses fewer.",
};

/// The slot of the amount.
pub(crate) const AMOUNT: u8 = OWN;

/// Events that tell of a loss, the field with its amount, what the amount counts, and the loss.
const TOLD: [(&str, &str, &str, &LossKind); 2] = [
    ("jdk.DataLoss", "amount", "bytes", &DROPPED),
    (
        "jdk.CPUTimeSamplesLost",
        "lostSamples",
        "samples",
        &SAMPLES_LOST,
    ),
];

/// How an event that tells of a loss is read.
#[derive(Debug)]
pub(crate) struct ToldLoss {
    pub(crate) type_id: i64,
    pub(crate) plan: EventPlan,
    pub(crate) event: &'static str,
    /// What is counted, in words.
    pub(crate) unit: &'static str,
    pub(crate) kind: &'static LossKind,
}

impl ToldLoss {
    /// Those that a chunk's schema declares.
    pub(crate) fn all(schema: &Schema, compressed: bool) -> Vec<Self> {
        let told = TOLD.iter().filter_map(|(event, field, unit, kind)| {
            let declared = schema.by_name(event)?;
            let wanted = [Wanted::value(field, AMOUNT)];
            let plan = EventPlan::compile(schema, declared, compressed, &wanted).ok()?;
            Some(Self {
                type_id: declared.id,
                plan,
                event,
                unit,
                kind,
            })
        });
        told.collect()
    }
}
