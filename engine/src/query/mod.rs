//! Running SQL over a store: canned queries, the user's own, and their parameters.

mod canned;
mod columns;
mod header;
mod parameters;
mod session;
mod step;

pub use canned::{CannedQuery, canned_queries, canned_query};
pub use columns::{Columns, FloatColumn, NumberColumn, TextColumn};
pub use header::{Header, OutputColumn, Parameter};
pub use parameters::GivenParameters;
pub use session::{PlannedQuery, Session, SessionOptions};
pub use step::Step;
