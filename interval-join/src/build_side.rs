//! The build side: collected once, kept in memory when there is room, else in a file.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::execution::spill_file::SpillFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::{
    Count, ExecutionPlanMetricsSet, Gauge, MetricBuilder, SpillMetrics, Time,
};
use futures::StreamExt;

use super::build_chunk::{BuildChunk, BuildPlan};
use super::collected::Collected;
use super::matched_rows::MatchedRows;

/// All rows of the build side.
#[derive(Debug)]
pub(super) struct BuildSide {
    /// Where they are.
    pub(super) rows: BuildRows,
    /// Which of them had a match; `None` when the join does not ask.
    pub(super) matched: Option<MatchedRows>,
    /// Probe streams that have not ended.
    open_probes: AtomicUsize,
}

/// Where the rows of the build side are.
#[derive(Debug)]
pub(super) enum BuildRows {
    /// In memory, indexed.
    Memory(Arc<BuildChunk>),
    /// In a file, because memory was short.
    Spilled(SpilledRows),
}

/// Rows of the build side in a file.
pub(super) struct SpilledRows {
    plan: Arc<BuildPlan>,
    manager: SpillManager,
    file: Arc<dyn SpillFile>,
}

/// What is measured while the build side is collected.
#[derive(Debug, Clone)]
pub(super) struct BuildMetrics {
    time: Time,
    input_batches: Count,
    input_rows: Count,
    memory: Gauge,
    spill: SpillMetrics,
}

impl BuildMetrics {
    pub(super) fn new(metrics: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let new = || MetricBuilder::new(metrics);
        Self {
            time: new().subset_time("build_time", partition),
            input_batches: new().counter("build_input_batches", partition),
            input_rows: new().counter("build_input_rows", partition),
            memory: new().gauge("build_mem_used", partition),
            spill: SpillMetrics::new(metrics, partition),
        }
    }
}

impl BuildSide {
    /// Reads the build side to its end.
    pub(super) async fn collect(
        plan: Arc<BuildPlan>,
        mut input: SendableRecordBatchStream,
        context: Arc<TaskContext>,
        metrics: BuildMetrics,
        probe_count: usize,
    ) -> Result<Self> {
        let schema = input.schema();
        let join = &plan.join;
        let mut collected = Collected::new(join, &context);
        let mut row_count = 0;
        let mut rows = None;
        while let Some(batch) = input.next().await.transpose()? {
            // A source that is always ready must not keep the thread.
            tokio::task::consume_budget().await;
            let timer = metrics.time.timer();
            metrics.input_batches.add(1);
            metrics.input_rows.add(batch.num_rows());
            row_count += batch.num_rows();
            if let Err(rest) = collected.add(join, batch) {
                drop(timer);
                rows = Some(
                    spill(
                        &plan,
                        &mut collected,
                        *rest,
                        &mut input,
                        &context,
                        &metrics,
                        &mut row_count,
                    )
                    .await?,
                );
                break;
            }
        }
        let rows = match rows {
            Some(rows) => BuildRows::Spilled(rows),
            None => {
                let _timer = metrics.time.timer();
                collected.put_in_order(join)?;
                let chunk = collected.into_chunk(&plan, &schema, 0).await?;
                metrics.memory.set(chunk.reserved());
                BuildRows::Memory(Arc::new(chunk))
            }
        };
        Ok(Self {
            rows,
            matched: join
                .needs_matched_build_rows()
                .then(|| MatchedRows::new(row_count)),
            open_probes: AtomicUsize::new(probe_count),
        })
    }

    /// Says that a probe stream has seen all its rows; true for the last one.
    pub(super) fn end_probe(&self) -> bool {
        self.open_probes.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

impl fmt::Debug for SpilledRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpilledRows").finish_non_exhaustive()
    }
}

impl SpilledRows {
    /// The rows in order.
    pub(super) fn read(&self) -> Result<SendableRecordBatchStream> {
        self.manager
            .read_spill_as_stream(Arc::clone(&self.file), None)
    }

    /// The rows in chunks that fit into memory.
    pub(super) fn chunks(&self, context: &Arc<TaskContext>) -> Result<Chunks> {
        Ok(Chunks {
            plan: Arc::clone(&self.plan),
            context: Arc::clone(context),
            schema: Arc::clone(self.manager.schema()),
            input: self.read()?,
            ahead: None,
            next_row: 0,
        })
    }
}

/// Writes what was collected and all that is to come to a file.
async fn spill(
    plan: &Arc<BuildPlan>,
    collected: &mut Collected,
    rest: RecordBatch,
    input: &mut SendableRecordBatchStream,
    context: &TaskContext,
    metrics: &BuildMetrics,
    row_count: &mut usize,
) -> Result<SpilledRows> {
    let manager = SpillManager::new(context.runtime_env(), metrics.spill.clone(), input.schema())
        .with_compression_type(context.session_config().spill_compression());
    let mut file = manager.create_in_progress_file("the build side of an interval join")?;
    for batch in collected.batches.drain(..) {
        file.append_batch(&batch)?;
    }
    collected.reservation.free();
    file.append_batch(&rest)?;
    while let Some(batch) = input.next().await.transpose()? {
        tokio::task::consume_budget().await;
        metrics.input_batches.add(1);
        metrics.input_rows.add(batch.num_rows());
        *row_count += batch.num_rows();
        file.append_batch(&batch)?;
    }
    let file = file.finish()?;
    let file = file.ok_or_else(|| internal_datafusion_err!("a spill file without rows"))?;
    Ok(SpilledRows {
        plan: Arc::clone(plan),
        manager,
        file,
    })
}

/// Reads spilled rows in chunks, each as large as memory allows.
pub(super) struct Chunks {
    plan: Arc<BuildPlan>,
    context: Arc<TaskContext>,
    schema: SchemaRef,
    input: SendableRecordBatchStream,
    ahead: Option<RecordBatch>,
    next_row: usize,
}

impl Chunks {
    /// The next chunk, and whether it is the last. The one before must be gone, with its memory.
    pub(super) async fn next(&mut self) -> Result<(BuildChunk, bool)> {
        let mut collected = Collected::new(&self.plan.join, &self.context);
        if let Some(batch) = self.ahead.take() {
            collected.add_anyway(&self.plan.join, batch);
        }
        while let Some(batch) = self.input.next().await.transpose()? {
            if collected.batches.is_empty() {
                collected.add_anyway(&self.plan.join, batch);
            } else if let Err(batch) = collected.add(&self.plan.join, batch) {
                self.ahead = Some(*batch);
                break;
            }
        }
        let first_row = self.next_row;
        self.next_row += collected.row_count;
        let chunk = collected
            .into_chunk(&self.plan, &self.schema, first_row)
            .await?;
        Ok((chunk, self.ahead.is_none()))
    }
}
