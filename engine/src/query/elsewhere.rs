//! Brokers' parts of a store whose queries another process runs.
//!
//! What goes there is the name of a canned query and its parameters, never a plan: which of the steps below have rows
//! decides how those above are planned, so that they are planned where these rows are. What comes back are rows.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use kcorr_store::Store;

use super::parameters::GivenParameters;
use super::step::Step;
use crate::error::Result;

/// Other processes that run queries of brokers' parts.
#[async_trait]
pub trait Elsewhere: Debug + Send + Sync {
    /// Opens the parts of a store that are of these brokers (`None`: of the recordings that name none), in that order;
    /// with steps computed anew or not. Fails when a process does not answer, is of another version, or sees the store in another state.
    async fn open(
        &self,
        store: &Store,
        brokers: &[Option<i32>],
        is_fresh: bool,
    ) -> Result<Vec<Arc<dyn RemotePart>>>;
}

/// A broker's part of a store, in another process.
#[async_trait]
pub trait RemotePart: Debug + Send + Sync {
    /// Shows it the rows of a query over several brokers, before any that rests on them is run.
    async fn show(&self, shown: ShownRows) -> Result<()>;

    /// Runs a query that is asked of each broker by itself; all that is below it is computed there.
    async fn run(&self, query: &'static str, given: &GivenParameters) -> Result<PartRows>;
}

/// Rows of a query over several brokers, as its parts are to see them.
#[derive(Debug, Clone)]
pub struct ShownRows {
    /// The query's name.
    pub query: String,
    /// The parameters that it was computed with.
    pub given: GivenParameters,
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Vec<RecordBatch>,
}

/// What a part gives of a query.
pub struct PartRows {
    /// The steps that were run for it there.
    pub steps: Vec<Step>,
    /// The rows. An error where they end too early.
    pub rows: SendableRecordBatchStream,
}

impl Debug for PartRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartRows").finish_non_exhaustive()
    }
}
