//! Running SQL over a store: canned queries, the user's own, and their parameters.

mod below;
mod canned;
mod canned_rows;
mod columns;
mod header;
mod in_order;
mod kept_rows;
mod length;
mod parameters;
mod permission;
mod session;
mod statements;
mod step;
mod step_rows;

pub use canned::{CannedQuery, canned_queries, canned_query};
pub(crate) use canned_rows::rows_of_canned;
pub use columns::{Columns, FloatColumn, NumberColumn, TextColumn};
pub use header::{Header, OutputColumn, Parameter};
pub use length::QUERY_STACK_BYTES;
pub use parameters::{API_SLO_PARAMETER, GivenParameters, SLO_PARAMETER};
pub use session::{PlannedQuery, Session, SessionOptions, parameters_in};
pub use step::Step;
