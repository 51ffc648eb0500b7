//! Rows as bytes: how long the head is (4 bytes, little endian), the head in JSON, then an Arrow IPC stream.
//!
//! The stream is compressed with Zstandard. A reader takes only one that has its end.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use kcorr_engine::Step;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How a stream ends: where a message goes on, one of no length.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// The longest head that is read.
const MOST_HEAD_BYTES: usize = 4 << 20;

/// What is asked of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The run of the worker that is asked.
    pub(crate) run: String,
    /// The state of the store that is asked about.
    pub(crate) state: String,
    /// Whether steps are computed anew, and not kept beside the store.
    pub(crate) is_fresh: bool,
    /// Whether the part was asked before: then it was shown what it has to know.
    pub(crate) is_begun: bool,
    /// The parameters.
    pub(crate) given: BTreeMap<String, String>,
}

/// What stands before the rows of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answered {
    /// The steps that were run.
    pub(crate) steps: Vec<StepTaken>,
}

/// A step that a worker ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepTaken {
    name: String,
    row_count: usize,
    elapsed_ns: u64,
    is_spilled: bool,
    is_kept: bool,
}

impl StepTaken {
    pub(crate) fn of(step: &Step) -> Self {
        Self {
            name: step.name.clone(),
            row_count: step.row_count,
            elapsed_ns: u64::try_from(step.elapsed.as_nanos()).unwrap_or(u64::MAX),
            is_spilled: step.is_spilled,
            is_kept: step.is_kept,
        }
    }

    pub(crate) fn by(self, worker: &str) -> Step {
        let elapsed = Duration::from_nanos(self.elapsed_ns);
        let mut step = Step::of_worker(worker, self.name, self.row_count, elapsed);
        step.is_spilled = self.is_spilled;
        step.is_kept = self.is_kept;
        step
    }
}

/// Writes an envelope, a piece at a time.
pub(crate) struct Envelope {
    writer: StreamWriter<Vec<u8>>,
}

impl Envelope {
    /// One with a head, for rows of these columns.
    pub(crate) fn new(head: &impl Serialize, schema: &Schema) -> Result<Self, ArrowError> {
        let head =
            serde_json::to_vec(head).map_err(|e| ArrowError::from_external_error(e.into()))?;
        let too_long = |_| ArrowError::IpcError("the head is too long".to_owned());
        let length = u32::try_from(head.len()).map_err(too_long)?;
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(head);
        let options =
            IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD))?;
        let writer = StreamWriter::try_new_with_options(bytes, schema, options)?;
        Ok(Self { writer })
    }

    /// Adds rows.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.writer.write(batch)
    }

    /// Ends the stream.
    pub(crate) fn end(&mut self) -> Result<(), ArrowError> {
        self.writer.finish()
    }

    /// What was written since this was called last.
    pub(crate) fn take(&mut self) -> Bytes {
        std::mem::take(self.writer.get_mut()).into()
    }
}

/// Reads an envelope, a piece at a time.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// What came of the head, with its length.
    head: Vec<u8>,
    is_head_done: bool,
    /// The last bytes that came: the decoder takes what ends between two messages for whole.
    last: Vec<u8>,
    decoder: StreamDecoder,
}

impl Opened {
    /// Takes bytes; answers the head when it is whole, and the batches that are.
    pub(crate) fn push<H: DeserializeOwned>(
        &mut self,
        bytes: &[u8],
    ) -> Result<(Option<H>, Vec<RecordBatch>), ArrowError> {
        let mut head = None;
        let mut rest = Buffer::from(bytes);
        if !self.is_head_done {
            self.head.extend_from_slice(bytes);
            let Some((length, after)) = self.head.split_first_chunk::<4>() else {
                return Ok((None, Vec::new()));
            };
            let length = u32::from_le_bytes(*length) as usize;
            if length > MOST_HEAD_BYTES {
                return Err(ArrowError::IpcError(format!("a head of {length} bytes")));
            }
            let Some((json, rows)) = after.split_at_checked(length) else {
                return Ok((None, Vec::new()));
            };
            let read = serde_json::from_slice(json);
            head = Some(read.map_err(|e| ArrowError::from_external_error(e.into()))?);
            rest = Buffer::from(rows);
            self.head = Vec::new();
            self.is_head_done = true;
        }
        self.last.extend_from_slice(&rest);
        self.last.drain(..self.last.len().saturating_sub(END.len()));
        let mut batches = Vec::new();
        while !rest.is_empty() {
            if let Some(batch) = self.decoder.decode(&mut rest)? {
                batches.push(batch);
            }
        }
        Ok((head, batches))
    }

    /// The columns, once they are known.
    pub(crate) fn schema(&self) -> Option<SchemaRef> {
        self.decoder.schema()
    }

    /// Fails when something is missing.
    pub(crate) fn end(&mut self) -> Result<(), ArrowError> {
        if self.decoder.schema().is_none() || self.last != END {
            return Err(ArrowError::IpcError("the rows have no end".to_owned()));
        }
        self.decoder.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, StringArray};
    use datafusion::arrow::datatypes::{DataType, Field};

    use super::*;

    fn rows() -> RecordBatch {
        let fields = vec![
            Field::new("id", DataType::Int64, false),
            Field::new("cause", DataType::Utf8, true),
        ];
        let ids = Int64Array::from_iter_values(0..1000);
        let causes: StringArray = (0..1000)
            .map(|i| (i % 3 > 0).then(|| format!("cause {}", i % 7)))
            .collect();
        let columns = vec![Arc::new(ids) as _, Arc::new(causes) as _];
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("rows")
    }

    fn asked() -> Asked {
        Asked {
            run: "1".to_owned(),
            state: "2".to_owned(),
            is_fresh: false,
            is_begun: true,
            given: BTreeMap::from([("slo_ms".to_owned(), "80".to_owned())]),
        }
    }

    fn written(batches: &[RecordBatch]) -> Vec<u8> {
        let mut envelope = Envelope::new(&asked(), &rows().schema()).expect("an envelope");
        let mut bytes = envelope.take().to_vec();
        for batch in batches {
            envelope.add(batch).expect("written");
            bytes.extend(envelope.take());
        }
        envelope.end().expect("an end");
        bytes.extend(envelope.take());
        bytes
    }

    #[test]
    fn rows_come_as_they_went_however_they_are_cut() {
        let batches = [rows(), rows().slice(10, 0), rows().slice(3, 500)];
        let bytes = written(&batches);
        for size in [1, 7, 64, 1000, bytes.len()] {
            let mut opened = Opened::default();
            let mut came = Vec::new();
            let mut heads = Vec::new();
            for piece in bytes.chunks(size) {
                let (head, rows) = opened.push::<Asked>(piece).expect("rows");
                heads.extend(head);
                came.extend(rows);
            }
            opened.end().expect("an end");
            assert_eq!(heads, [asked()]);
            assert_eq!(opened.schema(), Some(rows().schema()));
            let counts: Vec<usize> = came.iter().map(RecordBatch::num_rows).collect();
            let total: usize = counts.iter().sum();
            assert_eq!(total, 1500, "{counts:?}");
            assert_eq!(came[0], batches[0]);
        }
    }

    #[test]
    fn what_is_cut_is_not_taken_for_whole() {
        let bytes = written(&[rows(), rows()]);
        for kept in 0..bytes.len() {
            let mut opened = Opened::default();
            let pushed = opened.push::<Asked>(&bytes[..kept]);
            assert!(pushed.is_err() || opened.end().is_err(), "{kept}");
        }
    }
}
