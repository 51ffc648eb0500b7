//! A table as it would be if some recordings had been made at another time.
//!
//! Which recordings, and by how much, is told by the [`Shift`] of the session that runs a plan, not by the plan: the
//! plan is the same for every shift.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef, TimestampNanosecondType};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{
    ColumnStatistics, Result, Statistics, internal_datafusion_err, internal_err,
};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, FilterDescription, FilterPushdownPhase,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan,
    ExecutionPlanProperties, PhysicalExpr, PlanProperties, ReplaceChildrenOptions, StatisticsArgs,
};
use futures::StreamExt;
use kcorr_model::{Table, Type};

use super::Shift;

const SOURCE: &str = "source_id";

/// A table of which some recordings are shown at another time.
#[derive(Debug)]
pub(super) struct ShiftedTable {
    /// The column that says when a row starts.
    start: &'static str,
    /// The columns that are times.
    times: HashSet<&'static str>,
    recorded: Arc<dyn TableProvider>,
}

impl ShiftedTable {
    /// Of the rows that were recorded; `None` for tables that have no times.
    pub(super) fn of(table: &'static Table, recorded: Arc<dyn TableProvider>) -> Option<Self> {
        let times = table.columns.iter();
        let times = times.filter(|column| column.kind == Type::Time);
        Some(Self {
            start: table.sorted_by?,
            times: times.map(|column| column.name).collect(),
            recorded,
        })
    }
}

#[async_trait]
impl TableProvider for ShiftedTable {
    fn schema(&self) -> SchemaRef {
        self.recorded.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let all = || (0..schema.fields().len()).collect();
        let shown: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let times = shown.iter().enumerate();
        let times = times.filter(|(_, column)| {
            let name = schema.field(**column).name();
            self.times.contains(name.as_str())
        });
        let times: Vec<usize> = times.map(|(place, _)| place).collect();
        let mut read = shown.clone();
        let mut place = |name: &str| -> Result<usize> {
            let column = schema.index_of(name)?;
            let place = read.iter().position(|read| *read == column);
            Ok(place.unwrap_or_else(|| {
                read.push(column);
                read.len() - 1
            }))
        };
        if times.is_empty() {
            return self.recorded.scan(state, Some(&shown), &[], limit).await;
        }
        let columns = Columns {
            shown: shown.len(),
            times,
            start: place(self.start)?,
            source: place(SOURCE)?,
        };
        let recorded = self.recorded.scan(state, Some(&read), &[], limit).await?;
        Ok(Arc::new(ShiftExec::try_new(recorded, columns)?))
    }
}

/// Where columns are in what is read.
#[derive(Debug, Clone)]
struct Columns {
    /// How many of the first are shown.
    shown: usize,
    /// Of these, the times.
    times: Vec<usize>,
    /// When a row starts.
    start: usize,
    source: usize,
}

/// Moves the times of rows.
#[derive(Debug)]
pub(crate) struct ShiftExec {
    recorded: Arc<dyn ExecutionPlan>,
    columns: Columns,
    properties: Arc<PlanProperties>,
}

impl ShiftExec {
    fn try_new(recorded: Arc<dyn ExecutionPlan>, columns: Columns) -> Result<Self> {
        let shown: Vec<usize> = (0..columns.shown).collect();
        let schema = Arc::new(recorded.schema().project(&shown)?);
        // What leaves the circle at its end comes back at its start: rows are not in order of time any more.
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(recorded.output_partitioning().partition_count()),
            recorded.pipeline_behavior(),
            recorded.boundedness(),
        );
        Ok(Self {
            recorded,
            columns,
            properties: Arc::new(properties),
        })
    }
}

impl DisplayAs for ShiftExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShiftExec")
    }
}

impl ExecutionPlan for ShiftExec {
    fn name(&self) -> &'static str {
        "ShiftExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.recorded]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
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
        let Ok([recorded]) = <[Arc<dyn ExecutionPlan>; 1]>::try_from(children) else {
            return internal_err!("rows that are shifted have one input");
        };
        Ok(Arc::new(Self::try_new(recorded, self.columns.clone())?))
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

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    /// As many rows as were recorded, at times that are not known.
    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let Some(recorded) = inputs.first() else {
            return Ok(Arc::new(Statistics::new_unknown(&self.schema())));
        };
        let mut shifted = recorded.as_ref().clone();
        shifted.column_statistics.truncate(self.columns.shown);
        shifted.total_byte_size = Precision::Absent;
        for &time in &self.columns.times {
            if let Some(column) = shifted.column_statistics.get_mut(time) {
                *column = ColumnStatistics::new_unknown();
            }
        }
        Ok(Arc::new(shifted))
    }

    /// Conditions on what is not moved hold for what was recorded.
    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let stays = |place: &usize| !self.columns.times.contains(place);
        let stay = (0..self.columns.shown).filter(stays).collect();
        let child = ChildFilterDescription::from_child_with_allowed_indices(
            &filters,
            stay,
            &self.recorded,
        )?;
        Ok(FilterDescription::new().with_child(child))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let shift = context.session_config().get_extension::<Shift>();
        let Some(shift) = shift else {
            return internal_err!("a session in which nothing is shifted reads a table that is");
        };
        let (columns, schema) = (self.columns.clone(), self.schema());
        let shown = Arc::clone(&schema);
        let recorded = self.recorded.execute(partition, context)?;
        let rows = recorded.map(move |batch| shifted(&shift, &columns, &shown, &batch?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

/// Rows whose times are moved.
fn shifted(
    shift: &Shift,
    columns: &Columns,
    schema: &SchemaRef,
    batch: &RecordBatch,
) -> Result<RecordBatch> {
    let no_column = || internal_datafusion_err!("a table that is shifted has another column type");
    let column = |place: usize| batch.columns().get(place).ok_or_else(no_column);
    let starts = column(columns.start)?;
    let starts = starts.as_primitive_opt::<TimestampNanosecondType>();
    let sources = column(columns.source)?;
    let sources = sources.as_primitive_opt::<Int64Type>();
    let (Some(starts), Some(sources)) = (starts, sources) else {
        return Err(no_column());
    };
    let moved = starts.iter().zip(sources);
    let moved: Int64Array = moved
        .map(|(start, source)| shift.moves(source?, start?))
        .collect();
    let mut shown: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .take(columns.shown)
        .cloned()
        .collect();
    for &place in &columns.times {
        let times = shown.get_mut(place).ok_or_else(no_column)?;
        let DataType::Timestamp(_, zone) = times.data_type() else {
            return Err(no_column());
        };
        let zone = zone.clone();
        let times_ns = times.as_primitive_opt::<TimestampNanosecondType>();
        let times_ns = times_ns.ok_or_else(no_column)?;
        let moved_ns = times_ns.iter().zip(&moved);
        let moved_ns = moved_ns.map(|(time, by)| Some(time?.saturating_add(by.unwrap_or(0))));
        let moved_ns: TimestampNanosecondArray = moved_ns.collect();
        *times = Arc::new(moved_ns.with_timezone_opt(zone));
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), shown)?)
}
