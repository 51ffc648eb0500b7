//! What `kcorr live` was told.

use kcorr_engine::GivenParameters;
use kcorr_live::{Keeping, MetricsOptions, ScheduleSettings};

/// How a broker is accounted for as it goes.
#[derive(Debug, Clone)]
pub(super) struct LiveSettings {
    pub(super) schedule: ScheduleSettings,
    pub(super) keeping: Keeping,
    pub(super) metrics: MetricsOptions,
    /// The objectives.
    pub(super) given: GivenParameters,
    /// Slow requests with one root that are an episode.
    pub(super) episode_requests: u64,
    /// Memory for the rows of an account.
    pub(super) memory_limit: Option<usize>,
    /// Bytes of what is recorded and has no account yet, of all sources together.
    pub(super) ring_bytes: u64,
}
