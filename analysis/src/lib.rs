//! What SQL cannot compute: it takes rows of canned queries, and gives rows of tables that further queries
//! read, or that a report shows.
//!
//! | room | what is in it |
//! |---|---|
//! | [`compare()`] | the latencies of several stores against each other |
//! | [`OverTime`] | windows of one broker over weeks, by the value of a setting |
//! | [`what_if`], [`gains`] | the latencies that shorter waits would have given |
//! | [`NullTest`] | how much would be blamed by chance |
//! | [`AblationTest`] | whether verdicts rest on what was not recorded |
//! | [`WakerAgreement`] | whether two recorders of lock waits name the same threads |

mod ablation_test;
mod blamed;
mod compare;
mod null_test;
mod over;
mod side_by_side;
mod waker_agreement;
mod whatif;

use kcorr_model::tables::{BROKER_REQUESTS, REQUESTS};
use kcorr_store::Store;

pub use ablation_test::AblationTest;
pub use compare::{COMPARE_QUERIES, CompareOptions, Comparison, Condition, compare};
pub use null_test::NullTest;
pub use over::{
    Counted, OverComparison, OverObjective, OverOptions, OverSeries, OverTime, OverWindow, UNKNOWN,
};
pub use waker_agreement::WakerAgreement;
pub use whatif::{
    Change, Prediction, REPRODUCED_WITHIN_NS, WHAT_IF_QUERIES, WaitKind, WhatIfOptions, gains,
    what_if,
};

/// The table that tells a store's requests: what was captured, or without a capture the broker's request log.
fn request_table(store: &Store) -> &'static str {
    match store.row_count(REQUESTS.name) {
        0 => BROKER_REQUESTS.name,
        _ => REQUESTS.name,
    }
}
