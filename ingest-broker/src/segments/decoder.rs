//! The decoder: which file is what.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};
use kcorr_kafka::IdHeaders;
use kcorr_model::{
    BatchBuilder, ClockKind, Decoder, Error, LogDirectory, LogFile, LossLedger, Output, Position,
    SourceId, Summary, tables::TOPICS,
};

use super::file::{SegmentFile, Sink};
use super::losses::{
    SEGMENT_BAD_METADATA, SEGMENT_COMPRESSED_MEMBER, SEGMENT_OTHER_FILE, SEGMENT_TAR,
};
use super::rows::LogBatchRows;
use super::segment::Segment;
use super::tar::{self, Member, TarReader};

/// Bytes of a `partition.metadata` file that are read; Kafka's have about 50.
const MOST_METADATA_BYTES: usize = 4096;
/// Names of topic ids that are kept until the end.
const MOST_TOPICS: usize = 1 << 20;
/// Characters of a topic id: 16 bytes in base64 without padding.
const TOPIC_ID_CHARACTERS: usize = 22;

/// Decodes the files of a broker's log directories, one after another: `log_batches` from
/// `<topic>-<partition>/<base offset>.log`, also under the names that Kafka gives it on its way out or in
/// (`.log.deleted`, `.log.cleaned`, `.log.swap`; directories `…-delete`, `…-stray`, `…-future`), `topics` from
/// `<topic>-<partition>/partition.metadata`. All other files are passed over and counted. A file that is a
/// tar archive is read as the files in it; one whose name ends in `.gz` or `.zst` is called as without,
/// whoever opens it decompresses it.
///
/// A batch that two files of a partition have, as compaction leaves them, has a row of each; how many
/// there are is told.
///
/// Before each file's bytes comes its path ([`Decoder::file`]), and from the second file on
/// [`Decoder::next_file`], before or after the path. Positions of losses are bytes of the file that
/// the loss names.
///
/// Source: Kafka's documentation, "Implementation: Log" and "Message Format"; `PartitionMetadataFile`.
#[derive(Debug)]
pub struct SegmentsDecoder {
    source: SourceId,
    rows: LogBatchRows,
    ledger: LossLedger,
    /// The path of a file that has not begun.
    next: Option<String>,
    current: Current,
    /// The archive that bytes belong to.
    archive: Option<TarReader>,
    topics: BTreeSet<(String, String)>,
    is_recognised: bool,
    /// The first path that is neither a segment nor of a partition.
    first_other: Option<String>,
}

/// The file that bytes belong to.
#[derive(Debug)]
enum Current {
    /// None was named.
    None,
    Segment(Box<SegmentFile>),
    Metadata {
        path: String,
        topic: String,
        text: Vec<u8>,
    },
    /// One whose name says nothing, until its first bytes tell whether it is an archive.
    Unknown {
        path: String,
        head: Vec<u8>,
    },
    /// One that is passed over.
    Other,
}

impl SegmentsDecoder {
    /// A decoder of one broker's log files. `message_id_headers` are the names of record headers
    /// that hold a message's id, the strongest first; without, records are not looked into.
    pub fn new(source: SourceId, message_id_headers: Option<Vec<String>>) -> Self {
        Self {
            source,
            rows: LogBatchRows::new(source, message_id_headers.map(IdHeaders::new)),
            ledger: LossLedger::default(),
            next: None,
            current: Current::None,
            archive: None,
            topics: BTreeSet::new(),
            is_recognised: false,
            first_other: None,
        }
    }

    /// Ends the current file, if another one was named, and begins that.
    fn begin_named(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let Some(path) = self.next.take() else {
            return Ok(());
        };
        self.end_file(output)?;
        self.begin(path, 0);
        Ok(())
    }

