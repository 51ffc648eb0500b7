//! What the pages of `kcorr live` show.

use std::time::{SystemTime, UNIX_EPOCH};

use kcorr_live::{Feed, Metrics, Standing};

/// What the pages show.
pub(super) struct Shown {
    pub(super) feed: Feed,
    pub(super) metrics: Metrics,
    pub(super) standing: Standing,
}

/// Now, in ns since 1970.
pub(super) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(i64::MAX)
}
