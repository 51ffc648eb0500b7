//! `ASOF JOIN`: each row with the nearest one before it (or after it) of another table.
//!
//! ```sql
//! SELECT l.lock_wait_id, w.write_id
//! FROM lock_waits AS l
//! ASOF JOIN writes AS w
//!     MATCH_CONDITION (l.start_time >= w.end_time)
//!     ON w.tid = l.tid
//! ```
//!
//! Syntax and meaning are [Snowflake's](https://docs.snowflake.com/en/sql-reference/constructs/asof-join):
//! `>=` and `>` find the last row before, `<=` and `<` the first row after. Every row of the left table is
//! in the result once; without a match, with nulls on the right; of several nearest rows with the same
//! time, with any one. A null time or key matches nothing. `USING` is not supported.
//!
//! The parser knows the syntax, DataFusion's planner does not: it may be extended by kinds of tables, not
//! of joins. So [`nest`] puts parentheses around each such join, which make it a table, and
//! [`AsOfPlanner`] plans that table: each row on the right lasts until the next one of its key, found by a
//! window function, and then the join is one on overlapping intervals (see
//! the crate), with its speed and memory.

mod planner;
mod syntax;
#[cfg(test)]
mod tests;

pub use planner::AsOfPlanner;
pub use syntax::nest;