    /// Ends the current file, and the archive if it is one.
    fn end_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let Some(mut archive) = self.archive.take() else {
            return self.end_current(output);
        };
        let is_whole = archive.finish(&mut |member| self.member(member, output))?;
        if !is_whole {
            self.ledger.record(&SEGMENT_TAR, Position::Whole, || {
                "the archive ends before its end mark: it is cut".to_owned()
            });
        }
        self.end_current(output)
    }

    /// Takes what comes of an archive.
    fn member(&mut self, member: Member<'_>, output: &mut dyn Output) -> Result<(), Error> {
        match member {
            Member::File(path, offset) => {
                self.end_current(output)?;
                if [".log.gz", ".log.zst"]
                    .iter()
                    .any(|end| path.ends_with(end))
                {
                    self.ledger
                        .record(&SEGMENT_COMPRESSED_MEMBER, Position::Whole, || {
                            path.to_owned()
                        });
                    self.current = Current::Other;
                    return Ok(());
                }
                self.begin(path.to_owned(), offset);
                // An archive within an archive is not opened.
                if let Current::Unknown { path, .. } = &mut self.current {
                    let path = std::mem::take(path);
                    self.pass_over(path);
                }
                Ok(())
            }
            Member::Bytes(bytes) => self.push_current(bytes, output),
            Member::End => self.end_current(output),
            Member::Unread(path) => {
                self.ledger.record(&SEGMENT_TAR, Position::Whole, || {
                    format!("{path} is stored as a sparse file, which is not read")
                });
                Ok(())
            }
            Member::Damaged => {
                self.ledger.record(&SEGMENT_TAR, Position::Whole, || {
                    "a member's header is damaged".to_owned()
                });
                Ok(())
            }
        }
    }

    fn pass_over(&mut self, path: String) {
        self.ledger
            .record(&SEGMENT_OTHER_FILE, Position::Whole, || path.clone());
        self.first_other.get_or_insert(path);
        self.current = Current::Other;
    }

    /// Takes bytes of the current file.
    fn push_current(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        match &mut self.current {
            Current::Segment(file) => file.push(
                bytes,
                &mut Sink {
                    rows: &mut self.rows,
                    ledger: &mut self.ledger,
                    output,
                },
            ),
            Current::Metadata { text, .. } => {
                let room = MOST_METADATA_BYTES.saturating_sub(text.len());
                text.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
                Ok(())
            }
            Current::Unknown { path, head } => {
                let missing = tar::BLOCK.saturating_sub(head.len());
                let (now, later) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
                head.extend_from_slice(now);
                if head.len() < tar::BLOCK {
                    return Ok(());
                }
                let (path, head) = (std::mem::take(path), std::mem::take(head));
                if !tar::is_header(&head) {
                    self.pass_over(path);
                    return Ok(());
                }
                self.current = Current::None;
                let mut archive = TarReader::default();
                for bytes in [&head, later] {
                    archive.push(bytes, &mut |member| self.member(member, output))?;
                }
                self.archive = Some(archive);
                Ok(())
            }
            Current::Other => Ok(()),
            Current::None => Err(Error::unrecognised(
                Position::Whole,
                "a log segment can be read only when its path is known: \
                 expected <topic>-<partition>/<base offset>.log, found bytes without a path",
            )),
        }
    }

    fn begin(&mut self, path: String, offset: u64) {
        let (directory, file) = path.rsplit_once('/').unwrap_or(("", &path));
        let compressed = [".gz", ".zst"];
        let stem = compressed.iter().find_map(|end| file.strip_suffix(end));
        let file = stem.unwrap_or(file);
        let partition = LogDirectory::from_name(directory);
        let log_file = LogFile::from_name(file);
        self.current = match (partition, log_file) {
            (Some(partition), Some(log_file)) if log_file.kind == "log" => {
                let directory = directory.rsplit('/').find(|name| !name.is_empty());
                self.is_recognised = true;
                let segment = Segment {
                    directory: directory.unwrap_or_default().to_owned(),
                    file: file.to_owned(),
                    topic: partition.topic.to_owned(),
                    partition: partition.partition,
                    base_offset: log_file.base_offset.unwrap_or_default(),
                };
                Current::Segment(Box::new(SegmentFile::new(segment, offset)))
            }
            (Some(partition), Some(_)) if file == "partition.metadata" => {
                self.is_recognised = true;
                Current::Metadata {
                    topic: partition.topic.to_owned(),
                    text: Vec::new(),
                    path,
                }
            }
            _ => Current::Unknown {
                path,
                head: Vec::new(),
            },
        };
    }

    fn end_current(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        match std::mem::replace(&mut self.current, Current::None) {
            Current::Segment(file) => file.finish(&mut Sink {
                rows: &mut self.rows,
                ledger: &mut self.ledger,
                output,
            }),
            Current::Metadata { path, topic, text } => {
                self.metadata(&path, topic, &text);
                Ok(())
            }
            Current::Unknown { path, .. } => {
                self.pass_over(path);
                self.current = Current::None;
                Ok(())
            }
            Current::None | Current::Other => Ok(()),
        }
    }

    /// Reads a `partition.metadata` file: `version: 0` and `topic_id: …` on lines of their own.
    fn metadata(&mut self, path: &str, topic: String, text: &[u8]) {
        let lines = text.split(|&byte| byte == b'\n');
        let values = lines.filter_map(|line| line.strip_prefix(b"topic_id:"));
        let id = values.map(<[u8]>::trim_ascii).find(|id| {
            id.len() == TOPIC_ID_CHARACTERS
                && id
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        });
        match id {
            Some(id) if self.topics.len() < MOST_TOPICS => {
                let id = String::from_utf8_lossy(id).into_owned();
                self.topics.insert((id, topic));
            }
            _ => self
                .ledger
                .record(&SEGMENT_BAD_METADATA, Position::Whole, || {
                    let start = text.get(..100).unwrap_or(text);
                    format!("{path}: {}", String::from_utf8_lossy(start))
                }),
        }
    }

    fn flush_topics(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let topics: Vec<_> = std::mem::take(&mut self.topics).into_iter().collect();
        for topics in topics.chunks(8192) {
            let ids = topics.iter().map(|(id, _)| Some(id.as_str()));
            let names = topics.iter().map(|(_, name)| Some(name.as_str()));
            let batch = BatchBuilder::new(&TOPICS, topics.len())
                .set(
                    "source_id",
                    Arc::new(Int64Array::from(vec![self.source.0; topics.len()])),
                )
                .set("topic_id", Arc::new(ids.collect::<StringArray>()))
                .set("topic", Arc::new(names.collect::<StringArray>()))
                .finish()?;
            output.batch(&TOPICS, batch)?;
        }
        Ok(())
    }
}

