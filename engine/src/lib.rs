//! The engine: keeps what the decoders yield in a store, aligns clocks, and answers SQL over it.
//!
//! It knows no recording format (it takes [`kcorr_model::Decoder`]s) and formats nothing for people
//! (it yields Arrow batches).
//!
//! | room | what is in it |
//! |---|---|
//! | [`store`](Store) | the folder of Parquet files, and its one writer |
//! | [`ingest()`] | inputs → decoders → store |
//! | `clock` | a source's clock → wall time |
//! | `catalog`, `functions` | the store's tables, and functions, for SQL |
//! | `interval_join` | joins of rows that overlap in time, as one operator |
//! | [`NullTest`] | how much would be blamed by chance |
//! | [`AblationTest`] | whether verdicts rest on what was not recorded |
//! | [`Comparison`] | the latencies of several stores against each other |
//! | [`what_if`] | the latencies that shorter waits would have given |
//! | [`Session`] | SQL, canned queries and their parameters |

mod ablation_test;
mod catalog;
mod clock;
mod compare;
mod error;
mod functions;
mod ingest;
mod input;
mod interval_join;
mod null_test;
mod query;
mod store;
mod whatif;

pub use ablation_test::AblationTest;
pub use catalog::{Ablation, Shift, Taken};
pub use compare::{COMPARE_QUERIES, CompareOptions, Comparison, Condition, compare};
pub use error::{Error, ErrorKind, Result};
pub use ingest::{Job, NotStored, Progress, ingest};
pub use input::{beginning, head};
pub use interval_join::{
    Bound, BuildMode, IntervalCondition, IntervalJoin, IntervalJoinExec, IntervalJoinRule,
    UnspilledRepartitionPool,
};
pub use null_test::NullTest;
pub use query::{
    CannedQuery, Columns, FloatColumn, GivenParameters, Header, NumberColumn, OutputColumn,
    Parameter, PlannedQuery, Session, SessionOptions, Step, TextColumn, canned_queries,
    canned_query,
};
pub use store::{Compacted, Extent, InputIdentity, SourceReport, SourceWriter, Store, StoreWriter};
pub use whatif::{
    Change, Prediction, REPRODUCED_WITHIN_NS, WHAT_IF_QUERIES, WaitKind, WhatIfOptions, gains,
    what_if,
};
