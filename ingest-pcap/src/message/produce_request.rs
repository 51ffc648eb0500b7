//! The body of a Produce request.
//!
//! Source: `ProduceRequest.json`: versions 0–2 begin with acks, 3 adds the transactional id, 9 is
//! flexible, 13 names topics by id (KIP-516).

use kcorr_kafka::{BatchHeader, EntryHeader, IdHeaders, Reader, Stop};
use kcorr_model::{LossKind, Severity};

use super::request::TOO_MANY_PARTITIONS;
use super::topic_walk::{Step, TopicWalk};
use super::walker::{BodyContext, Unit};
use super::{Part, Request};

/// Record batches whose records cannot be read.
pub(crate) static BATCH_UNREADABLE: LossKind = LossKind {
    name: "pcap_batch_unreadable",
    severity: Severity::Warning,
    doc: "A record batch of a produce request could not be decompressed or read; its partition's \
          row has no message ids.",
};

/// Record batches that are too large to look into.
pub(crate) static BATCH_TOO_LARGE: LossKind = LossKind {
    name: "pcap_batch_too_large",
    severity: Severity::Warning,
    doc: "A record batch is larger than what is put together to read message ids (16 MiB on the \
          wire, 32 MiB decompressed), or was given up for lack of memory or bytes; its partition's \
          row has no message ids.",
};

/// Larger batches are skipped without reading ids.
const LARGEST_BATCH: u64 = 16 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Topics,
    Records,
    PartitionTail,
    Tail,
}

/// Walks a Produce request.
#[derive(Debug)]
pub(crate) struct ProduceRequest {
    version: i16,
    state: State,
    with_ids: bool,
    topics: TopicWalk,
    records_left: u64,
    ids_start: usize,
    ids_found: usize,
    ids_lost: bool,
    /// Set when the current batch is to be skipped although ids are wanted.
    skip_batch: bool,
}

impl ProduceRequest {
    pub(super) fn new(version: i16, id_headers: Option<&IdHeaders>) -> Self {
        Self {
            version,
            state: State::Head,
            with_ids: id_headers.is_some(),
            topics: TopicWalk::new(version >= 13, version >= 9),
            records_left: 0,
            ids_start: 0,
            ids_found: 0,
            ids_lost: false,
            skip_batch: false,
        }
    }

    pub(super) fn give_up_ids(&mut self) -> bool {
        let can = self.state == State::Records && self.with_ids && !self.skip_batch;
        self.skip_batch = can;
        can
    }

    #[inline]
    pub(super) fn unit(
        &mut self,
        reader: &mut Reader<'_>,
        request: &mut Request,
        context: &mut BodyContext<'_>,
    ) -> Unit {
        let compact = self.version >= 9;
        match self.state {
            State::Head => {
                let transactional_id = if self.version >= 3 {
                    reader.nullable_text(compact)?
                } else {
                    None
                };
                let acks = reader.i16()?;
                reader.i32()?;
                self.topics.begin(reader)?;
                request.acks = Some(acks);
                request.transactional_id = transactional_id.map(Into::into);
                self.state = State::Topics;
            }
            State::Topics => match self.topics.step(reader, context)? {
                Step::Topic => {}
                Step::Partition => {
                    let partition = reader.i32()?;
                    let length = reader.bytes_length(compact)?.unwrap_or(0);
                    let mut part = Part::new(self.topics.topic(), partition);
                    part.records_bytes = Some(length);
                    part.record_count = Some(0);
                    request.add(part).ok_or(TOO_MANY_PARTITIONS)?;
                    self.topics.end_partition();
                    self.records_left = u64::from(length);
                    self.ids_start = request.ids.len();
                    self.ids_found = 0;
                    self.ids_lost = false;
                    self.state = State::Records;
                }
                Step::End => self.state = State::Tail,
            },
            State::Records => return self.records(reader, request, context),
            State::PartitionTail => {
                reader.tagged_fields(compact, |_, _| ())?;
                self.state = State::Topics;
            }
            State::Tail => {
                reader.tagged_fields(compact, |_, _| ())?;
                return Ok(None);
            }
        }
        Ok(Some(0))
    }

