//! A table of files whose rows are read once, all of them, when somebody asks for some.
//!
//! The steps of an account ask for the same tables again and again. Of a small store it takes longer to open the files
//! each time, and to plan what of them is read, than to read all of their rows.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::{ExecutionPlan, collect};

/// A table of files.
#[derive(Debug)]
pub(super) struct ReadOnce {
    files: Arc<dyn TableProvider>,
    read: futures::lock::Mutex<Option<Arc<Rows>>>,
}

/// Its rows, and the order in which they are.
#[derive(Debug)]
struct Rows {
    batches: [Vec<RecordBatch>; 1],
    order: Vec<LexOrdering>,
}

impl ReadOnce {
    pub(super) fn of(files: Arc<dyn TableProvider>) -> Self {
        Self {
            files,
            read: futures::lock::Mutex::default(),
        }
    }

    async fn rows(&self, session: &dyn Session) -> Result<Arc<Rows>> {
        let mut read = self.read.lock().await;
        if let Some(rows) = &*read {
            return Ok(Arc::clone(rows));
        }
        let plan = self.files.scan(session, None, &[], None).await?;
        // Parts that are read at once come in any order.
        let is_one = plan.properties().partitioning.partition_count() == 1;
        let order = plan.properties().eq_properties.output_ordering();
        let rows = Arc::new(Rows {
            order: order.filter(|_| is_one).into_iter().collect(),
            batches: [collect(plan, session.task_ctx()).await?],
        });
        *read = Some(Arc::clone(&rows));
        Ok(rows)
    }
}

#[async_trait]
impl TableProvider for ReadOnce {
    fn schema(&self) -> SchemaRef {
        self.files.schema()
    }

    fn table_type(&self) -> TableType {
        self.files.table_type()
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.rows(session).await?;
        let source =
            MemorySourceConfig::try_new(&rows.batches, self.schema(), projection.cloned())?;
        let source = source.try_with_sort_information(rows.order.clone())?;
        Ok(DataSourceExec::from_data_source(source))
    }
}
