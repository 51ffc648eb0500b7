//! All rows of one source, on their way to its output.

use kcorr_model::{Error, Output, SourceId};

use super::block_io::BlockIo;
use super::dense_labels::DenseLabels;
use super::function_call::FunctionCall;
use super::lock_wait::LockWait;
use super::name_extent::{CutNames, LongestNames};
use super::pause::Pause;
use super::reorder::Reorder;
use super::row::{Row, Shared};
use super::run_queue_wait::RunQueueWait;
use super::socket_thread::SocketThread;
use super::stack_sample::{StackSample, StackSamples};
use super::standing::Standing;
use super::told::Told;
use super::write::Write;
use crate::labels::{Label, Labels};

/// Rows that wait for their batch, by table, with the strings they refer to.
#[derive(Debug)]
pub(crate) struct RowsOfSource {
    source: SourceId,
    pub(crate) labels: Labels,
    dense: DenseLabels,
    writes: Reorder<Write>,
    lock_waits: Reorder<LockWait>,
    function_calls: Reorder<FunctionCall>,
    pauses: Reorder<Pause>,
    run_queue_waits: Reorder<RunQueueWait>,
    block_io: Reorder<BlockIo>,
    socket_threads: Reorder<SocketThread>,
    standings: Reorder<Standing>,
    pub(crate) stack_samples: StackSamples,
    /// Stacks and files that rows of `standings` refer to.
    pub(crate) told: Told,
    longest_names: LongestNames,
    /// Names of directories that are cut.
    pub(crate) cut_names: CutNames,
    needs_emit: bool,
}

/// A row of any table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AnyRow {
    Write(Write),
    LockWait(LockWait),
    FunctionCall(FunctionCall),
    Pause(Pause),
    RunQueueWait(RunQueueWait),
    BlockIo(BlockIo),
    SocketThread(SocketThread),
    Standing(Standing),
    StackSample(StackSample),
}

