//! Steps as tables whose rows are found when a plan is run, not when it is made.
//!
//! A plan over such tables is as good for any session that shows a step of the same columns under the same name:
//! it has nothing of the rows in it but how many there were when it was made, as an estimate.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{
    Result, Statistics, internal_datafusion_err, internal_err, project_schema,
};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_plan::common::compute_record_batch_statistics;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr,
    PlanProperties, ReplaceChildrenOptions, StatisticsArgs,
};

/// The rows of a session's steps, by name.
#[derive(Debug, Default)]
pub(super) struct ShownRows {
    rows: Mutex<HashMap<String, (SchemaRef, Vec<RecordBatch>)>>,
}

impl ShownRows {
    /// Shows rows under a name, in place of those that were; the table of them.
    pub(super) fn show(
        &self,
        name: &str,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
    ) -> Arc<dyn TableProvider> {
        let rows = [batches];
        let statistics = compute_record_batch_statistics(&rows, &schema, None).to_inexact();
        let [batches] = rows;
        let table = StepTable {
            name: name.to_owned(),
            schema: Arc::clone(&schema),
            statistics,
        };
        let mut shown = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(name.to_owned(), (schema, batches));
        Arc::new(table)
    }

    /// Whether rows of these columns are shown under a name.
    pub(super) fn has(&self, name: &str, schema: &SchemaRef) -> bool {
        let shown = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        shown.get(name).is_some_and(|(shown, _)| shown == schema)
    }

    /// Forgets the rows of a name.
    pub(super) fn forget(&self, name: &str) {
        let mut shown = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        shown.remove(name);
    }

    /// The rows of a step that is shown as a table.
    pub(super) fn of(&self, table: &Arc<dyn TableProvider>) -> Option<Vec<RecordBatch>> {
        self.get(&table.downcast_ref::<StepTable>()?.name)
    }

    fn get(&self, name: &str) -> Option<Vec<RecordBatch>> {
        let shown = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        shown.get(name).map(|(_, batches)| batches.clone())
    }
}

/// A step as a table.
#[derive(Debug)]
pub(super) struct StepTable {
    pub(super) name: String,
    pub(super) schema: SchemaRef,
    /// Of the rows that it had when it was made a table.
    statistics: Statistics,
}

#[async_trait]
impl TableProvider for StepTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = project_schema(&self.schema, projection)?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Arc::new(StepExec {
            name: self.name.clone(),
            projection: projection.cloned(),
            statistics: Arc::new(self.statistics.clone().project(projection)),
            properties: Arc::new(properties),
        }))
    }
}

/// Reads the rows that the session which runs it has under a name.
#[derive(Debug)]
pub(super) struct StepExec {
    name: String,
    /// Columns of the step that are read; `None` for all.
    projection: Option<Vec<usize>>,
    statistics: Arc<Statistics>,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for StepExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StepExec: {}", self.name)
    }
}

impl ExecutionPlan for StepExec {
    fn name(&self) -> &'static str {
        "StepExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => internal_err!("the rows of a step have no input"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep),
        )
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&self.statistics))
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let shown = context.session_config().get_extension::<ShownRows>();
        let rows = shown.and_then(|shown| shown.get(&self.name));
        let none =
            || internal_datafusion_err!("the step {} has no rows in this session", self.name);
        let projection = self.projection.clone();
        let schema = Arc::clone(self.properties.eq_properties.schema());
        let rows = MemoryStream::try_new(rows.ok_or_else(none)?, schema, projection)?;
        Ok(Box::pin(rows))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{AsArray, Int64Array};
    use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
    use datafusion::physical_plan::{collect, displayable};
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    fn rows(values: &[i64]) -> (SchemaRef, Vec<RecordBatch>) {
        let fields = ["a", "b"].map(|name| Field::new(name, DataType::Int64, false));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let column = Arc::new(Int64Array::from(values.to_vec()));
        let columns = vec![Arc::clone(&column) as _, column as _];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        (schema, vec![batch])
    }

    /// A session that shows a step of some rows.
    fn session(values: &[i64]) -> SessionContext {
        let shown = Arc::new(ShownRows::default());
        let config = SessionConfig::new().with_extension(Arc::clone(&shown));
        let context = SessionContext::new_with_config(config);
        let (schema, batches) = rows(values);
        let table = shown.show("step", schema, batches);
        context.register_table("step", table).unwrap();
        context
    }

    #[tokio::test]
    async fn a_plan_of_one_session_reads_the_rows_of_the_one_that_runs_it() {
        let (first, second) = (session(&[1, 2]), session(&[3, 4, 5]));
        for sql in [
            "SELECT COUNT(*) AS n, SUM(b) AS sum FROM step",
            "SELECT COUNT(b) AS n, SUM(a) AS sum FROM step WHERE a > 0",
        ] {
            let frame = first.sql(sql).await.unwrap();
            let plan = frame.create_physical_plan().await.unwrap();
            let shown = displayable(plan.as_ref()).indent(false).to_string();
            assert!(shown.contains("StepExec: step"), "{shown}");
            let batches = collect(plan, second.task_ctx()).await.unwrap();
            let [batch] = batches.as_slice() else {
                panic!("{batches:?}")
            };
            let number = |column| batch.column(column).as_primitive::<Int64Type>().value(0);
            assert_eq!((number(0), number(1)), (3, 12), "{sql}");
        }
    }
}
