//! Rows of `log_batches`.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arrow::array::{BooleanBuilder, Int16Builder, Int32Builder, Int64Builder};
use kcorr_kafka::{
    BatchHeader, Codec, Decompressor, EntryHeader, IdHeaders, MessageHeader, MessageIds,
};
use kcorr_model::columns::{
    LabelBuilder, TextListBuilder, ended_int32, ended_int64, ended_labels, ended_times,
};
use kcorr_model::{
    BatchBuilder, Error, LossLedger, Output, Position, RowIds, SourceId, tables::LOG_BATCHES,
};

use super::losses::{
    SEGMENT_BAD_RECORDS, SEGMENT_COPIED_BATCH, SEGMENT_LARGE_BATCH, SEGMENT_TIME_RANGE,
};
use super::segment::Segment;

/// Rows of a record batch.
const MOST_ROWS: usize = 8192;
/// Bytes of message ids after which a record batch ends.
const MOST_ID_BYTES: usize = 8 << 20;
/// Batches that are remembered, so that copies of them are told.
const MOST_KNOWN: usize = 1 << 20;
/// Bytes that a batch may decompress to.
const MOST_DECOMPRESSED: usize = 64 << 20;

/// Collects rows and yields them as record batches.
pub(crate) struct LogBatchRows {
    source: SourceId,
    ids: RowIds,
    id_headers: Option<IdHeaders>,
    decompressor: Decompressor,
    rows: usize,
    id_bytes: usize,
    /// Hashes of what tells a batch from others of its partition.
    known: HashSet<u64>,
    hasher: RandomState,
    /// Bit `n` is set when magic `n` was seen.
    pub(crate) magics: u8,
    log_batch_id: Int64Builder,
    directory: LabelBuilder,
    file: LabelBuilder,
    topic: LabelBuilder,
    partition: Int32Builder,
    segment_base_offset: Int64Builder,
    file_offset: Int64Builder,
    bytes: Int64Builder,
    base_offset: Int64Builder,
    last_offset: Int64Builder,
    record_count: Int64Builder,
    message_ids: TextListBuilder,
    max_record_time: Vec<Option<i64>>,
    compression: LabelBuilder,
    producer_id: Int64Builder,
    is_control: BooleanBuilder,
    magic: Int16Builder,
}

impl fmt::Debug for LogBatchRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogBatchRows")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// What a header says of its records.
struct Told {
    base_offset: Option<i64>,
    last_offset: i64,
    record_count: Option<i64>,
    max_timestamp_ms: Option<i64>,
    codec: Option<Codec>,
    producer_id: Option<i64>,
    is_control: bool,
    magic: u8,
}

impl Told {
    fn from_batch(batch: &BatchHeader) -> Self {
        Self {
            base_offset: Some(batch.base_offset),
            last_offset: batch
                .base_offset
                .saturating_add(i64::from(batch.last_offset_delta)),
            record_count: Some(i64::from(batch.record_count)),
            max_timestamp_ms: Some(batch.max_timestamp),
            codec: batch.codec(),
            producer_id: Some(batch.producer_id).filter(|&id| id >= 0),
            is_control: batch.is_control(),
            magic: 2,
        }
    }

    fn from_message(message: &MessageHeader, bytes: &[u8]) -> Self {
        let is_single = message.codec() == Some(Codec::None);
        Self {
            base_offset: is_single.then_some(message.offset),
            last_offset: message.offset,
            record_count: is_single.then_some(1),
            max_timestamp_ms: message.timestamp(bytes),
            codec: message.codec(),
            producer_id: None,
            is_control: false,
            magic: message.magic,
        }
    }
}

/// The offset of the last record, by the header.
pub(crate) fn last_offset(header: &EntryHeader) -> i64 {
    match header {
        EntryHeader::Batch(batch) => Told::from_batch(batch).last_offset,
        EntryHeader::Message(message) => message.offset,
    }
}