impl Decoder for SegmentsDecoder {
    fn file(&mut self, path: &str) {
        // One that was named before and had no bytes has no rows either.
        if let Some(empty) = self.next.replace(path.to_owned()) {
            let current = std::mem::replace(&mut self.current, Current::None);
            self.begin(empty, 0);
            if let Current::Unknown { path, .. } = &mut self.current {
                let path = std::mem::take(path);
                self.pass_over(path);
            }
            self.current = current;
        }
    }

    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.begin_named(output)?;
        if let Some(mut archive) = self.archive.take() {
            let pushed = archive.push(bytes, &mut |member| self.member(member, output));
            self.archive = Some(archive);
            return pushed;
        }
        self.push_current(bytes, output)
    }

    fn next_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.end_file(output)?;
        self.begin_named(output)
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        self.begin_named(output)?;
        self.end_file(output)?;
        self.rows.flush(output)?;
        self.flush_topics(output)?;
        if !self.is_recognised {
            let found = match &self.first_other {
                Some(path) => format!("found {path}"),
                None => "found no file".to_owned(),
            };
            return Err(Error::unrecognised(
                Position::Whole,
                format!(
                    "expected a broker's log directories, or a tar archive of them, with \
                     <topic>-<partition>/<base offset>.log files; {found}"
                ),
            ));
        }
        let magics: Vec<String> = (0..3_u8)
            .filter(|magic| self.rows.magics & (1 << magic) != 0)
            .map(|magic| magic.to_string())
            .collect();
        let format = if magics.is_empty() {
            "Kafka log segments".to_owned()
        } else {
            format!("Kafka log segments, magic {}", magics.join(" and "))
        };
        Ok(Summary {
            format,
            clock: ClockKind::Realtime,
            anchors: Vec::new(),
            losses: std::mem::take(&mut self.ledger).into_losses(),
            limits: Vec::new(),
        })
    }
}
