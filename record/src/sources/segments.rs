//! What was appended to the broker's logs in the stretch: the ends of the segments that grew, in one tar archive.
//!
//! A member has the path of its segment and, in a pax record `KCORR.offset`, where in that file its bytes begin, so
//! that a batch keeps its place in the file. They begin and end between batches.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kcorr_model::{LogDirectory, LogFile};

use crate::broker::Broker;
use crate::place::{Place, size};
use crate::source::{Report, Source};
use crate::stretch::Stretch;

/// The file of the archive.
const FILE: &str = "segments.tar";
/// Bytes of an archive; what would be more is left out, and told.
const MOST_BYTES: u64 = 2 << 30;
/// How often the lengths of the segments are noted when a ring is kept.
const MARK_EVERY: Duration = Duration::from_secs(10);
/// What a block of an archive has.
const BLOCK: usize = 512;

/// How long each segment was.
type Lengths = BTreeMap<PathBuf, u64>;

/// Records appends.
pub(crate) struct Segments {
    /// Log directories, as this machine sees them.
    folders: Vec<PathBuf>,
    /// Whether only what the partitions that grew are called is recorded: topics by their ids.
    is_names_only: bool,
    file: PathBuf,
    keep: Option<Duration>,
    marks: VecDeque<(SystemTime, Lengths)>,
}

impl Segments {
    /// Of a broker; all that is appended, or only which topics that was to.
    pub(crate) fn new(broker: &Broker, is_names_only: bool) -> Self {
        Self {
            folders: broker
                .log_dirs
                .iter()
                .map(|dir| broker.outside(dir))
                .collect(),
            is_names_only,
            file: PathBuf::new(),
            keep: None,
            marks: VecDeque::new(),
        }
    }

    /// The segments of all partitions and how long they are.
    fn lengths(&self) -> Lengths {
        let mut lengths = Lengths::new();
        for folder in &self.folders {
            for partition in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = partition.file_name();
                if LogDirectory::from_name(&name.to_string_lossy()).is_none() {
                    continue;
                }
                for file in std::fs::read_dir(partition.path())
                    .into_iter()
                    .flatten()
                    .flatten()
                {
                    let name = file.file_name();
                    let name = name.to_string_lossy();
                    let is_segment = name.ends_with(".log")
                        && LogFile::from_name(&name).is_some_and(|file| file.kind == "log");
                    if is_segment && let Ok(metadata) = file.metadata() {
                        lengths.insert(file.path(), metadata.len());
                    }
                }
            }
        }
        lengths
    }

    /// Writes what was appended since `before` to an archive; what was left out for its size.
    fn write(&self, before: &Lengths, target: &Path) -> io::Result<Option<String>> {
        let mut archive = io::BufWriter::new(File::create(target)?);
        let (mut total, mut left_out) = (0_u64, 0_u64);
        for (path, length) in self.lengths() {
            let from = before.get(&path).copied().unwrap_or(0);
            if from >= length {
                continue;
            }
            if self.is_names_only {
                name_of(&mut archive, &path)?;
                continue;
            }
            // Retention may have taken it.
            let Ok(file) = File::open(&path) else {
                continue;
            };
            let (from, to) = (
                boundary(&file, &path, from)?,
                boundary(&file, &path, length)?,
            );
            if from >= to {
                continue;
            }
            total = total.saturating_add(to - from);
            if total > MOST_BYTES {
                left_out = left_out.saturating_add(to - from);
                total = total.saturating_sub(to - from);
                continue;
            }
            member(&mut archive, &inside(&path), &file, from, to)?;
            name_of(&mut archive, &path)?;
        }
        archive.write_all(&[0; 2 * BLOCK])?;
        archive
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_data()?;
        Ok((left_out > 0).then(|| {
            format!(
                "{} MB of segments were left out: an archive holds {} MB",
                left_out >> 20,
                MOST_BYTES >> 20
            )
        }))
    }
}

/// Adds what tells a topic's id to an archive: the file beside a segment.
fn name_of(archive: &mut impl Write, segment: &Path) -> io::Result<()> {
    let metadata = segment.with_file_name("partition.metadata");
    if let Ok(file) = File::open(&metadata) {
        let length = file.metadata()?.len();
        member(archive, &inside(&metadata), &file, 0, length)?;
    }
    Ok(())
}

/// A path of an archive: the partition's folder and the file.
fn inside(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    let file = path.file_name().unwrap_or_default();
    format!("{}/{}", folder.to_string_lossy(), file.to_string_lossy())
}

