//! A tie: what one pair of rows says of the clocks of their two sources.

/// Two rows of different sources that are, or may be, of one event. Causality bounds (a request
/// arrives before its write starts; the write ends before its response leaves) and coincidences (one
/// monitor wait seen twice, give or take) have the same form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tie {
    /// When it was, on the clock that is to be moved.
    pub(super) time_ns: i64,
    /// At least this must be added to that clock to be in the other's time,
    pub(super) lower_ns: i64,
    /// and at most this.
    pub(super) upper_ns: i64,
}

impl Tie {
    /// The bounds that are left when a drift, counted from a time, is taken away.
    pub(super) fn without(&self, drift_ppb: i64, from_ns: i64) -> (i64, i64) {
        let drift = drift_ns(drift_ppb, self.time_ns, from_ns);
        (
            self.lower_ns.saturating_sub(drift),
            self.upper_ns.saturating_sub(drift),
        )
    }
}

/// What a drift amounts to at a time.
pub(super) fn drift_ns(drift_ppb: i64, time_ns: i64, from_ns: i64) -> i64 {
    let span = i128::from(time_ns) - i128::from(from_ns);
    saturated((span * i128::from(drift_ppb)).div_euclid(1_000_000_000))
}

pub(super) fn saturated(value: i128) -> i64 {
    let bound = if value < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(value).unwrap_or(bound)
}
