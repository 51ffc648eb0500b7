//! The engine: puts what the decoders yield into a store, aligns clocks, and answers SQL over it.
//!
//! It knows no recording format (it takes [`kcorr_model::Decoder`]s) and formats nothing for people
//! (it yields Arrow batches).
//!
//! | room | what is in it |
//! |---|---|
//! | [`ingest()`] | inputs → decoders → store |
//! | [`commit()`] | what is staged becomes part of the store, in one step |
//! | `twice` | events that another recording of the store has too |
//! | `clock` | a source's clock → wall time |
//! | `catalog`, `functions` | the store's tables, and functions, for SQL |
//! | [`Session`] | SQL, canned queries and their parameters |

mod catalog;
mod clock;
mod commit;
mod error;
mod functions;
mod ingest;
mod query;
mod twice;

pub use catalog::{Ablation, Altered, Shift, Taken, kind_expression};
pub use commit::{Committed, commit, commit_with};
pub use error::{Error, ErrorKind, Result};
pub use ingest::{Job, NotStored, Progress, ingest};
pub use kcorr_store::input::Stop;
pub use query::{
    API_SLO_PARAMETER, CannedQuery, Columns, Elsewhere, FloatColumn, GivenParameters, Header,
    NumberColumn, OutputColumn, Parameter, PartRows, PartSession, PlannedQuery, QUERY_STACK_BYTES,
    RemotePart, RowFilter, SLO_PARAMETER, Session, SessionOptions, ShownRows, Step,
    TerminalColumns, TextColumn, canned_queries, canned_query, parameters_in, rules_digest,
};