/// The end of the last batch that ends at `limit` or before: from the nearest entry of the segment's index on,
/// each batch tells its length.
fn boundary(file: &File, path: &Path, limit: u64) -> io::Result<u64> {
    let mut at = indexed(&path.with_extension("index"), limit).unwrap_or(0);
    loop {
        // Base offset, then the bytes behind these twelve.
        let mut head = [0; 12];
        match file.read_exact_at(&mut head, at) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(at),
            Err(error) => return Err(error),
        }
        let [.., a, b, c, d] = head;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        let next = at.saturating_add(12).saturating_add(length);
        // Zeros are no batch, but what a file was made longer by.
        if length == 0 || next > limit {
            return Ok(at);
        }
        at = next;
    }
}

/// The last position in an offset index that is at `limit` or before. An entry has a relative offset and a
/// position, four bytes each; zeros follow the last one.
fn indexed(index: &Path, limit: u64) -> Option<u64> {
    let file = File::open(index).ok()?;
    let entry = |number: u64| {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, number.checked_mul(8)?)
            .ok()?;
        let [_, _, _, _, a, b, c, d] = bytes;
        let position = u64::from(u32::from_be_bytes([a, b, c, d]));
        (bytes != [0; 8] && position <= limit).then_some(position)
    };
    let (mut low, mut high) = (0, file.metadata().ok()?.len() / 8);
    while low < high {
        let middle = low + (high - low) / 2;
        match entry(middle) {
            Some(_) => low = middle + 1,
            None => high = middle,
        }
    }
    entry(low.checked_sub(1)?)
}

/// Adds a part of a file to an archive.
fn member(
    archive: &mut impl Write,
    path: &str,
    mut file: &File,
    from: u64,
    to: u64,
) -> io::Result<()> {
    let mut records = pax_record("path", path);
    if from > 0 {
        records.push_str(&pax_record("KCORR.offset", &from.to_string()));
    }
    header(archive, b'x', "pax", records.len() as u64)?;
    padded(archive, records.as_bytes())?;
    let length = to - from;
    header(archive, b'0', path, length)?;
    file.seek(SeekFrom::Start(from))?;
    let copied = io::copy(&mut file.take(length), archive)?;
    // A file that was cut meanwhile: zeros are no batches.
    let missing = length - copied;
    io::copy(&mut io::repeat(0).take(missing + padding(length)), archive)?;
    Ok(())
}

/// `27 path=orders-0/00000.log\n`: the length counts itself.
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

fn padding(length: u64) -> u64 {
    let block = BLOCK as u64;
    (block - length % block) % block
}

fn padded(archive: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    archive.write_all(bytes)?;
    io::copy(
        &mut io::repeat(0).take(padding(bytes.len() as u64)),
        archive,
    )?;
    Ok(())
}