impl RowsOfSource {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            labels: Labels::default(),
            dense: DenseLabels::default(),
            writes: Reorder::new(source),
            lock_waits: Reorder::new(source),
            function_calls: Reorder::new(source),
            pauses: Reorder::new(source),
            run_queue_waits: Reorder::new(source),
            block_io: Reorder::new(source),
            socket_threads: Reorder::new(source),
            standings: Reorder::new(source),
            stack_samples: StackSamples::new(source),
            told: Told::default(),
            longest_names: LongestNames::default(),
            cut_names: CutNames::default(),
            needs_emit: false,
        }
    }

    /// Takes a row whose labels are of [`RowsOfSource::labels`]. Call
    /// [`RowsOfSource::emit_if_due`] after it.
    #[inline]
    pub(crate) fn push(&mut self, row: AnyRow) {
        self.needs_emit |= match row {
            AnyRow::Write(row) => self.writes.push(row),
            AnyRow::LockWait(row) => self.lock_waits.push(row),
            AnyRow::FunctionCall(row) => self.function_calls.push(row),
            AnyRow::Pause(row) => self.pauses.push(row),
            AnyRow::RunQueueWait(row) => self.run_queue_waits.push(row),
            AnyRow::BlockIo(row) => self.block_io.push(row),
            AnyRow::SocketThread(row) => self.socket_threads.push(row),
            AnyRow::Standing(row) => self.standings.push(row),
            AnyRow::StackSample(row) => self.stack_samples.push(row),
        };
    }

    /// Equal rows are different events from now on: their times are rounded.
    pub(crate) fn keep_duplicates(&mut self) {
        self.writes.keep_duplicates();
        self.lock_waits.keep_duplicates();
        self.function_calls.keep_duplicates();
        self.pauses.keep_duplicates();
        self.run_queue_waits.keep_duplicates();
        self.block_io.keep_duplicates();
        self.socket_threads.keep_duplicates();
        self.standings.keep_duplicates();
    }

    /// Duplicates dropped so far.
    pub(crate) fn duplicates(&self) -> u64 {
        [
            self.writes.duplicates,
            self.lock_waits.duplicates,
            self.function_calls.duplicates,
            self.pauses.duplicates,
            self.run_queue_waits.duplicates,
            self.block_io.duplicates,
            self.socket_threads.duplicates,
            self.standings.duplicates,
        ]
        .iter()
        .sum()
    }

    /// Rows so far that came too late to be sorted.
    pub(crate) fn late(&self) -> u64 {
        [
            self.writes.late,
            self.lock_waits.late,
            self.function_calls.late,
            self.pauses.late,
            self.run_queue_waits.late,
            self.block_io.late,
            self.socket_threads.late,
            self.standings.late,
        ]
        .iter()
        .sum()
    }

    /// Says that a stack was added without a sample.
    pub(crate) fn emit_stacks_if_many(&mut self) {
        self.needs_emit |= self.stack_samples.is_full();
    }

    /// Writes batches when enough rows wait. True when the labels were forgotten with that.
    #[inline]
    pub(crate) fn emit_if_due(&mut self, output: &mut dyn Output) -> Result<bool, Error> {
        let forget = self.labels.is_full();
        if self.needs_emit || forget {
            self.emit(forget, output)?;
            if forget {
                self.labels.clear();
                self.longest_names.forget_labels();
            }
        }
        Ok(forget)
    }

    /// Writes out everything.
    pub(crate) fn finish(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.emit(true, output)
    }

    fn emit(&mut self, all: bool, output: &mut dyn Output) -> Result<(), Error> {
        let Self {
            source,
            labels,
            dense,
            cut_names,
            longest_names,
            told,
            ..
        } = self;
        // Rows stay in the window, so that those that leave it know of names that come later.
        for row in self.writes.fresh() {
            longest_names.look(row.directory, row.extent, row.file, labels);
        }
        cut_names.ceiling = longest_names.ceiling();
        let shared = &mut Shared {
            labels,
            dense: &mut *dense,
            cut_names,
            told,
        };
        self.writes.emit_if_due(all, *source, shared, output)?;
        self.lock_waits.emit_if_due(all, *source, shared, output)?;
        self.function_calls
            .emit_if_due(all, *source, shared, output)?;
        self.pauses.emit_if_due(all, *source, shared, output)?;
        self.run_queue_waits
            .emit_if_due(all, *source, shared, output)?;
        self.block_io.emit_if_due(all, *source, shared, output)?;
        self.socket_threads
            .emit_if_due(all, *source, shared, output)?;
        self.standings.emit_if_due(all, *source, shared, output)?;
        self.stack_samples.emit(*source, labels, dense, output)?;
        self.needs_emit = false;
        Ok(())
    }
}

impl AnyRow {
    /// When the event ends, if its row has an end.
    #[inline]
    pub(crate) fn end(&self) -> i64 {
        match self {
            AnyRow::Write(row) => row.end,
            AnyRow::LockWait(row) => row.end,
            AnyRow::FunctionCall(row) => row.end,
            AnyRow::Pause(row) => row.end,
            AnyRow::RunQueueWait(row) => row.end,
            AnyRow::BlockIo(row) => row.end,
            AnyRow::SocketThread(row) => row.time,
            AnyRow::Standing(row) => row.end,
            AnyRow::StackSample(row) => row.time,
        }
    }

    /// Replaces each label.
    pub(crate) fn relabel(&mut self, map: &mut impl FnMut(Label) -> Label) {
        match self {
            AnyRow::Write(row) => relabel(row, map),
            AnyRow::LockWait(row) => relabel(row, map),
            AnyRow::FunctionCall(row) => relabel(row, map),
            AnyRow::Pause(row) => relabel(row, map),
            AnyRow::RunQueueWait(row) => relabel(row, map),
            AnyRow::BlockIo(row) => relabel(row, map),
            AnyRow::SocketThread(row) => relabel(row, map),
            AnyRow::Standing(row) => relabel(row, map),
            AnyRow::StackSample(_) => {}
        }
    }
}

fn relabel(row: &mut impl Row, map: &mut impl FnMut(Label) -> Label) {
    for label in row.labels() {
        *label = map(*label);
    }
}
