//! The engine: puts what the decoders yield into a store, aligns clocks, and answers SQL over it.
//!
//! It knows no recording format (it takes [`kcorr_model::Decoder`]s) and formats nothing for people
//! (it yields Arrow batches).
//!
//! | room | what is in it |
//! |---|---|
//! | [`ingest()`] | inputs → decoders → store |
//! | [`commit()`] | what is staged becomes part of the store, in one step |
//! | `clock` | a source's clock → wall time |
//! | `catalog`, `functions` | the store's tables, and functions, for SQL |
//! | [`NullTest`] | how much would be blamed by chance |
//! | [`AblationTest`] | whether verdicts rest on what was not recorded |
//! | [`Comparison`] | the latencies of several stores against each other |
//! | [`what_if`] | the latencies that shorter waits would have given |
//! | [`Session`] | SQL, canned queries and their parameters |

mod ablation_test;
mod catalog;
mod clock;
mod commit;
mod compare;
mod error;
mod functions;
mod ingest;
mod null_test;
mod query;
mod whatif;

pub use ablation_test::AblationTest;
pub use catalog::{Ablation, Shift, Taken};
pub use commit::{Committed, commit};
pub use compare::{COMPARE_QUERIES, CompareOptions, Comparison, Condition, compare};
pub use error::{Error, ErrorKind, Result};
pub use ingest::{Job, NotStored, Progress, ingest};
pub use kcorr_store::input::Stop;
pub use null_test::NullTest;
pub use query::{
    CannedQuery, Columns, FloatColumn, GivenParameters, Header, NumberColumn, OutputColumn,
    Parameter, PlannedQuery, QUERY_STACK_BYTES, Session, SessionOptions, Step, TextColumn,
    canned_queries, canned_query,
};
pub use whatif::{
    Change, Prediction, REPRODUCED_WITHIN_NS, WHAT_IF_QUERIES, WaitKind, WhatIfOptions, gains,
    what_if,
};