/// A header of ustar.
fn header(archive: &mut impl Write, kind: u8, path: &str, length: u64) -> io::Result<()> {
    let mut block = [0_u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8], most: usize| {
        let bytes = bytes.get(..most).unwrap_or(bytes);
        if let Some(field) = block.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(0, path.as_bytes(), 100);
    put(100, b"0000644\0", 8);
    put(108, b"0000000\0", 8);
    put(116, b"0000000\0", 8);
    put(124, format!("{length:011o}").as_bytes(), 11);
    put(136, b"00000000000", 11);
    put(148, b"        ", 8);
    put(156, &[kind], 1);
    put(257, b"ustar\x0000", 8);
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    if let Some(field) = block.get_mut(148..155) {
        field.copy_from_slice(format!("{sum:06o}\0").as_bytes());
    }
    archive.write_all(&block)
}

impl Source for Segments {
    fn name(&self) -> &str {
        "segments"
    }

    fn start(&mut self, place: &Place) -> Result<(), String> {
        if self.folders.is_empty() {
            return Err(
                "the broker's log directories are not known: its server.properties cannot be read; run as root"
                    .to_owned(),
            );
        }
        for folder in &self.folders {
            std::fs::read_dir(folder).map_err(|error| {
                format!(
                    "the log directory {} cannot be read ({error}): run as root",
                    folder.display()
                )
            })?;
        }
        self.file = place.file(FILE);
        self.keep = place.ring.map(|ring| ring.keep);
        self.marks = VecDeque::from([(SystemTime::now(), self.lengths())]);
        Ok(())
    }

    fn tick(&mut self, now: SystemTime) {
        let Some(keep) = self.keep else { return };
        let age = |time: SystemTime| now.duration_since(time).unwrap_or_default();
        let is_due = self
            .marks
            .back()
            .is_none_or(|(time, _)| age(*time) >= MARK_EVERY);
        if !is_due {
            return;
        }
        self.marks.push_back((now, self.lengths()));
        while self.marks.get(1).is_some_and(|(time, _)| age(*time) > keep) {
            self.marks.pop_front();
        }
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn stop(&mut self) -> Report {
        let mut report = Report::default();
        let before = self.marks.pop_front();
        if let Some((_, before)) = before.filter(|_| self.keep.is_none()) {
            match self.write(&before, &self.file) {
                Ok(left_out) => {
                    report.troubles.extend(left_out);
                    report.files.push(self.file.clone());
                }
                Err(error) => report
                    .troubles
                    .push(format!("segments cannot be copied: {error}")),
            }
        }
        self.marks.clear();
        report.bytes = report.files.iter().map(|file| size(file)).sum();
        report
    }

    fn dump(&mut self, stretch: Stretch, folder: &Path) -> Result<Vec<PathBuf>, String> {
        let earlier = self
            .marks
            .iter()
            .rev()
            .find(|(time, _)| *time <= stretch.from);
        let Some((_, before)) = earlier.or(self.marks.front()) else {
            return Err("it was not started".to_owned());
        };
        let target = folder.join(FILE);
        let written = self.write(before, &target);
        written.map_err(|error| format!("segments cannot be copied: {error}"))?;
        Ok(vec![target])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(offset: u64, length: u32) -> Vec<u8> {
        let mut bytes = offset.to_be_bytes().to_vec();
        bytes.extend(length.to_be_bytes());
        bytes.resize(bytes.len() + length as usize, 7);
        bytes
    }

    #[test]
    fn a_boundary_is_the_end_of_the_last_whole_batch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000000000000000000.log");
        let mut bytes = [batch(0, 88), batch(1, 38), batch(2, 188)].concat();
        bytes.resize(500, 0);
        std::fs::write(&path, &bytes).unwrap();
        let file = File::open(&path).unwrap();
        let at = |limit| boundary(&file, &path, limit).unwrap();
        assert_eq!(
            [at(0), at(99), at(100), at(149), at(350), at(500)],
            [0, 0, 100, 100, 350, 350]
        );
        // An index leaves out what is before its entry.
        let mut index = vec![0, 0, 0, 1, 0, 0, 0, 100, 0, 0, 0, 2, 0, 0, 0, 150];
        index.resize(80, 0);
        let index_path = path.with_extension("index");
        std::fs::write(&index_path, index).unwrap();
        assert_eq!(indexed(&index_path, 99), None);
        assert_eq!(indexed(&index_path, 149), Some(100));
        assert_eq!(indexed(&index_path, 1000), Some(150));
        assert_eq!([at(99), at(349), at(350)], [0, 150, 350]);
    }

    #[test]
    fn a_record_s_length_counts_itself() {
        assert_eq!(pax_record("path", "x"), "9 path=x\n");
        for length in 80..110 {
            let record = pax_record("path", &"a".repeat(length));
            let told: usize = record.split_once(' ').unwrap().0.parse().unwrap();
            assert_eq!(told, record.len());
        }
    }

    #[test]
    fn what_was_appended_is_read_back_at_its_place() {
        use kcorr_ingest_broker::SegmentsDecoder;
        use kcorr_model::{Decoder, SourceId};
        let folder = tempfile::tempdir().unwrap();
        let partition = folder.path().join("orders-0");
        std::fs::create_dir_all(&partition).unwrap();
        let path = partition.join("00000000000000000005.log");
        std::fs::write(&path, batch(5, 200)).unwrap();
        std::fs::write(partition.join("leader-epoch-checkpoint"), "x").unwrap();
        let mut segments = Segments {
            folders: vec![folder.path().to_owned()],
            is_names_only: false,
            file: folder.path().join("segments.tar"),
            keep: None,
            marks: VecDeque::new(),
        };
        let before = segments.lengths();
        assert_eq!(before.get(&path), Some(&212));
        let more = batch(6, 100);
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(&more)
            .unwrap();
        assert_eq!(segments.write(&before, &segments.file).unwrap(), None);
        let archive = std::fs::read(&segments.file).unwrap();
        let mut decoder = SegmentsDecoder::new(SourceId(1), None);
        decoder.file("segments.tar");
        let mut rows = Vec::new();
        decoder.push(&archive, &mut rows).unwrap();
        let summary = decoder.finish(&mut rows).unwrap();
        // The batch is none by its checksum, which says where it was looked for.
        let positions: Vec<String> = summary
            .losses
            .iter()
            .map(|loss| loss.first_position.to_string())
            .collect();
        assert!(
            positions.iter().any(|it| it.contains("212")),
            "{:?}",
            summary.losses
        );

        // Or only what the topic is called by its id.
        let metadata = "version: 0\ntopic_id: jKTRaM_TSNqocJeQI2aYOQ\n";
        std::fs::write(partition.join("partition.metadata"), metadata).unwrap();
        segments.is_names_only = true;
        assert_eq!(segments.write(&before, &segments.file).unwrap(), None);
        let archive = std::fs::read(&segments.file).unwrap();
        assert!(archive.len() < 8 * BLOCK, "{}", archive.len());
        let text = String::from_utf8_lossy(&archive);
        assert!(text.contains(metadata) && !text.contains(".log"), "{text}");
    }
}
