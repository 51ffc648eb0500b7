//! The operator as DataFusion sees it.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinSide, JoinType, NullEquality, Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::{DynamicFilterPhysicalExpr, lit};
use datafusion::physical_expr::{Distribution, PhysicalExpr, PhysicalExprRef};
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
    FilterPushdownPropagation,
};
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter, build_join_schema};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::projection::{
    EmbeddedProjection, ProjectionExec, try_embed_projection,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, ReplaceChildrenOptions, apply_expression_roots,
};
use futures::{FutureExt, TryFutureExt, stream};

use super::build_chunk::BuildPlan;
use super::build_side::{BuildMetrics, BuildRows, BuildSide};
use super::join::{BuildMode, IntervalJoin};
use super::output::Output;
use super::probe::Probe;
use super::properties::properties;
use super::shared_build::{BuildFuture, SharedBuild};
use super::time_filter::{filtered_expressions, time_filter};

/// Joins rows whose intervals overlap. The left input is the build side: it is read to its end, indexed,
/// and kept; the right one is streamed.
#[derive(Debug)]
pub struct IntervalJoinExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    join: Arc<IntervalJoin>,
    mode: BuildMode,
    /// Columns of the join's schema that are in the output; `None` for all.
    projection: Option<Vec<usize>>,
    columns: Vec<ColumnIndex>,
    properties: Arc<PlanProperties>,
    time_filter: Option<Arc<DynamicFilterPhysicalExpr>>,
    shared_build: SharedBuild,
    metrics: ExecutionPlanMetricsSet,
}

impl IntervalJoinExec {
    /// A join of two inputs. `projection` are the columns of the output among all that the join type
    /// yields. Fails when keys and inputs do not fit together.
    pub fn try_new(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        join: IntervalJoin,
        mode: BuildMode,
        projection: Option<Vec<usize>>,
    ) -> Result<Self> {
        if mode == BuildMode::Partitioned && join.on.is_empty() {
            return internal_err!("a join without keys cannot be partitioned by them");
        }
        Self::with_filter(left, right, Arc::new(join), mode, projection, None)
    }

