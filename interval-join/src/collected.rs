//! Rows of the build side while they are read, before they are indexed.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};

use super::build_chunk::{BuildChunk, BuildPlan, column};
use super::join::IntervalJoin;
use super::ordinal::Ordinals;
use super::threads::Wanted;

/// Batches, and the memory reserved for them and their index.
pub(super) struct Collected {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) row_count: usize,
    counter: RecordBatchMemoryCounter,
    pub(super) reservation: MemoryReservation,
}

impl Collected {
    pub(super) fn new(join: &IntervalJoin, context: &TaskContext) -> Self {
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
    pub(super) fn add(
        &mut self,
        join: &IntervalJoin,
        batch: RecordBatch,
    ) -> Result<(), Box<RecordBatch>> {
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
    pub(super) fn add_anyway(&mut self, join: &IntervalJoin, batch: RecordBatch) {
        if let Err(batch) = self.add(join, batch) {
            self.row_count += batch.num_rows();
            self.batches.push(*batch);
        }
    }

    /// Puts batches in the order of their first rows. Scans read several files at a time, each sorted by
    /// time: then all rows are in order, and need not be sorted.
    pub(super) fn put_in_order(&mut self, join: &IntervalJoin) -> Result<()> {
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
    pub(super) async fn into_chunk(
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
