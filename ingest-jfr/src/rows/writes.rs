//! `writes` from `jdk.FileWrite`, `jdk.FileRead` and `jdk.FileForce`.

use kcorr_model::columns::{Choices, LabelColumn, Numbers, OptionalInts, OptionalNumbers};
use kcorr_model::tables::WRITES;
use kcorr_model::{LogDirectory, LogFile};

use crate::rows::batch::{BATCH_ROWS, NO_STACK, RowBatch};
use crate::rows::event::{Event, Scope};
use crate::rows::fields::{OWN, Wanted};

const PATH: u8 = OWN;
const BYTES: u8 = OWN + 1;
const METADATA: u8 = OWN + 2;

/// The fields that file operations are made of.
pub(crate) const WANTED: [Wanted; 4] = [
    Wanted::text("path", PATH),
    Wanted::value("bytesWritten", BYTES),
    Wanted::value("bytesRead", BYTES),
    Wanted::value("metaData", METADATA),
];

/// Which event an operation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Write,
    Read,
    /// `FileChannel.force`: `fsync` with metadata, `fdatasync` without.
    Force,
}

/// Builds batches of `writes`.
#[derive(Debug)]
pub(crate) struct Writes {
    rows: usize,
    operation: Choices,
    start: Numbers,
    end: Numbers,
    duration: Numbers,
    tid: OptionalInts,
    bytes: OptionalNumbers,
    directory: LabelColumn,
    file: LabelColumn,
    topic: LabelColumn,
    partition: OptionalInts,
    segment_base_offset: OptionalNumbers,
    file_kind: LabelColumn,
    stacks: Vec<u32>,
}

impl Writes {
    pub(crate) fn new() -> Self {
        Self {
            rows: 0,
            operation: Choices::new(&["write", "read", "fsync", "fdatasync"]),
            start: Numbers::default(),
            end: Numbers::default(),
            duration: Numbers::default(),
            tid: OptionalInts::default(),
            bytes: OptionalNumbers::default(),
            directory: LabelColumn::default(),
            file: LabelColumn::default(),
            topic: LabelColumn::default(),
            partition: OptionalInts::default(),
            segment_base_offset: OptionalNumbers::default(),
            file_kind: LabelColumn::default(),
            stacks: Vec::new(),
        }
    }

    /// Appends an operation; answers whether the batch is full.
    pub(crate) fn push(&mut self, kind: Kind, event: &Event<'_>, scope: &mut Scope<'_>) -> bool {
        self.rows += 1;
        self.operation.push(match kind {
            Kind::Write => 0,
            Kind::Read => 1,
            Kind::Force if event.slot(METADATA) != 0 => 2,
            Kind::Force => 3,
        });
        self.start.push(event.start);
        self.end.push(event.end);
        self.duration.push(event.duration);
        let position = scope.thread_position(event.thread());
        let thread = position.and_then(|position| scope.threads.get(position));
        self.tid.push(thread.and_then(|t| t.tid));
        self.bytes
            .push((kind != Kind::Force).then(|| event.slot(BYTES)));
        let path = event.text(PATH, scope.pools);
        let path = path.as_deref().filter(|path| !path.is_empty());
        let (directory, file) = match path.and_then(|path| path.rsplit_once('/')) {
            Some((directory, file)) => (Some(directory), Some(file)),
            None => (None, path),
        };
        let log_file = file.and_then(LogFile::from_name);
        let in_partition = log_file.is_some_and(|file| file.is_in_partition());
        let partition = directory.filter(|_| in_partition);
        let partition = partition.and_then(LogDirectory::from_name);
        // `notes.log` and the like are files of Kafka only in a directory of a partition.
        let log_file = log_file.filter(|file| partition.is_some() || !file.is_in_partition());
        self.directory.push(directory);
        self.file.push(file);
        self.topic.push(partition.map(|partition| partition.topic));
        self.partition
            .push(partition.map(|partition| partition.partition));
        self.segment_base_offset
            .push(log_file.and_then(|file| file.base_offset));
        self.file_kind.push(log_file.map(|file| file.kind));
        self.stacks
            .push(scope.stacks.number(event.stack()).unwrap_or(NO_STACK));
        self.rows >= BATCH_ROWS
    }

    /// The rows so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<RowBatch> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        Some(RowBatch {
            table: &WRITES,
            rows,
            columns: vec![
                ("operation", self.operation.finish()),
                ("start_time", self.start.finish_times()),
                ("end_time", self.end.finish_times()),
                ("duration_ns", self.duration.finish()),
                ("tid", self.tid.finish()),
                ("bytes", self.bytes.finish()),
                ("directory", self.directory.finish()),
                ("file", self.file.finish()),
                ("topic", self.topic.finish()),
                ("partition", self.partition.finish()),
                ("segment_base_offset", self.segment_base_offset.finish()),
                ("file_kind", self.file_kind.finish()),
            ],
            stacks: std::mem::take(&mut self.stacks),
        })
    }
}
