//! What is known of a source's clock before it is checked.

use kcorr_model::ClockConversion;

/// A source as the check needs to know it.
#[derive(Debug, Clone)]
pub(crate) struct ClockState {
    pub(crate) source_id: i64,
    /// The broker whose host it was recorded on.
    pub(crate) broker: Option<i32>,
    /// `bpf 2`, for people.
    pub(crate) name: String,
    /// The declared clock; `None` when nothing was declared.
    pub(crate) declared: Option<ClockConversion>,
    pub(crate) declared_uncertainty_ns: Option<i64>,
    pub(crate) declared_basis: String,
    pub(crate) is_guess: bool,
    pub(crate) rank: u8,
    /// What made the stored times of the source's clock.
    pub(crate) stored: ClockConversion,
    /// First and last of its stored times, if it has any.
    pub(crate) times: Option<(i64, i64)>,
}