    fn with_filter(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        join: Arc<IntervalJoin>,
        mode: BuildMode,
        projection: Option<Vec<usize>>,
        time_filter: Option<Arc<DynamicFilterPhysicalExpr>>,
    ) -> Result<Self> {
        let (schema, columns) = build_join_schema(&left.schema(), &right.schema(), &join.join_type);
        let schema = Arc::new(schema);
        let columns = match &projection {
            Some(projection) => projection
                .iter()
                .map(|&place| columns[place].clone())
                .collect(),
            None => columns,
        };
        let properties = properties(&left, &right, &join, mode, &schema, projection.as_deref())?;
        Ok(Self {
            left,
            right,
            join,
            mode,
            projection,
            columns,
            properties: Arc::new(properties),
            time_filter,
            shared_build: SharedBuild::default(),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// What is joined.
    pub fn join(&self) -> &IntervalJoin {
        &self.join
    }

    /// How the work is divided.
    pub fn mode(&self) -> BuildMode {
        self.mode
    }

    /// The columns of the output among all that the join type yields; `None` for all.
    pub fn projection(&self) -> Option<&[usize]> {
        self.projection.as_deref()
    }

    /// Whether probe rows without a match have no part in the output, so that they need not be read.
    fn can_filter_probe(&self) -> bool {
        self.mode == BuildMode::Shared && self.join.join_type.on_lr_is_preserved().1
    }

    /// The build side of a partition.
    fn build(&self, partition: usize, context: &Arc<TaskContext>) -> Result<BuildFuture> {
        let probe_count = self.right.output_partitioning().partition_count();
        if self.mode == BuildMode::Partitioned {
            return self.new_build(partition, 1, context);
        }
        let new = || self.new_build(0, probe_count, context);
        self.shared_build.take(probe_count, new)
    }

    fn new_build(
        &self,
        partition: usize,
        probe_count: usize,
        context: &Arc<TaskContext>,
    ) -> Result<BuildFuture> {
        let join = Arc::clone(&self.join);
        let input = self.left.execute(partition, Arc::clone(context))?;
        let metrics = BuildMetrics::new(&self.metrics, partition);
        let filter = self.time_filter.clone();
        let right = Arc::clone(&self.right);
        let plan = Arc::new(BuildPlan {
            join: Arc::clone(&join),
            is_kept: self.kept_build_columns(),
            threads: context.session_config().target_partitions(),
        });
        let context = Arc::clone(context);
        let side = BuildSide::collect(plan, input, context, metrics, probe_count);
        let build = side.and_then(async move |side| {
            if let Some(filter) = filter {
                filter.update(match &side.rows {
                    BuildRows::Memory(chunk) => time_filter(&join, chunk, right.as_ref())?,
                    BuildRows::Spilled(_) => lit(true),
                })?;
                filter.mark_complete();
            }
            Ok(Arc::new(side))
        });
        Ok(build.map_err(Arc::new).boxed().shared())
    }

    /// Whether each column of the build side is in the output or in what pairs of rows are tested for.
    fn kept_build_columns(&self) -> Vec<bool> {
        let mut is_kept = vec![false; self.left.schema().fields().len()];
        let residual = self.join.residual.iter();
        let residual = residual.flat_map(JoinFilter::column_indices);
        for column in self.columns.iter().chain(residual) {
            if column.side == JoinSide::Left {
                is_kept[column.index] = true;
            }
        }
        is_kept
    }
}

impl EmbeddedProjection for IntervalJoinExec {
    fn with_projection(&self, projection: Option<Vec<usize>>) -> Result<Self> {
        let projection = match (projection, &self.projection) {
            (Some(outer), Some(inner)) => Some(outer.iter().map(|&place| inner[place]).collect()),
            (outer, inner) => outer.or_else(|| inner.clone()),
        };
        let (left, right) = (Arc::clone(&self.left), Arc::clone(&self.right));
        let join = Arc::clone(&self.join);
        Self::with_filter(
            left,
            right,
            join,
            self.mode,
            projection,
            self.time_filter.clone(),
        )
    }
}

impl DisplayAs for IntervalJoinExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = &self.join;
        let on: Vec<String> = join.on.iter().map(|(l, r)| format!("({l}, {r})")).collect();
        let on = on.join(", ");
        if format == DisplayFormatType::TreeRender {
            if !on.is_empty() {
                writeln!(f, "on={on}")?;
            }
            return writeln!(
                f,
                "join_type={:?}\nwhere={}",
                join.join_type, join.condition
            );
        }
        write!(
            f,
            "IntervalJoinExec: mode={:?}, join_type={:?}",
            self.mode, join.join_type
        )?;
        if !on.is_empty() {
            write!(f, ", on=[{on}]")?;
        }
        write!(f, ", where=[{}]", join.condition)?;
        if let Some(residual) = &join.residual {
            write!(f, ", filter={}", residual.expression())?;
        }
        if self.projection.is_some() {
            let schema = self.schema();
            let names = schema.fields().iter().map(|field| field.name().as_str());
            write!(f, ", projection=[{}]", names.collect::<Vec<_>>().join(", "))?;
        }
        if join.null_equality == NullEquality::NullEqualsNull {
            write!(f, ", nulls are equal")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for IntervalJoinExec {
    fn name(&self) -> &'static str {
        "IntervalJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        match self.mode {
            BuildMode::Shared => InputDistributionRequirements::new(vec![
                Distribution::SinglePartition,
                Distribution::UnspecifiedDistribution,
            ]),
            BuildMode::Partitioned => {
                let (left, right) = self.join.on.iter().cloned().unzip();
                InputDistributionRequirements::co_partitioned(vec![
                    Distribution::KeyPartitioned(left),
                    Distribution::KeyPartitioned(right),
                ])
            }
        }
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let (join, condition) = (&self.join, &self.join.condition);
        let keys = join.on.iter().flat_map(|(left, right)| [left, right]);
        let bounds = [&condition.upper, &condition.lower];
        let bounds = bounds
            .into_iter()
            .flat_map(|bound| [&bound.build, &bound.probe]);
        let residual = join.residual.iter().map(JoinFilter::expression);
        let filter = self.dynamic_expressions_produced();
        apply_expression_roots(keys.chain(bounds).chain(residual).chain(&filter), f)
    }

    fn dynamic_expressions_produced(&self) -> Vec<Arc<dyn PhysicalExpr>> {
        let filter = self.time_filter.iter().map(Arc::clone);
        filter
            .map(|filter| filter as Arc<dyn PhysicalExpr>)
            .collect()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([left, right]) = <[Arc<dyn ExecutionPlan>; 2]>::try_from(children) else {
            return internal_err!("an interval join has two inputs");
        };
        let (join, projection) = (Arc::clone(&self.join), self.projection.clone());
        if options.children_properties == ChildrenPropertiesMode::Keep {
            return Ok(Arc::new(Self {
                left,
                right,
                join,
                mode: self.mode,
                projection,
                columns: self.columns.clone(),
                properties: Arc::clone(&self.properties),
                time_filter: self.time_filter.clone(),
                shared_build: SharedBuild::default(),
                metrics: ExecutionPlanMetricsSet::new(),
            }));
        }
        let filter = self.time_filter.clone();
        Ok(Arc::new(Self::with_filter(
            left, right, join, self.mode, projection, filter,
        )?))
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
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let build = self.build(partition, &context)?;
        let input = self.right.execute(partition, Arc::clone(&context))?;
        let batch_rows = context.session_config().batch_size();
        let output = Output::new(self.schema(), self.columns.clone(), batch_rows);
        let probe = Probe::new(
            Arc::clone(&self.join),
            context,
            build,
            self.left.schema(),
            input,
            output,
            &self.metrics,
            partition,
        );
        let batches = stream::try_unfold(probe, async |mut probe| {
            let batch = probe.next().await?;
            Ok(batch.map(|batch| (batch, probe)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches,
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExec,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if self.projection.is_some() {
            return Ok(None);
        }
        try_embed_projection(projection, self)
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        parent_filters: Vec<PhysicalExprRef>,
        config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let is_preserved = match self.join.join_type {
            JoinType::Inner | JoinType::LeftSemi | JoinType::RightSemi => (true, true),
            JoinType::Left | JoinType::LeftAnti | JoinType::LeftMark => (true, false),
            JoinType::Right | JoinType::RightAnti | JoinType::RightMark => (false, true),
            JoinType::Full => (false, false),
        };
        let child = |side: JoinSide, is_preserved: bool, child: &Arc<dyn ExecutionPlan>| {
            if !is_preserved {
                return Ok(ChildFilterDescription::all_unsupported(&parent_filters));
            }
            let places = self.columns.iter().enumerate();
            let ours = places
                .filter(|(_, column)| column.side == side)
                .map(|(place, _)| place);
            let ours: HashSet<usize> = ours.collect();
            ChildFilterDescription::from_child_with_allowed_indices(&parent_filters, ours, child)
        };
        let left = child(JoinSide::Left, is_preserved.0, &self.left)?;
        let mut right = child(JoinSide::Right, is_preserved.1, &self.right)?;
        if phase == FilterPushdownPhase::Post
            && self.time_filter.is_none()
            && self.can_filter_probe()
            && config.optimizer.enable_join_dynamic_filter_pushdown
        {
            let expressions = filtered_expressions(&self.join);
            let filter = DynamicFilterPhysicalExpr::new(expressions, lit(true));
            right = right.with_self_filter(Arc::new(filter));
        }
        Ok(FilterDescription::new().with_child(left).with_child(right))
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        results: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let pushed = results
            .self_filters
            .get(1)
            .and_then(|filters| filters.first())
            .cloned();
        let propagation = FilterPushdownPropagation::if_any(results);
        let filter =
            pushed.map(|pushed| Arc::downcast::<DynamicFilterPhysicalExpr>(pushed.predicate));
        let Some(Ok(filter)) = filter else {
            return Ok(propagation);
        };
        let (left, right) = (Arc::clone(&self.left), Arc::clone(&self.right));
        let (join, projection) = (Arc::clone(&self.join), self.projection.clone());
        let node = Self::with_filter(left, right, join, self.mode, projection, Some(filter))?;
        Ok(propagation.with_updated_node(Arc::new(node)))
    }
}
