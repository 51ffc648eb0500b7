//! Rows of `stack_samples` and `stacks`.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field};
use hashbrown::DefaultHashBuilder;
use kcorr_model::columns::{int64, nullable_int32, nullable_int64, nullable_time};
use kcorr_model::{BatchBuilder, Error, Output, RowIds, SourceId, tables};

use super::dense_labels::DenseLabels;
use crate::labels::{Label, Labels};

/// Stacks that are told apart; past them the memory is emptied, and a stack that comes again gets a
/// second id.
const MAX_KNOWN_STACKS: usize = 1 << 18;
/// Samples or stacks that are held before a batch is made.
const BATCH_ROWS: usize = 1 << 13;

/// Bytes of frames that are held before a batch is made.
const BATCH_BYTES: usize = 8 << 20;

/// A sample, or a sum of samples of one stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StackSample {
    pub(crate) time: i64,
    pub(crate) state: Label,
    pub(crate) tid: i32,
    pub(crate) thread_name: Label,
    pub(crate) count: i64,
    pub(crate) weight: i64,
    pub(crate) stack_id: i64,
}

/// Samples and stacks on their way out, in the order they came.
#[derive(Debug)]
pub(crate) struct StackSamples {
    samples: Vec<StackSample>,
    sample_ids: RowIds,
    stacks: Vec<i64>,
    frames: ListBuilder<StringBuilder>,
    frame_bytes: usize,
    truncated: Vec<bool>,
    stack_ids: RowIds,
    known: HashMap<(u64, u64), i64>,
    hashers: [DefaultHashBuilder; 2],
}

impl StackSamples {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            samples: Vec::new(),
            sample_ids: source.row_ids(),
            stacks: Vec::new(),
            frames: frames_builder(),
            frame_bytes: 0,
            truncated: Vec::new(),
            stack_ids: source.row_ids(),
            known: HashMap::new(),
            hashers: [DefaultHashBuilder::default(), DefaultHashBuilder::default()],
        }
    }

    /// The id of a stack, innermost frame first.
    pub(crate) fn stack_id<S: AsRef<str>>(&mut self, frames: &[S], is_truncated: bool) -> i64 {
        let hash = |hasher: &DefaultHashBuilder, salt: u64| {
            let mut state = hasher.build_hasher();
            salt.hash(&mut state);
            frames.len().hash(&mut state);
            for frame in frames {
                frame.as_ref().hash(&mut state);
            }
            is_truncated.hash(&mut state);
            state.finish()
        };
        let [a, b] = &self.hashers;
        let key = (hash(a, 1), hash(b, 2));
        if let Some(&id) = self.known.get(&key) {
            return id;
        }
        if self.known.len() >= MAX_KNOWN_STACKS {
            self.known.clear();
        }
        let id = self.stack_ids.next();
        self.known.insert(key, id);
        self.stacks.push(id);
        self.truncated.push(is_truncated);
        for frame in frames {
            self.frames.values().append_value(frame.as_ref());
            self.frame_bytes = self.frame_bytes.saturating_add(frame.as_ref().len());
        }
        self.frames.append(true);
        id
    }

    /// Takes a sample. Call [`StackSamples::emit`] when this says so.
    #[must_use]
    pub(crate) fn push(&mut self, sample: StackSample) -> bool {
        self.samples.push(sample);
        self.is_full()
    }

    /// Whether it is time to emit.
    pub(crate) fn is_full(&self) -> bool {
        self.samples.len() >= BATCH_ROWS
            || self.stacks.len() >= BATCH_ROWS
            || self.frame_bytes >= BATCH_BYTES
    }

    /// Writes out what is held.
    pub(crate) fn emit(
        &mut self,
        source: SourceId,
        labels: &Labels,
        dense: &mut DenseLabels,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        if !self.stacks.is_empty() {
            let rows = std::mem::take(&mut self.stacks);
            let truncated = std::mem::take(&mut self.truncated);
            self.frame_bytes = 0;
            let batch = BatchBuilder::new(&tables::STACKS, rows.len())
                .set("stack_id", Arc::new(Int64Array::from(rows.clone())))
                .set("source_id", int64(&rows, |_| source.0))
                .set("frames", Arc::new(self.frames.finish()) as ArrayRef)
                .set("is_truncated", Arc::new(BooleanArray::from(truncated)))
                .finish()?;
            output.batch(&tables::STACKS, batch)?;
        }
        if !self.samples.is_empty() {
            let rows = std::mem::take(&mut self.samples);
            let rows = rows.as_slice();
            let ids: Vec<i64> = rows.iter().map(|_| self.sample_ids.next()).collect();
            let batch = BatchBuilder::new(&tables::STACK_SAMPLES, rows.len())
                .set("stack_sample_id", int64(&ids, |&id| id))
                .set("source_id", int64(rows, |_| source.0))
                .set("time", nullable_time(rows, |row| row.time))
                .set("state", dense.column(rows, labels, |row| row.state))
                .set("tid", nullable_int32(rows, |row| row.tid))
                .set(
                    "thread_name",
                    dense.column(rows, labels, |row| row.thread_name),
                )
                .set("sample_count", int64(rows, |row| row.count))
                .set("weight_ns", nullable_int64(rows, |row| row.weight))
                .set("stack_id", nullable_int64(rows, |row| row.stack_id))
                .finish()?;
            output.batch(&tables::STACK_SAMPLES, batch)?;
        }
        Ok(())
    }
}

fn frames_builder() -> ListBuilder<StringBuilder> {
    ListBuilder::new(StringBuilder::new())
        .with_field(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}
