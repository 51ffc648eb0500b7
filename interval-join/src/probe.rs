//! The probe side, streamed through the build side.

use std::sync::Arc;

use datafusion::arrow::array::{BooleanArray, BooleanBufferBuilder, RecordBatch, UInt32Array};
use datafusion::arrow::compute::not;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{DataFusionError, JoinSide, JoinType, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, SpillMetrics, Time,
};

use super::build_chunk::BuildChunk;
use super::build_side::{BuildRows, BuildSide, Chunks};
use super::interval_index::Hints;
use super::join::IntervalJoin;
use super::leftover::Leftover;
use super::output::{Output, passing};
use super::probe_batch::ProbeBatch;
use super::probe_input::ProbeInput;
use super::shared_build::BuildFuture;

/// One partition of the operator at work.
pub(super) struct Probe {
    join: Arc<IntervalJoin>,
    context: Arc<TaskContext>,
    build: BuildFuture,
    build_schema: SchemaRef,
    probe_schema: SchemaRef,
    input: ProbeInput,
    output: Output,
    metrics: ProbeMetrics,
    batch_rows: usize,
    stage: Stage,
}

#[derive(Debug)]
struct ProbeMetrics {
    baseline: BaselineMetrics,
    join_time: Time,
    input_batches: Count,
    input_rows: Count,
    passes: Count,
}

enum Stage {
    /// Nothing has happened.
    New,
    /// Probe rows are matched with those of a chunk.
    Probing(Box<Pass>),
    /// Build rows with or without a match are written, those of the next batch first.
    Unmatched(Box<Leftover>),
    /// All rows are in the output.
    Done,
}

/// One pass of the probe rows through a chunk of the build side.
struct Pass {
    side: Arc<BuildSide>,
    chunk: Arc<BuildChunk>,
    /// Where more chunks come from; `None` when all rows are in this one.
    chunks: Option<Chunks>,
    is_first: bool,
    is_last: bool,
    /// Where the last search of each group ended.
    hints: Hints,
    /// Which probe rows had a match in earlier passes, by batch.
    matched: Vec<BooleanBufferBuilder>,
    batch: Option<ProbeBatch>,
}

