//! What is to be recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::probe::{PROBES, Probe};

/// The ring's usual size: a second of 16,000 standing threads.
const RING_BYTES: u32 = 8 << 20;

/// What to record of which process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The process by the number that this process sees, so of its PID namespace; 0 is every process but this one.
    pub pid: u32,
    /// What to record, and how long an event is at least. Never of this process itself, but for what the kernel
    /// does for all.
    pub thresholds: BTreeMap<Probe, Duration>,
    /// Bytes between the kernel and this process; a power of two of whole pages. What finds no room is lost and
    /// counted.
    pub ring_bytes: u32,
}

impl Settings {
    /// Everything of a process, with the usual thresholds.
    pub fn of_process(pid: u32) -> Self {
        Self::of_probes(pid, PROBES)
    }

    /// Some probes, with their usual thresholds.
    pub fn of_probes(pid: u32, probes: impl IntoIterator<Item = Probe>) -> Self {
        let probes = probes.into_iter();
        Self {
            pid,
            thresholds: probes
                .map(|probe| (probe, probe.usual_threshold()))
                .collect(),
            ring_bytes: RING_BYTES,
        }
    }

    /// The same with another threshold of a probe, which is recorded from now on if it was not.
    #[must_use]
    pub fn with_threshold(mut self, probe: Probe, threshold: Duration) -> Self {
        self.thresholds.insert(probe, threshold);
        self
    }

    /// A probe's threshold in ns, or 0 where it is not recorded.
    pub(crate) fn threshold_ns(&self, probe: Probe) -> u64 {
        let threshold = self.thresholds.get(&probe).copied().unwrap_or_default();
        u64::try_from(threshold.as_nanos()).unwrap_or(u64::MAX)
    }
}
