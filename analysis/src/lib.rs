//! What SQL cannot compute: it takes rows of canned queries, and gives rows of tables that further queries
//! read, or that a report shows.
//!
//! | room | what is in it |
//! |---|---|
//! | [`compare()`] | the latencies of several stores against each other |
//! | [`what_if`], [`gains`] | the latencies that shorter waits would have given |
//! | [`NullTest`] | how much would be blamed by chance |
//! | [`AblationTest`] | whether verdicts rest on what was not recorded |
//! | [`WakerAgreement`] | whether two recorders of lock waits name the same threads |

mod ablation_test;
mod compare;
mod null_test;
mod waker_agreement;
mod whatif;

pub use ablation_test::AblationTest;
pub use compare::{COMPARE_QUERIES, CompareOptions, Comparison, Condition, compare};
pub use null_test::NullTest;
pub use waker_agreement::WakerAgreement;
pub use whatif::{
    Change, Prediction, REPRODUCED_WITHIN_NS, WHAT_IF_QUERIES, WaitKind, WhatIfOptions, gains,
    what_if,
};
