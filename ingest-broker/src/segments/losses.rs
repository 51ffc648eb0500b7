//! What can be lost of log segments.

use kcorr_model::{LossKind, Severity};

/// The end of a file is the start of a batch.
pub(crate) static SEGMENT_TORN_TAIL: LossKind = LossKind {
    name: "segment_torn_tail",
    severity: Severity::Warning,
    doc: "A segment file ends inside a batch, as one that was copied while it was written does: the batch has no row.",
};

/// Zeros where a batch was expected.
pub(crate) static SEGMENT_ZERO_PADDING: LossKind = LossKind {
    name: "segment_zero_padding",
    severity: Severity::Info,
    doc: "A segment file holds zeros where a batch could be, as preallocated files do.",
};

/// Bytes that are no batch.
pub(crate) static SEGMENT_DAMAGED: LossKind = LossKind {
    name: "segment_damaged",
    severity: Severity::Warning,
    doc: "Bytes of a segment file are no batch: whatever they were has no row, and reading went on at the next whole batch.",
};

/// A batch whose checksum is wrong.
pub(crate) static SEGMENT_BAD_CRC: LossKind = LossKind {
    name: "segment_bad_crc",
    severity: Severity::Warning,
    doc: "The checksum of a batch is wrong: it has no row.",
};

/// Offsets that run backwards.
pub(crate) static SEGMENT_OFFSET_ORDER: LossKind = LossKind {
    name: "segment_offset_order",
    severity: Severity::Warning,
    doc: "A batch's offsets are not above those of the batch before it: the base offset, which no checksum covers, of one of the two is wrong. Both have rows.",
};

/// A batch whose records were not looked into, for its size.
pub(crate) static SEGMENT_LARGE_BATCH: LossKind = LossKind {
    name: "segment_large_batch",
    severity: Severity::Info,
    doc: "A batch is too large to be held: its row has no message ids.",
};

/// A batch whose records cannot be read.
pub(crate) static SEGMENT_BAD_RECORDS: LossKind = LossKind {
    name: "segment_bad_records",
    severity: Severity::Warning,
    doc: "The records of a batch cannot be decompressed or read to their end: message ids are missing from its row.",
};

/// A time that a row cannot hold.
pub(crate) static SEGMENT_TIME_RANGE: LossKind = LossKind {
    name: "segment_time_range",
    severity: Severity::Info,
    doc: "The largest timestamp of a batch is beyond the years 1677 to 2262: its row has none.",
};

/// A file of the directory that holds no batches.
pub(crate) static SEGMENT_OTHER_FILE: LossKind = LossKind {
    name: "segment_other_file",
    severity: Severity::Info,
    doc: "A file is neither a log segment in a partition's directory nor `partition.metadata`: it was passed over.",
};

/// A `partition.metadata` that is none.
pub(crate) static SEGMENT_BAD_METADATA: LossKind = LossKind {
    name: "segment_bad_metadata",
    severity: Severity::Warning,
    doc: "A `partition.metadata` file has no `topic_id` line that can be read: the topic's id stays unknown.",
};

/// A batch that two files have.
pub(crate) static SEGMENT_COPIED_BATCH: LossKind = LossKind {
    name: "segment_copied_batch",
    severity: Severity::Info,
    doc: "A batch is in two files of its partition, as compaction, and files that were renamed while they were copied, leave it: it has a row of each.",
};

/// An archive that cannot be read to its end.
pub(crate) static SEGMENT_TAR: LossKind = LossKind {
    name: "segment_tar",
    severity: Severity::Warning,
    doc: "A tar archive is cut or damaged, or has a member that is not read: batches may be missing.",
};

/// A compressed file in an archive.
pub(crate) static SEGMENT_COMPRESSED_MEMBER: LossKind = LossKind {
    name: "segment_compressed_member",
    severity: Severity::Warning,
    doc: "A log segment in a tar archive is compressed by itself: it was passed over. Unpack the archive and give its folder.",
};
