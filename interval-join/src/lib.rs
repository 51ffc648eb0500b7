//! Joining two tables where time intervals overlap, as one operator.
//!
//! `a.key = b.key AND a.start_time < b.end_time AND b.start_time < a.end_time` is what correlating is
//! made of. DataFusion plans it as a hash join that tests every pair of rows with a key, or, without a
//! key, as a nested loop: 10¹⁰ tests for two tables of 10⁵ rows. [`IntervalJoinRule`] finds such joins
//! in any plan and puts an [`IntervalJoinExec`] there, so that plain SQL is fast and `EXPLAIN` shows
//! it. Its cost is that of reading both sides, sorting the smaller, and writing the result.
//!
//! What counts as such a join: one comparison that bounds an expression of one side from above by an
//! expression of the other, and one that bounds from below. Overlap, containment (`BETWEEN` two times
//! of the other row) and their mixtures all have that form; open and closed bounds, swapped sides, and
//! expressions over columns (`add_ns(a.start_time, 1000)`) too. Any number of keys, any join type, and
//! any further conditions, which are tested on the pairs found. A null time or key matches nothing.
//!
//! The nearest row before (or after) another one is such a join, too, when each row lasts until the next:
//! `ASOF JOIN` is planned so, by [`AsOfPlanner`].
//!
//! ```
//! use datafusion::error::Result;
//! use datafusion::execution::session_state::SessionStateBuilder;
//! use datafusion::physical_plan::displayable;
//! use datafusion::prelude::SessionContext;
//! use kcorr_interval_join::IntervalJoinRule;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let state = SessionStateBuilder::new()
//!     .with_default_features()
//!     .with_physical_optimizer_rules(IntervalJoinRule::default().with_default_rules())
//!     .build();
//! let context = SessionContext::new_with_state(state);
//! let joined = context
//!     .sql(
//!         "SELECT w.id, l.id
//!          FROM (VALUES (1, 10, 20), (2, 30, 40)) AS w(id, first, last)
//!          JOIN (VALUES (7, 15, 18), (8, 20, 30)) AS l(id, first, last)
//!            ON w.first < l.last AND l.first < w.last",
//!     )
//!     .await?;
//! let plan = joined.clone().create_physical_plan().await?;
//! assert!(displayable(plan.as_ref()).indent(false).to_string().contains("IntervalJoinExec"));
//! let rows: usize = joined.collect().await?.iter().map(|batch| batch.num_rows()).sum();
//! assert_eq!(rows, 1); // wait 7 lies in write 1; wait 8 touches both, and overlaps neither
//! # Ok(())
//! # }
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `condition` | the two bounds, found in a join's filter |
//! | `rule` | which joins are replaced |
//! | `join`, `exec`, `properties` | the operator as DataFusion sees it |
//! | `shared_build`, `build_side`, `collected`, `build_chunk` | the smaller side: collected, spilled when memory is short, indexed |
//! | `key_table`, `integer_keys`, `column_keys`, `ordinal` | row → key |
//! | `index_builder`, `interval_index` | key → rows of that key by their bounds |
//! | `threads` | the index's work divided among all cores |
//! | `probe`, `probe_batch`, `probe_input` | the other side: streamed through, several times when memory is short |
//! | `output`, `matched_rows`, `leftover` | pairs of rows, and rows without one → batches, by join type |
//! | `time_filter` | what the smaller side's times tell the scan of the other side to skip |
//! | `as_of` | `ASOF JOIN` as such a join |
//! | `unspilled_repartition_pool` | a limit of memory under which the sides can be partitioned |
//! | `within` | whether a row's times meet one of many stretches |
//!
//! Published crates do not fit: `coitrees` has 32-bit closed intervals and was 2 to 7 times slower
//! than sorted arrays here; `datafusion-bio-functions` is tied to an old DataFusion and casts bounds
//! to 32 bits. Neither streams, spills or joins other than inner.

mod as_of;
mod build_chunk;
mod build_side;
#[cfg(test)]
mod cancellation_tests;
mod collected;
mod column_keys;
mod condition;
#[cfg(test)]
mod deadline;
mod exec;
mod group;
mod index_builder;
mod integer_keys;
mod interval_index;
mod join;
mod key_table;
mod leftover;
mod matched_rows;
#[cfg(test)]
mod nested_loop_tests;
mod ordinal;
mod output;
mod probe;
mod probe_batch;
mod probe_input;
mod properties;
mod rule;
mod shared_build;
mod threads;
mod time_filter;
mod unspilled_repartition_pool;
#[cfg(test)]
mod unspilled_repartition_tests;
mod within;

pub use as_of::{AsOfPlanner, nest};
pub use condition::{Bound, IntervalCondition};
pub use exec::IntervalJoinExec;
pub use join::{BuildMode, IntervalJoin};
use ordinal::has_ordinals;
pub use rule::IntervalJoinRule;
pub use unspilled_repartition_pool::UnspilledRepartitionPool;