    /// One entry of the record set, or its end.
    #[inline]
    fn records(
        &mut self,
        reader: &mut Reader<'_>,
        request: &mut Request,
        context: &mut BodyContext<'_>,
    ) -> Unit {
        if self.records_left == 0 {
            self.end_records(request);
            return Ok(Some(0));
        }
        let left = usize::try_from(self.records_left).unwrap_or(usize::MAX);
        let rest = reader.rest();
        let set = rest.get(..left).unwrap_or(rest);
        let header = match EntryHeader::read(set) {
            Ok(header) => header,
            Err(Stop::Need(need)) if need <= left => return Err(Stop::Need(need)),
            Err(_) => {
                context
                    .losses
                    .record(&BATCH_UNREADABLE, context.position, || {
                        format!("{left} bytes of records do not begin with a record batch")
                    });
                return Ok(Some(self.skip_rest(request)));
            }
        };
        let part = request.parts.last_mut();
        let (total, count) = match header {
            EntryHeader::Batch(batch) => {
                if let Some(part) = part
                    && part.codec.is_none()
                {
                    part.codec = batch.codec();
                    part.producer_id = (batch.producer_id >= 0).then_some(batch.producer_id);
                }
                (batch.total_bytes(), u32::try_from(batch.record_count).ok())
            }
            EntryHeader::Message(message) => {
                let codec = message.codec();
                if let Some(part) = part
                    && part.codec.is_none()
                {
                    part.codec = codec;
                }
                // A compressed message holds others, and does not tell how many.
                let count = (codec == Some(kcorr_kafka::Codec::None)).then_some(1);
                (message.total_bytes(), count)
            }
        };
        if total > self.records_left {
            context
                .losses
                .record(&BATCH_UNREADABLE, context.position, || {
                    format!("a batch of {total} bytes in {left} bytes of records")
                });
            return Ok(Some(self.skip_rest(request)));
        }
        if self.with_ids
            && let EntryHeader::Batch(batch) = header
            && !batch.is_control()
        {
            self.batch_ids(&batch, total, set, request, context)?;
        }
        if let Some(part) = request.parts.last_mut() {
            part.record_count = part
                .record_count
                .zip(count)
                .map(|(sum, count)| sum.saturating_add(count));
        }
        self.skip_batch = false;
        self.records_left = self.records_left.saturating_sub(total);
        if self.records_left == 0 {
            self.end_records(request);
        }
        Ok(Some(total))
    }

    fn batch_ids(
        &mut self,
        batch: &BatchHeader,
        total: u64,
        set: &[u8],
        request: &mut Request,
        context: &mut BodyContext<'_>,
    ) -> Result<(), Stop> {
        let Some(headers) = context.id_headers else {
            return Ok(());
        };
        if self.skip_batch || total > LARGEST_BATCH {
            self.ids_lost = true;
            context
                .losses
                .record(&BATCH_TOO_LARGE, context.position, || {
                    format!("a batch of {total} bytes")
                });
            return Ok(());
        }
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        let records = set
            .get(BatchHeader::BYTES..total)
            .ok_or(Stop::Need(total))?;
        let Some(codec) = batch.codec() else {
            self.ids_lost = true;
            context
                .losses
                .record(&BATCH_UNREADABLE, context.position, || {
                    format!("attributes {:#06x} name no known codec", batch.attributes)
                });
            return Ok(());
        };
        match context.decompressor.decompress(codec, records) {
            Ok(records) => match request.ids.push_records(records, headers) {
                Ok(found) => self.ids_found = self.ids_found.saturating_add(found),
                Err(stop) => {
                    self.ids_lost = true;
                    context
                        .losses
                        .record(&BATCH_UNREADABLE, context.position, || match stop {
                            Stop::Need(_) => "a record ends behind its batch".into(),
                            Stop::Malformed(message) => message.into(),
                        });
                }
            },
            Err(error) => {
                self.ids_lost = true;
                let kind = match error {
                    kcorr_kafka::DecompressError::TooLarge { .. } => &BATCH_TOO_LARGE,
                    kcorr_kafka::DecompressError::Corrupt { .. } => &BATCH_UNREADABLE,
                };
                context
                    .losses
                    .record(kind, context.position, || format!("a batch {error}"));
            }
        }
        Ok(())
    }

    /// Gives up the rest of the record set.
    fn skip_rest(&mut self, request: &mut Request) -> u64 {
        let left = self.records_left;
        self.records_left = 0;
        self.ids_lost = true;
        if let Some(part) = request.parts.last_mut() {
            part.record_count = None;
        }
        self.end_records(request);
        left
    }

    fn end_records(&mut self, request: &mut Request) {
        if self.ids_lost || self.ids_found == 0 {
            request.ids.truncate(self.ids_start);
        } else if let Some(part) = request.parts.last_mut() {
            part.ids = self.ids_start..request.ids.len();
            part.has_ids = true;
        }
        self.skip_batch = false;
        self.state = State::PartitionTail;
    }
}
