//! The build side: collected once, kept in memory when there is room, else in a file.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::spill_file::SpillFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::{
    Count, ExecutionPlanMetricsSet, Gauge, MetricBuilder, SpillMetrics, Time,
};
use futures::StreamExt;

use super::build_chunk::{BuildChunk, BuildPlan, column};
use super::join::IntervalJoin;
use super::ordinal::Ordinals;
use super::threads::Wanted;

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

/// Batches, and the memory reserved for them and their index.
struct Collected {
    batches: Vec<RecordBatch>,
    row_count: usize,
    counter: RecordBatchMemoryCounter,
    reservation: MemoryReservation,
}

impl Collected {
    fn new(join: &IntervalJoin, context: &TaskContext) -> Self {
        let name = format!("IntervalJoin {}", join.condition);
        Self {
            batches: Vec::new(),
            row_count: 0,
            counter: RecordBatchMemoryCounter::new(),
            reservation: MemoryConsumer::new(name)
                .with_can_spill(true)
                .register(context.memory_pool()),
        }
    }

    /// Adds a batch, or gives it back when there is no memory for it.
    fn add(&mut self, join: &IntervalJoin, batch: RecordBatch) -> Result<(), Box<RecordBatch>> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let bytes = self.counter.count_batch(&batch);
        let needed = bytes + BuildChunk::overhead(join, bytes, batch.num_rows());
        // Rows are numbered in 32 bits.
        let is_too_long = u32::try_from(self.row_count + batch.num_rows()).is_err();
        if is_too_long || self.reservation.try_grow(needed).is_err() {
            return Err(Box::new(batch));
        }
        self.row_count += batch.num_rows();
        self.batches.push(batch);
        Ok(())
    }

    /// Adds a batch whether there is memory for it or not: less than that cannot be joined.
    fn add_anyway(&mut self, join: &IntervalJoin, batch: RecordBatch) {
        if let Err(batch) = self.add(join, batch) {
            self.row_count += batch.num_rows();
            self.batches.push(*batch);
        }
    }

    /// Puts batches in the order of their first rows. Scans read several files at a time, each sorted by
    /// time: then all rows are in order, and need not be sorted.
    fn put_in_order(&mut self, join: &IntervalJoin) -> Result<()> {
        let first_bound = |batch: &RecordBatch| -> Result<Option<i64>> {
            let bound = column(&join.condition.upper.build, &batch.slice(0, 1))?;
            Ok(Ordinals::of(&bound)?.get(0))
        };
        let batches = self.batches.drain(..);
        let batches = batches.map(|batch| Ok((first_bound(&batch)?, batch)));
        let mut batches = batches.collect::<Result<Vec<_>>>()?;
        batches.sort_by_key(|(bound, _)| *bound);
        self.batches = batches.into_iter().map(|(_, batch)| batch).collect();
        Ok(())
    }

    /// Indexes the rows, on a thread where it keeps nobody waiting.
    async fn into_chunk(
        self,
        plan: &Arc<BuildPlan>,
        schema: &SchemaRef,
        first_row: usize,
    ) -> Result<BuildChunk> {
        let (plan, schema) = (Arc::clone(plan), Arc::clone(schema));
        let Self {
            batches,
            reservation,
            ..
        } = self;
        // Gone when this is dropped.
        let waiting = Arc::new(());
        let wanted = Wanted(Arc::downgrade(&waiting));
        let task = SpawnedTask::spawn_blocking(move || {
            BuildChunk::new(&plan, &schema, &batches, first_row, reservation, &wanted)
        });
        let chunk = task
            .join_unwind()
            .await
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
        drop(waiting);
        chunk
    }
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

/// A bit a row of the build side, set by all probe streams.
#[derive(Debug)]
pub(super) struct MatchedRows {
    words: Vec<AtomicU64>,
}

impl MatchedRows {
    fn new(rows: usize) -> Self {
        Self {
            words: (0..rows.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Marks a row.
    pub(super) fn mark(&self, row: usize) {
        let (word, bit) = (&self.words[row / 64], 1 << (row % 64));
        // Most rows are marked more than once; only writing is dear between threads.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Whether each of some rows is marked.
    pub(super) fn slice(&self, first: usize, count: usize) -> BooleanArray {
        let is_marked = |place: usize| {
            let row = first + place;
            self.words[row / 64].load(Ordering::Relaxed) & (1 << (row % 64)) != 0
        };
        BooleanArray::new(BooleanBuffer::collect_bool(count, is_marked), None)
    }
}
