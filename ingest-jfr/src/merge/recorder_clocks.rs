//! What the chunks say of their recorders' clocks: anchors, and how far ticks and wall clock drift apart.

use kcorr_model::{ClockAnchor, ClockKind};

use crate::message::{ChunkStart, Ticks};

/// Anchors kept of a recording: enough to see drift, not as many as a day has chunks.
const MAX_ANCHORS: usize = 256;
/// The wall anchor of async-profiler and of the JDK is taken within µs of the ticks.
const ANCHOR_UNCERTAINTY_NS: i64 = 10_000;

/// The clocks of the chunks so far.
#[derive(Debug, Default)]
pub(super) struct RecorderClocks {
    anchors: Vec<ClockAnchor>,
    last_chunk: Option<(Ticks, u16, i64, i64, i64)>,
    drift_ns: i64,
}

impl RecorderClocks {
    pub(super) fn start_chunk(&mut self, start: &ChunkStart) {
        let header = &start.header;
        let clock = match start.ticks {
            Ticks::Monotonic => Some(ClockKind::Monotonic),
            Ticks::JvmUptime => Some(ClockKind::JvmUptime),
            Ticks::Counter => None,
        };
        if let Some(clock) = clock.filter(|_| self.anchors.len() < MAX_ANCHORS) {
            self.anchors.push(ClockAnchor {
                clock,
                time_ns: header.start_ticks,
                reference: ClockKind::Realtime,
                reference_time_ns: header.start_nanos,
                uncertainty_ns: ANCHOR_UNCERTAINTY_NS,
            });
        }
        self.note_drift(start);
    }

    /// Between two chunks of one recorder the ticks and the wall clock should advance alike; what
    /// they do not is how far times near the chunks' border may be wrong.
    fn note_drift(&mut self, start: &ChunkStart) {
        let header = &start.header;
        let frequency = header.ticks_per_second;
        let now = (
            start.ticks,
            header.minor,
            frequency,
            header.start_ticks,
            header.start_nanos,
        );
        if let Some((ticks, minor, last_frequency, last_ticks, last_nanos)) = self.last_chunk {
            let is_same = (ticks, minor) == (start.ticks, header.minor);
            // A counter's frequency is estimated anew for every chunk.
            let is_close = (last_frequency - frequency).abs() <= frequency / 100;
            if is_same && is_close && header.start_ticks > last_ticks {
                let span = i128::from(header.start_ticks) - i128::from(last_ticks);
                let by_ticks = span * 1_000_000_000 / i128::from(last_frequency);
                let by_wall = i128::from(header.start_nanos) - i128::from(last_nanos);
                let drift = i64::try_from(by_wall - by_ticks).unwrap_or(i64::MAX);
                if drift.saturating_abs() > self.drift_ns.saturating_abs() {
                    self.drift_ns = drift;
                }
            }
        }
        self.last_chunk = Some(now);
    }

    /// How far the wall clock went further than the ticks between two chunks, where it did most, ns.
    pub(super) fn drift_ns(&self) -> i64 {
        self.drift_ns
    }

    pub(super) fn take_anchors(&mut self) -> Vec<ClockAnchor> {
        std::mem::take(&mut self.anchors)
    }
}
