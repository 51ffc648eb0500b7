//! Rows of `writes`.

use std::collections::HashMap;

use arrow::record_batch::RecordBatch;
use kcorr_model::columns::{NO_I32, NO_I64, constant, keyed, nullable_int32, nullable_int64};
use kcorr_model::{BatchError, LogDirectory, LogFile, Table, tables};

use super::errno;
use super::name_extent::NameExtent;
use super::row::{BatchContext, Row, Span};
use crate::labels::Label;

/// A file operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Write {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) duration: i64,
    pub(crate) bytes: i64,
    pub(crate) offset: i64,
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    /// Error number of a call that failed, or 0.
    pub(crate) error: i16,
    /// How much of the directory's name there is.
    pub(crate) extent: NameExtent,
    pub(crate) operation: Label,
    pub(crate) comm: Label,
    pub(crate) directory: Label,
    pub(crate) file: Label,
    pub(crate) file_system: Label,
}

impl Row for Write {
    const TABLE: &'static Table = &tables::WRITES;
    const ID: &'static str = "write_id";

    fn span(&self) -> Span {
        Span {
            start: self.start,
            end: self.end,
            duration: self.duration,
        }
    }

    fn numbers(&self) -> impl Ord {
        (
            self.end,
            self.tid,
            self.offset,
            self.bytes,
            self.pid,
            self.duration,
            self.error,
            self.extent,
        )
    }

    fn labels(&mut self) -> impl IntoIterator<Item = &mut Label> {
        [
            &mut self.operation,
            &mut self.comm,
            &mut self.directory,
            &mut self.file,
            &mut self.file_system,
        ]
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_, '_>) -> Result<RecordBatch, BatchError> {
        let labels = context.shared.labels;
        let directories = context.shared.dense.keys(rows, labels, |row| row.directory);
        let files = context.shared.dense.keys(rows, labels, |row| row.file);
        let file_of_key: Vec<Option<LogFile>> = files
            .labels
            .iter()
            .map(|&label| LogFile::from_name(labels.get(label)))
            .collect();
        let partition_of_key: Vec<Option<LogDirectory<'_>>> = directories
            .labels
            .iter()
            .map(|&label| LogDirectory::from_name(labels.get(label)))
            .collect();

        let may_be_cut: Vec<bool> = directories
            .labels
            .iter()
            .map(|&label| context.shared.cut_names.may_be(labels.get(label)))
            .collect();

        let count = rows.len();
        let mut topics = Vec::with_capacity(count);
        let mut partitions = Vec::with_capacity(count);
        let mut base_offsets = Vec::with_capacity(count);
        let mut kinds = Vec::with_capacity(count);
        let mut topic_names = Distinct::default();
        let mut kind_names = Distinct::default();
        let topic_of_key: Vec<Option<(i32, i32)>> = partition_of_key
            .iter()
            .map(|partition| partition.map(|d| (topic_names.key(d.topic), d.partition)))
            .collect();
        let kind_of_key: Vec<i32> = file_of_key
            .iter()
            .map(|file| file.map_or(-1, |f| kind_names.key(f.kind)))
            .collect();
        let at = |key: i32| usize::try_from(key).ok();
        let mut errors = Vec::with_capacity(count);
        let mut error_names: Vec<(i16, String)> = Vec::new();
        for (row, (&directory, &file)) in rows.iter().zip(directories.keys.iter().zip(&files.keys))
        {
            errors.push(match row.error {
                0 => -1,
                errno => error_key(errno, &mut error_names),
            });
            let log_file = at(file).and_then(|key| file_of_key.get(key).copied().flatten());
            // A directory that is merely called like a partition (`node-1/gc.log`) is none.
            let is_partition = file < 0 || log_file.is_some_and(|f| f.is_in_partition());
            let is_cut = is_partition
                && match row.extent {
                    NameExtent::Whole => false,
                    NameExtent::Cut => true,
                    NameExtent::Unknown => {
                        at(directory).and_then(|key| may_be_cut.get(key).copied()) == Some(true)
                    }
                };
            if is_cut {
                let times = (row.start, row.end);
                context
                    .shared
                    .cut_names
                    .count(row.directory, row.extent, times, labels);
            }
            let topic = at(directory)
                .filter(|_| is_partition && !is_cut)
                .and_then(|key| topic_of_key.get(key).copied().flatten());
            topics.push(topic.map_or(-1, |(topic, _)| topic));
            partitions.push(topic.map_or(NO_I32, |(_, partition)| partition));
            base_offsets.push(log_file.and_then(|f| f.base_offset).unwrap_or(NO_I64));
            kinds.push(
                at(file)
                    .and_then(|key| kind_of_key.get(key).copied())
                    .unwrap_or(-1),
            );
        }

        context
            .builder(rows)
            .set("operation", context.column(rows, |row| row.operation))
            .set("origin", constant(count, "bpf"))
            .set("pid", nullable_int32(rows, |row| row.pid))
            .set("tid", nullable_int32(rows, |row| row.tid))
            .set("comm", context.column(rows, |row| row.comm))
            .set("bytes", nullable_int64(rows, |row| row.bytes))
            .set(
                "error",
                keyed(
                    errors,
                    error_names.iter().map(|(_, name)| name.as_str()).collect(),
                ),
            )
            .set("file_offset", nullable_int64(rows, |row| row.offset))
            .set("topic", keyed(topics, topic_names.names))
            .set("partition", nullable_int32(&partitions, |&p| p))
            .set("segment_base_offset", nullable_int64(&base_offsets, |&o| o))
            .set("file_kind", keyed(kinds, kind_names.names))
            .set("directory", directories.into_array(labels))
            .set("file", files.into_array(labels))
            .set("file_system", context.column(rows, |row| row.file_system))
            .finish()
    }
}

/// The key of an error's name.
#[cold]
fn error_key(errno: i16, names: &mut Vec<(i16, String)>) -> i32 {
    let known = names.iter().position(|(known, _)| *known == errno);
    let key = known.unwrap_or_else(|| {
        names.push((errno, errno::name(errno)));
        names.len().saturating_sub(1)
    });
    i32::try_from(key).unwrap_or(-1)
}

/// Numbers strings in order of first use.
#[derive(Debug, Default)]
struct Distinct<'a> {
    names: Vec<&'a str>,
    keys: HashMap<&'a str, i32>,
}

impl<'a> Distinct<'a> {
    fn key(&mut self, name: &'a str) -> i32 {
        let next = i32::try_from(self.names.len()).unwrap_or(-1);
        *self.keys.entry(name).or_insert_with(|| {
            self.names.push(name);
            next
        })
    }
}
