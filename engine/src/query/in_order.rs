//! A table's rows in the same order each time.
//!
//! DataFusion reads the files of a table in several parts at once, and without ORDER BY gives rows as they
//! come. Of plans that do nothing but read, filter and project, the parts are given one after another, in
//! the order of the files; each is read ahead by a few batches, so that all cores have work. Joins and
//! aggregates give their rows as they come: whoever wants an order there says which.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::{
    RecordBatchReceiverStreamBuilder, RecordBatchStreamAdapter,
};
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PhysicalExpr, PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};

use super::step_table::StepExec;
use crate::catalog::ShiftExec;

/// Batches that each part is read ahead.
const BATCHES_AHEAD: usize = 4;

/// Puts the parts of plain plans one after another.
#[derive(Debug)]
pub(super) struct InOrderRule;

impl PhysicalOptimizerRule for InOrderRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !is_plain(&plan) {
            return Ok(plan);
        }
        let plan = plan.transform_up(in_order).data()?;
        Ok(if plan.output_partitioning().partition_count() > 1 {
            Arc::new(InOrderExec::new(plan))
        } else {
            plan
        })
    }

    fn name(&self) -> &'static str {
        "in_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether nothing is done but reading, filtering and projecting.
fn is_plain(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let is_round_robin =
        |plan: &RepartitionExec| matches!(plan.partitioning(), Partitioning::RoundRobinBatch(_));
    let is_plain_itself = plan.is::<DataSourceExec>()
        || plan.is::<FilterExec>()
        || plan.is::<ProjectionExec>()
        || plan.is::<GlobalLimitExec>()
        || plan.is::<LocalLimitExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<UnionExec>()
        || plan.is::<StepExec>()
        || plan.is::<ShiftExec>()
        || plan.name() == "CooperativeExec"
        || plan
            .downcast_ref::<RepartitionExec>()
            .is_some_and(is_round_robin);
    is_plain_itself && plan.children().into_iter().all(is_plain)
}

/// What stands in the place of an operator that mixes its parts.
fn in_order(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    if plan.is::<DataSourceExec>() {
        // Else a part takes files of another that is slower.
        return Ok(match plan.with_preserve_order(true) {
            Some(plan) => Transformed::yes(plan),
            None => Transformed::no(plan),
        });
    }
    if let Some(repartition) = plan.downcast_ref::<RepartitionExec>() {
        return Ok(Transformed::yes(Arc::clone(repartition.input())));
    }
    let Some(coalesce) = plan.downcast_ref::<CoalescePartitionsExec>() else {
        return Ok(Transformed::no(plan));
    };
    let input: Arc<dyn ExecutionPlan> = Arc::new(InOrderExec::new(Arc::clone(coalesce.input())));
    Ok(Transformed::yes(match coalesce.fetch() {
        Some(rows) => Arc::new(GlobalLimitExec::new(input, 0, Some(rows))),
        None => input,
    }))
}

/// The rows of all parts of its input, one part after another.
#[derive(Debug)]
struct InOrderExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl InOrderExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self {
            input,
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for InOrderExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InOrderExec")
    }
}

impl ExecutionPlan for InOrderExec {
    fn name(&self) -> &'static str {
        "InOrderExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
        let Ok([input]) = <[Arc<dyn ExecutionPlan>; 1]>::try_from(children) else {
            return internal_err!("rows in order have one input");
        };
        Ok(Arc::new(Self::new(input)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let parts = self.input.output_partitioning().partition_count();
        let streams = (0..parts).map(|part| {
            let mut ahead = RecordBatchReceiverStreamBuilder::new(self.schema(), BATCHES_AHEAD);
            let (input, context) = (Arc::clone(&self.input), Arc::clone(&context));
            let out = ahead.tx();
            ahead.spawn(async move {
                let mut rows = input.execute(part, context)?;
                while let Some(batch) = rows.next().await {
                    // Nobody takes them any more.
                    if out.send(batch).await.is_err() {
                        break;
                    }
                }
                Ok(())
            });
            ahead.build()
        });
        let streams: Vec<_> = streams.collect();
        let rows = stream::iter(streams).flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}
