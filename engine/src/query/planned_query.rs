//! A statement that is planned.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::DataFrame;

use super::step_planning::StepPlanner;
use crate::error::Result;

/// A statement that is planned, ready to run.
#[derive(Debug)]
pub struct PlannedQuery {
    pub(super) frame: DataFrame,
    /// How it is planned to be run; `None` for as the frame would be.
    pub(super) planner: Option<Arc<StepPlanner>>,
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
            planner: self.planner,
        })
    }

    /// Runs the statement; rows come as they are found.
    pub async fn run(self) -> Result<SendableRecordBatchStream> {
        if let Some(planner) = &self.planner
            && let Ok(plan) = planner.physical(self.frame.logical_plan()).await
        {
            return Ok(execute_stream(plan, Arc::new(self.frame.task_ctx()))?);
        }
        Ok(self.frame.execute_stream().await?)
    }
}
