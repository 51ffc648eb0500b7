//! A statement that is planned.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::DataFrame;

use crate::error::Result;

/// A statement that is planned, ready to run.
#[derive(Debug)]
pub struct PlannedQuery {
    pub(super) frame: DataFrame,
}

impl PlannedQuery {
    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.frame.schema().inner())
    }

    /// The same with another frame made of its own.
    pub(super) fn with_frame(
        self,
        of: impl FnOnce(DataFrame) -> datafusion::error::Result<DataFrame>,
    ) -> Result<Self> {
        Ok(Self {
            frame: of(self.frame)?,
        })
    }

    /// Runs the statement; rows come as they are found.
    pub async fn run(self) -> Result<SendableRecordBatchStream> {
        Ok(self.frame.execute_stream().await?)
    }
}