impl Probe {
    #[expect(clippy::too_many_arguments, reason = "one for each part it is made of")]
    pub(super) fn new(
        join: Arc<IntervalJoin>,
        context: Arc<TaskContext>,
        build: BuildFuture,
        build_schema: SchemaRef,
        input: datafusion::execution::SendableRecordBatchStream,
        output: Output,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> Self {
        let counter = |name| MetricBuilder::new(metrics).counter(name, partition);
        Self {
            probe_schema: input.schema(),
            input: ProbeInput::new(input, &context, SpillMetrics::new(metrics, partition)),
            batch_rows: context.session_config().batch_size(),
            metrics: ProbeMetrics {
                baseline: BaselineMetrics::new(metrics, partition),
                join_time: MetricBuilder::new(metrics).subset_time("join_time", partition),
                input_batches: counter("input_batches"),
                input_rows: counter("input_rows"),
                passes: counter("passes"),
            },
            join,
            context,
            build,
            build_schema,
            output,
            stage: Stage::New,
        }
    }

    /// The next batch of the output.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.output.next() {
                self.metrics.baseline.record_output(batch.num_rows());
                return Ok(Some(batch));
            }
            self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::New => self.start().await?,
                Stage::Probing(pass) => self.advance(pass).await?,
                Stage::Unmatched(leftover) => self.write_leftover(leftover).await?,
                Stage::Done => {
                    if !self.output.finish()? {
                        return Ok(None);
                    }
                    self.metrics.baseline.done();
                    Stage::Done
                }
            };
            // A join that finds little must not keep the thread.
            tokio::task::consume_budget().await;
        }
    }

    async fn start(&mut self) -> Result<Stage> {
        let side = self.build.clone().await.map_err(DataFusionError::Shared)?;
        let (chunk, chunks, is_last) = match &side.rows {
            BuildRows::Memory(chunk) => (Arc::clone(chunk), None, true),
            BuildRows::Spilled(rows) => {
                let mut chunks = rows.chunks(&self.context)?;
                let (chunk, is_last) = chunks.next().await?;
                (Arc::new(chunk), Some(chunks), is_last)
            }
        };
        self.metrics.passes.add(1);
        let hints = chunk.index.hints();
        Ok(Stage::Probing(Box::new(Pass {
            side,
            chunk,
            chunks,
            is_first: true,
            is_last,
            hints,
            matched: Vec::new(),
            batch: None,
        })))
    }

    /// Matches some rows, or fetches more of them, or ends the pass.
    async fn advance(&mut self, mut pass: Box<Pass>) -> Result<Stage> {
        if let Some(batch) = pass.batch.take() {
            let join_time = self.metrics.join_time.clone();
            let _timer = join_time.timer();
            pass.batch = self.join_rows(&mut pass, batch)?;
            return Ok(Stage::Probing(pass));
        }
        if pass.is_last && self.is_in_vain(&pass) {
            return self.end(&pass.side);
        }
        if let Some((number, rows)) = self.input.next().await? {
            let join_time = self.metrics.join_time.clone();
            let _timer = join_time.timer();
            if pass.is_first {
                self.metrics.input_batches.add(1);
                self.metrics.input_rows.add(rows.num_rows());
            }
            let matched = self.join.needs_matched_probe_rows().then(|| {
                let earlier = pass.matched.get_mut(number);
                let earlier = earlier.map(|bits| std::mem::replace(bits, no_bits()));
                earlier.unwrap_or_else(|| {
                    let mut bits = BooleanBufferBuilder::new(rows.num_rows());
                    bits.append_n(rows.num_rows(), false);
                    bits
                })
            });
            let keys = pass.chunk.keys.as_ref();
            let batch = ProbeBatch::new(&self.join, keys, (number, rows), matched)?;
            if pass.is_first && !pass.is_last {
                self.input.keep(&batch.rows, batch.reach())?;
            }
            pass.batch = Some(batch);
            return Ok(Stage::Probing(pass));
        }
        if pass.is_last {
            return self.end(&pass.side);
        }
        self.next_pass(pass).await
    }

    /// Whether no row of the probe side can add anything: there are no build rows.
    fn is_in_vain(&self, pass: &Pass) -> bool {
        pass.chunks.is_none()
            && pass.chunk.rows.num_rows() == 0
            && self.join.join_type.empty_build_side_produces_empty_result()
    }

    async fn next_pass(&mut self, mut pass: Box<Pass>) -> Result<Stage> {
        let Some(mut chunks) = pass.chunks.take() else {
            return self.end(&pass.side);
        };
        // The memory of a chunk is free before the next one is read.
        let Pass { side, matched, .. } = *pass;
        drop(pass.chunk);
        let (chunk, is_last) = chunks.next().await?;
        let bounds = chunk.index.bounds();
        let is_every_row_needed = is_last && self.join.needs_matched_probe_rows();
        self.input.restart(|reach| {
            is_every_row_needed
                || bounds.is_some_and(|(least_upper, greatest_lower)| {
                    reach.at_most >= least_upper && reach.at_least <= greatest_lower
                })
        })?;
        self.metrics.passes.add(1);
        let hints = chunk.index.hints();
        Ok(Stage::Probing(Box::new(Pass {
            side,
            chunk: Arc::new(chunk),
            chunks: Some(chunks),
            is_first: false,
            is_last,
            hints,
            matched,
            batch: None,
        })))
    }

    /// Matches rows of a batch until an output batch is full. Returns the batch unless it is done.
    fn join_rows(&mut self, pass: &mut Pass, mut batch: ProbeBatch) -> Result<Option<ProbeBatch>> {
        let is_existence_enough = self.join.is_existence_enough();
        let (index, hints) = (&pass.chunk.index, &mut pass.hints);
        let pairs = batch.pairs(index, hints, self.batch_rows, is_existence_enough);
        if !pairs.0.is_empty() {
            self.add_pairs(pass, &mut batch, pairs)?;
        }
        if !batch.is_done() {
            return Ok(Some(batch));
        }
        self.end_batch(pass, batch)?;
        Ok(None)
    }

    fn add_pairs(
        &mut self,
        pass: &Pass,
        batch: &mut ProbeBatch,
        (build_rows, probe_rows): (Vec<u32>, Vec<u32>),
    ) -> Result<()> {
        let chunk = &pass.chunk;
        let mut build_rows = UInt32Array::from(build_rows);
        let mut probe_rows = UInt32Array::from(probe_rows);
        if let Some(residual) = &self.join.residual {
            (build_rows, probe_rows) = passing(
                residual,
                (&chunk.rows, build_rows),
                (&batch.rows, probe_rows),
            )?;
        }
        if let Some(matched) = &mut batch.matched {
            for &row in probe_rows.values() {
                matched.set_bit(row as usize, true);
            }
        }
        if let Some(matched) = &pass.side.matched {
            for &row in build_rows.values() {
                matched.mark(chunk.first_row + row as usize);
            }
        }
        if self.join.yields_pairs() {
            self.output
                .add_pairs((&chunk.rows, &build_rows), (&batch.rows, &probe_rows))?;
        }
        Ok(())
    }

    /// Writes the probe rows that are only known now to belong into the output.
    fn end_batch(&mut self, pass: &mut Pass, batch: ProbeBatch) -> Result<()> {
        let Some(mut matched) = batch.matched else {
            return Ok(());
        };
        if !pass.is_last {
            let batches = pass.matched.len().max(batch.number + 1);
            pass.matched.resize_with(batches, no_bits);
            pass.matched[batch.number] = matched;
            return Ok(());
        }
        let matched = BooleanArray::new(matched.finish(), None);
        let (rows, other) = (&batch.rows, &self.build_schema);
        match self.join.join_type {
            JoinType::Right | JoinType::Full | JoinType::RightAnti => {
                self.output
                    .add_rows(JoinSide::Right, rows, other, &not(&matched)?)
            }
            JoinType::RightSemi => self.output.add_rows(JoinSide::Right, rows, other, &matched),
            JoinType::RightMark => self.output.add_marked(rows, &matched),
            _ => Ok(()),
        }
    }

    /// After the last pass: the last of all streams writes the build rows that had (no) match.
    fn end(&mut self, side: &Arc<BuildSide>) -> Result<Stage> {
        if !side.end_probe() || side.matched.is_none() {
            return Ok(Stage::Done);
        }
        let leftover = Leftover::new(Arc::clone(side), self.batch_rows)?;
        Ok(Stage::Unmatched(Box::new(leftover)))
    }

    async fn write_leftover(&mut self, mut leftover: Box<Leftover>) -> Result<Stage> {
        let Some((rows, matched)) = leftover.next().await? else {
            return Ok(Stage::Done);
        };
        let other = &self.probe_schema;
        match self.join.join_type {
            JoinType::Left | JoinType::Full | JoinType::LeftAnti => {
                self.output
                    .add_rows(JoinSide::Left, &rows, other, &not(&matched)?)?;
            }
            JoinType::LeftSemi => self
                .output
                .add_rows(JoinSide::Left, &rows, other, &matched)?,
            JoinType::LeftMark => self.output.add_marked(&rows, &matched)?,
            _ => {}
        }
        Ok(Stage::Unmatched(leftover))
    }
}

fn no_bits() -> BooleanBufferBuilder {
    BooleanBufferBuilder::new(0)
}
