//! The rows of a probe stream: once from its input and then, when the build side comes in several
//! chunks, again from files, without those that no row of the chunk can match.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::execution::spill_file::SpillFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::SpillMetrics;
use futures::StreamExt;

/// Bytes of batches that become one file.
const FILE_BYTES: usize = 4 << 20;

/// Where the next rows come from.
pub(super) struct ProbeInput {
    /// The input; `None` when it has been read to its end.
    input: Option<SendableRecordBatchStream>,
    manager: SpillManager,
    /// Batches that are not in a file yet, their size, and their times.
    pending: (Vec<RecordBatch>, usize, ProbeReach),
    files: Vec<ProbeFile>,
    /// Files that are still to be read in this pass: the number of the first batch, and the file.
    queue: VecDeque<(usize, Arc<dyn SpillFile>)>,
    reader: Option<SendableRecordBatchStream>,
    next_batch: usize,
}

/// The bounds of some probe rows that are farthest out, in the form that [`super::probe`] has.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProbeReach {
    /// The greatest upper bound.
    pub(super) at_most: i64,
    /// The least lower bound.
    pub(super) at_least: i64,
}

struct ProbeFile {
    file: Arc<dyn SpillFile>,
    batch_count: usize,
    reach: ProbeReach,
}

impl ProbeReach {
    /// That of no rows.
    pub(super) const NONE: Self = Self {
        at_most: i64::MIN,
        at_least: i64::MAX,
    };

    /// That of these rows and others.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            at_most: self.at_most.max(other.at_most),
            at_least: self.at_least.min(other.at_least),
        }
    }
}

impl ProbeInput {
    pub(super) fn new(
        input: SendableRecordBatchStream,
        context: &TaskContext,
        metrics: SpillMetrics,
    ) -> Self {
        let manager = SpillManager::new(context.runtime_env(), metrics, input.schema())
            .with_compression_type(context.session_config().spill_compression());
        Self {
            input: Some(input),
            manager,
            pending: (Vec::new(), 0, ProbeReach::NONE),
            files: Vec::new(),
            queue: VecDeque::new(),
            reader: None,
            next_batch: 0,
        }
    }

    /// The next batch that is not empty, with its number.
    pub(super) async fn next(&mut self) -> Result<Option<(usize, RecordBatch)>> {
        loop {
            let stream = self.input.as_mut().or(self.reader.as_mut());
            let batch = match stream {
                Some(stream) => stream.next().await.transpose()?,
                None => None,
            };
            match batch {
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => {
                    self.next_batch += 1;
                    return Ok(Some((self.next_batch - 1, batch)));
                }
                None if self.input.is_some() => {
                    // Frees what the plan below holds.
                    self.input = None;
                    return Ok(None);
                }
                None => {
                    let Some((first_batch, file)) = self.queue.pop_front() else {
                        self.reader = None;
                        return Ok(None);
                    };
                    self.next_batch = first_batch;
                    self.reader = Some(self.manager.read_spill_as_stream(file, None)?);
                }
            }
        }
    }

    /// Keeps a batch of the input for later passes.
    pub(super) fn keep(&mut self, batch: &RecordBatch, reach: ProbeReach) -> Result<()> {
        let (batches, bytes, pending_reach) = &mut self.pending;
        batches.push(batch.clone());
        *bytes += batch.get_array_memory_size();
        *pending_reach = pending_reach.and(reach);
        if *bytes >= FILE_BYTES {
            self.write()
        } else {
            Ok(())
        }
    }

    /// Starts another pass over what was kept, or over those parts of it that are wanted.
    pub(super) fn restart(&mut self, is_wanted: impl Fn(ProbeReach) -> bool) -> Result<()> {
        self.write()?;
        let mut first_batch = 0;
        for file in &self.files {
            if is_wanted(file.reach) {
                self.queue.push_back((first_batch, Arc::clone(&file.file)));
            }
            first_batch += file.batch_count;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        let (batches, _, reach) =
            std::mem::replace(&mut self.pending, (Vec::new(), 0, ProbeReach::NONE));
        if batches.is_empty() {
            return Ok(());
        }
        let reason = "the probe side of an interval join";
        let file = self
            .manager
            .spill_record_batch_and_finish(&batches, reason)?;
        let file = file.ok_or_else(|| internal_datafusion_err!("a spill file without rows"))?;
        self.files.push(ProbeFile {
            file,
            batch_count: batches.len(),
            reach,
        });
        Ok(())
    }
}