impl LogBatchRows {
    pub(crate) fn new(source: SourceId, id_headers: Option<IdHeaders>) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            id_headers,
            decompressor: Decompressor::new(MOST_DECOMPRESSED),
            rows: 0,
            id_bytes: 0,
            known: HashSet::new(),
            hasher: RandomState::new(),
            magics: 0,
            log_batch_id: Int64Builder::new(),
            directory: LabelBuilder::new(),
            file: LabelBuilder::new(),
            topic: LabelBuilder::new(),
            partition: Int32Builder::new(),
            segment_base_offset: Int64Builder::new(),
            file_offset: Int64Builder::new(),
            bytes: Int64Builder::new(),
            base_offset: Int64Builder::new(),
            last_offset: Int64Builder::new(),
            record_count: Int64Builder::new(),
            message_ids: TextListBuilder::new(arrow::array::StringBuilder::new()),
            max_record_time: Vec::new(),
            compression: LabelBuilder::new(),
            producer_id: Int64Builder::new(),
            is_control: BooleanBuilder::new(),
            magic: Int16Builder::new(),
        }
    }

    /// Adds a batch. `bytes` are all of it, or only its header when it is too large to be held.
    pub(crate) fn push(
        &mut self,
        segment: &Segment,
        file_offset: u64,
        header: &EntryHeader,
        bytes: &[u8],
        ledger: &mut LossLedger,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let (total, told) = match header {
            EntryHeader::Batch(batch) => (batch.total_bytes(), Told::from_batch(batch)),
            EntryHeader::Message(message) => {
                (message.total_bytes(), Told::from_message(message, bytes))
            }
        };
        let position = Position::Byte(file_offset);
        if self.is_copy(segment, header) {
            ledger.record(&SEGMENT_COPIED_BATCH, position, || {
                segment.tell(format_args!(
                    "the batch of offset {} is also in another file",
                    last_offset(header)
                ))
            });
        }
        let ids = match header {
            EntryHeader::Batch(batch) if !batch.is_control() => {
                let is_whole = u64::try_from(bytes.len()).is_ok_and(|held| held >= total);
                let records = bytes.get(BatchHeader::BYTES..).filter(|_| is_whole);
                self.message_ids(segment, position, told.codec, records, ledger)
            }
            _ => None,
        };
        self.push_ids(ids);
        let max_record_time = match told.max_timestamp_ms {
            Some(ms) if ms >= 0 => {
                let ns = ms.checked_mul(1_000_000);
                if ns.is_none() {
                    ledger.record(&SEGMENT_TIME_RANGE, position, || {
                        segment.tell(format_args!("{ms} ms since 1970"))
                    });
                }
                ns
            }
            _ => None,
        };
        self.log_batch_id.append_value(self.ids.next());
        self.directory.append_value(&segment.directory);
        self.file.append_value(&segment.file);
        self.topic.append_value(&segment.topic);
        self.partition.append_value(segment.partition);
        self.segment_base_offset.append_value(segment.base_offset);
        self.file_offset.append_value(signed(file_offset));
        self.bytes.append_value(signed(total));
        self.base_offset.append_option(told.base_offset);
        self.last_offset.append_value(told.last_offset);
        self.record_count.append_option(told.record_count);
        self.max_record_time.push(max_record_time);
        self.compression
            .append_value(told.codec.map_or("unknown", Codec::name));
        self.producer_id.append_option(told.producer_id);
        self.is_control.append_value(told.is_control);
        self.magic.append_value(i16::from(told.magic));
        self.magics |= 1 << told.magic.min(7);
        self.rows = self.rows.saturating_add(1);
        if self.rows >= MOST_ROWS || self.id_bytes >= MOST_ID_BYTES {
            self.flush(output)?;
        }
        Ok(())
    }

    /// Whether another file of the partition has the same batch; not more than a million are remembered.
    fn is_copy(&mut self, segment: &Segment, header: &EntryHeader) -> bool {
        let told = match header {
            EntryHeader::Batch(batch) => (
                batch.base_offset,
                batch.total_bytes(),
                batch.record_count,
                batch.max_timestamp,
            ),
            EntryHeader::Message(message) => (message.offset, message.total_bytes(), 1, 0),
        };
        let key = (&segment.topic, segment.partition, told);
        let key = self.hasher.hash_one(key);
        match self.known.len() < MOST_KNOWN {
            true => !self.known.insert(key),
            false => self.known.contains(&key),
        }
    }

    /// The ids in the headers of the records; `None` when they are not wanted or none was found.
    fn message_ids(
        &mut self,
        segment: &Segment,
        position: Position,
        codec: Option<Codec>,
        records: Option<&[u8]>,
        ledger: &mut LossLedger,
    ) -> Option<MessageIds> {
        let headers = self.id_headers.as_ref()?;
        let Some(records) = records else {
            ledger.record(&SEGMENT_LARGE_BATCH, position, || {
                segment.tell(format_args!("its ids were not looked for"))
            });
            return None;
        };
        let records = match codec {
            None => Err("a compression that is not known".to_owned()),
            Some(codec) => self
                .decompressor
                .decompress(codec, records)
                .map_err(|error| error.to_string()),
        };
        let mut ids = MessageIds::default();
        let found = match records {
            Ok(records) => ids
                .push_records(records, headers)
                .map_err(|stop| format!("{stop:?}")),
            Err(error) => Err(error),
        };
        if let Err(error) = found {
            ledger.record(&SEGMENT_BAD_RECORDS, position, || {
                segment.tell(format_args!("{error}"))
            });
        }
        let is_any = ids.range(0..ids.len()).any(|id| id.is_some());
        is_any.then_some(ids)
    }

    fn push_ids(&mut self, ids: Option<MessageIds>) {
        let Some(ids) = ids else {
            self.message_ids.append_null();
            return;
        };
        for id in ids.range(0..ids.len()) {
            self.message_ids.values().append_option(id);
        }
        self.message_ids.append(true);
        self.id_bytes = self.id_bytes.saturating_add(ids.held_bytes());
    }

    /// Yields what is held.
    pub(crate) fn flush(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        if self.rows == 0 {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        self.id_bytes = 0;
        let source = arrow::array::Int64Array::from(vec![self.source.0; rows]);
        let batch = BatchBuilder::new(&LOG_BATCHES, rows)
            .set("log_batch_id", ended_int64(&mut self.log_batch_id))
            .set("source_id", Arc::new(source))
            .set("directory", ended_labels(&mut self.directory))
            .set("file", ended_labels(&mut self.file))
            .set("topic", ended_labels(&mut self.topic))
            .set("partition", ended_int32(&mut self.partition))
            .set(
                "segment_base_offset",
                ended_int64(&mut self.segment_base_offset),
            )
            .set("file_offset", ended_int64(&mut self.file_offset))
            .set("bytes", ended_int64(&mut self.bytes))
            .set("base_offset", ended_int64(&mut self.base_offset))
            .set("last_offset", ended_int64(&mut self.last_offset))
            .set("record_count", ended_int64(&mut self.record_count))
            .set("message_ids", Arc::new(self.message_ids.finish()))
            .set("max_record_time", ended_times(&mut self.max_record_time))
            .set("compression", ended_labels(&mut self.compression))
            .set("producer_id", ended_int64(&mut self.producer_id))
            .set("is_control", Arc::new(self.is_control.finish()))
            .set("magic", Arc::new(self.magic.finish()))
            .finish()?;
        output.batch(&LOG_BATCHES, batch)
    }
}

/// A position or size as a column holds it; files are far smaller than its bound.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
