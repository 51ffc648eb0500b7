//! Running SQL over a store: canned queries, the user's own, and their parameters.

mod below;
mod by_broker;
mod canned;
mod canned_rows;
mod columns;
mod empty_branches;
mod header;
mod in_order;
mod kept_rows;
mod length;
mod parameters;
mod parsed;
mod parts;
mod permission;
mod plan_pool;
mod planned_query;
mod row_filter;
mod session;
mod session_context;
mod statements;
mod step;
mod step_rows;
mod step_table;
mod unaltered;

pub use canned::{CannedQuery, canned_queries, canned_query};
pub(crate) use canned_rows::rows_of_canned;
pub use columns::{Columns, FloatColumn, NumberColumn, TextColumn};
pub use header::{Header, OutputColumn, Parameter, TerminalColumns};
pub use length::QUERY_STACK_BYTES;
pub use parameters::{API_SLO_PARAMETER, GivenParameters, SLO_PARAMETER};
pub use planned_query::PlannedQuery;
pub use row_filter::RowFilter;
pub use session::{Session, parameters_in};
pub use session_context::SessionOptions;
pub use step::Step;
