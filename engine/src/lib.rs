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
//! | [`Session`] | SQL, canned queries and their parameters |

mod catalog;
mod clock;
mod error;
mod functions;
mod ingest;
mod input;
mod interval_join;
mod null_test;
mod query;
mod store;

pub use catalog::Shift;
pub use error::{Error, ErrorKind, Result};
pub use ingest::{Job, Progress, ingest};
pub use input::head;
pub use interval_join::{
    Bound, BuildMode, IntervalCondition, IntervalJoin, IntervalJoinExec, IntervalJoinRule,
};
pub use null_test::NullTest;
pub use query::{
    CannedQuery, GivenParameters, Header, OutputColumn, Parameter, PlannedQuery, Session,
    SessionOptions, canned_queries, canned_query,
};
pub use store::{InputIdentity, SourceReport, SourceWriter, Store, StoreWriter};
