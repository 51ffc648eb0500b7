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
use futures::StreamExt;
use futures::future::{BoxFuture, Shared};

use super::build_chunk::{BuildChunk, column};
use super::build_side::{BuildRows, BuildSide, Chunks};
use super::condition::Bound;
use super::exec::IntervalJoin;
use super::interval_index::{Hints, Walk};
use super::key_table::NO_GROUP;
use super::ordinal::Ordinals;
use super::output::{Output, passing};
use super::probe_input::{ProbeInput, ProbeReach};

/// The build side, when it is there. Errors are shared by all who wait for it.
pub(super) type SharedBuild =
    Shared<BoxFuture<'static, std::result::Result<Arc<BuildSide>, Arc<DataFusionError>>>>;

/// One partition of the operator at work.
pub(super) struct Probe {
    join: Arc<IntervalJoin>,
    context: Arc<TaskContext>,
    build: SharedBuild,
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

/// A batch of the probe side, and how far it is matched.
struct ProbeBatch {
    rows: RecordBatch,
    number: usize,
    groups: Option<Vec<u32>>,
    limits: Limits,
    next_row: usize,
    walk: Option<Walk>,
    /// Which rows had a match; `None` when the join does not ask.
    matched: Option<BooleanBufferBuilder>,
}

/// What build rows must be to match each probe row: upper bounds at most, lower bounds at least.
struct Limits {
    at_most: Ordinals,
    at_least: Ordinals,
    is_upper_closed: bool,
    is_lower_closed: bool,
}

/// The build side's rows after the last probe row.
struct Leftover {
    side: Arc<BuildSide>,
    rows: Option<datafusion::execution::SendableRecordBatchStream>,
    memory: Option<RecordBatch>,
    next_row: usize,
}

impl Probe {
    #[expect(clippy::too_many_arguments, reason = "one for each part it is made of")]
    pub(super) fn new(
        join: Arc<IntervalJoin>,
        context: Arc<TaskContext>,
        build: SharedBuild,
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
                let mut chunks = rows.chunks(&self.join, &self.context)?;
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
            let batch = self.probe_batch(&mut pass, number, rows)?;
            if pass.is_first && !pass.is_last {
                self.input.keep(&batch.rows, batch.limits.reach())?;
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

    fn probe_batch(&self, pass: &mut Pass, number: usize, rows: RecordBatch) -> Result<ProbeBatch> {
        let limits = Limits::new(
            &self.join.condition.upper,
            &self.join.condition.lower,
            &rows,
        )?;
        let groups = match &pass.chunk.keys {
            Some(keys) => {
                let columns = self.join.on.iter().map(|(_, probe)| column(probe, &rows));
                Some(keys.groups_of(&columns.collect::<Result<Vec<_>>>()?)?)
            }
            None => None,
        };
        let matched = self.join.needs_matched_probe_rows().then(|| {
            let earlier = pass.matched.get_mut(number);
            earlier
                .map(|bits| std::mem::replace(bits, BooleanBufferBuilder::new(0)))
                .unwrap_or_else(|| {
                    let mut bits = BooleanBufferBuilder::new(rows.num_rows());
                    bits.append_n(rows.num_rows(), false);
                    bits
                })
        });
        Ok(ProbeBatch {
            rows,
            number,
            groups,
            limits,
            next_row: 0,
            walk: None,
            matched,
        })
    }

    /// Matches rows of a batch until an output batch is full. Returns the batch unless it is done.
    fn join_rows(&mut self, pass: &mut Pass, mut batch: ProbeBatch) -> Result<Option<ProbeBatch>> {
        let is_existence_enough = self.join.is_existence_enough();
        let (index, hints) = (&pass.chunk.index, &mut pass.hints);
        let mut build_rows: Vec<u32> =
            Vec::with_capacity(self.batch_rows.min(batch.rows.num_rows()));
        let mut probe_rows: Vec<u32> = Vec::with_capacity(build_rows.capacity());
        let count = batch.rows.num_rows();
        while batch.next_row < count && build_rows.len() < self.batch_rows {
            let row = batch.next_row;
            let mut walk = match batch.walk.take() {
                Some(walk) => walk,
                None => {
                    let group = batch.groups.as_ref().map_or(0, |groups| groups[row]);
                    let limits = batch.limits.get(row).filter(|_| group != NO_GROUP);
                    let Some((at_most, at_least)) = limits else {
                        batch.next_row += 1;
                        continue;
                    };
                    let Some(walk) = index.allowed(group, at_most, at_least, hints) else {
                        batch.next_row += 1;
                        continue;
                    };
                    if let (true, Some(matched)) = (is_existence_enough, &mut batch.matched) {
                        matched.set_bit(row, true);
                        batch.next_row += 1;
                        continue;
                    }
                    walk
                }
            };
            if index.matches(&mut walk, &mut build_rows, self.batch_rows) {
                batch.next_row += 1;
            } else {
                batch.walk = Some(walk);
            }
            // Batches have fewer than 2³² rows.
            probe_rows.resize(build_rows.len(), u32::try_from(row).unwrap_or(u32::MAX));
        }
        if !build_rows.is_empty() {
            self.add_pairs(pass, &mut batch, build_rows, probe_rows)?;
        }
        if batch.next_row < count {
            return Ok(Some(batch));
        }
        self.end_batch(pass, batch)?;
        Ok(None)
    }

    fn add_pairs(
        &mut self,
        pass: &Pass,
        batch: &mut ProbeBatch,
        build_rows: Vec<u32>,
        probe_rows: Vec<u32>,
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
            pass.matched
                .resize_with(pass.matched.len().max(batch.number + 1), || {
                    BooleanBufferBuilder::new(0)
                });
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
        let (rows, memory) = match &side.rows {
            BuildRows::Memory(chunk) => (None, Some(chunk.rows.clone())),
            BuildRows::Spilled(rows) => (Some(rows.read()?), None),
        };
        let side = Arc::clone(side);
        Ok(Stage::Unmatched(Box::new(Leftover {
            side,
            rows,
            memory,
            next_row: 0,
        })))
    }

    async fn write_leftover(&mut self, mut leftover: Box<Leftover>) -> Result<Stage> {
        let rows = match (&mut leftover.rows, &mut leftover.memory) {
            (Some(rows), _) => rows.next().await.transpose()?,
            (None, memory) => memory.take().map(|rows| {
                let first = rows.slice(0, rows.num_rows().min(self.batch_rows));
                let rest = rows.slice(first.num_rows(), rows.num_rows() - first.num_rows());
                *memory = Some(rest).filter(|rest| rest.num_rows() > 0);
                first
            }),
        };
        let (Some(rows), Some(matched)) = (rows, &leftover.side.matched) else {
            return Ok(Stage::Done);
        };
        let matched = matched.slice(leftover.next_row, rows.num_rows());
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
        leftover.next_row += rows.num_rows();
        Ok(Stage::Unmatched(leftover))
    }
}

impl Limits {
    fn new(upper: &Bound, lower: &Bound, rows: &RecordBatch) -> Result<Self> {
        Ok(Self {
            at_most: Ordinals::of(&column(&upper.probe, rows)?)?,
            at_least: Ordinals::of(&column(&lower.probe, rows)?)?,
            is_upper_closed: upper.is_closed,
            is_lower_closed: lower.is_closed,
        })
    }

    /// The limits of a row, both closed; `None` when nothing can match it.
    #[inline]
    fn get(&self, row: usize) -> Option<(i64, i64)> {
        let at_most = self
            .at_most
            .get(row)?
            .checked_sub(i64::from(!self.is_upper_closed))?;
        let at_least = self
            .at_least
            .get(row)?
            .checked_add(i64::from(!self.is_lower_closed))?;
        Some((at_most, at_least))
    }

    fn reach(&self) -> ProbeReach {
        let rows = (0..self.at_most.values.len()).filter_map(|row| self.get(row));
        rows.fold(ProbeReach::NONE, |reach, (at_most, at_least)| {
            reach.and(ProbeReach { at_most, at_least })
        })
    }
}
