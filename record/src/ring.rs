//! The last minutes of a source, in files by time of which the oldest go.
//!
//! Each file can be read by itself: packets and lines are not cut, and what stands at the head of the recording (a
//! capture's header, the first lines of a probe) is at the head of each. Where a line there ties clocks, the latest such
//! line takes its place: weeks later, the first may tell of a wall time that has been set since. Nothing else is parsed.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::sink::Sink;
use crate::stretch::Stretch;

/// Bytes of a packet or a line that are waited for; a longer one is cut there.
const MOST_RECORD_BYTES: usize = 8 << 20;

/// What a line begins with that ties a probe's clock to wall time.
const CLOCK_LINE: &[u8] = b"{\"ev\":\"clock\"";

/// The time between words about a full disk.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// How much is kept of each source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingSettings {
    /// The time that is kept at least.
    pub keep: Duration,
    /// Bytes that are kept of all sources at most: the oldest files go, whatever their time.
    pub most_bytes: u64,
    /// Files that the time is cut into, a second each at least. A dump has whole files: more of them, and it has less
    /// besides its stretch.
    pub files: u32,
}

/// What a stream is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A pcap file: a header of 24 bytes, then packets.
    Pcap,
    /// Lines, so many of which tell at the begin what comes.
    Lines { head: usize },
}

/// The files of one source.
#[derive(Debug)]
pub(crate) struct Ring {
    framing: Framing,
    name: String,
    files: Mutex<VecDeque<Piece>>,
    /// How often all was dropped because the disk was full.
    emptied: AtomicU64,
    /// How much of that was told, and when.
    told: Mutex<(u64, Option<Instant>)>,
}

/// One file of a ring.
#[derive(Debug, Clone)]
struct Piece {
    path: PathBuf,
    from: SystemTime,
    to: SystemTime,
    bytes: u64,
    head_bytes: u64,
}

/// Writes the files of a ring.
#[derive(Debug)]
pub(crate) struct RingSink {
    ring: Arc<Ring>,
    folder: PathBuf,
    settings: RingSettings,
    head: Head,
    /// A beginning of a record that is not there yet.
    held: Vec<u8>,
    file: Option<File>,
    next: u64,
}

/// What stands at the head of every file.
#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    is_whole: bool,
    /// Whether numbers of a pcap are the other way round.
    is_swapped: bool,
}

impl Ring {
    /// A ring of a source whose file would have that name, and what writes to it.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub(crate) fn create(
        folder: &Path,
        name: &str,
        framing: Framing,
        settings: RingSettings,
    ) -> io::Result<(Arc<Self>, RingSink)> {
        let folder = folder.join(".ring");
        std::fs::create_dir_all(&folder)?;
        // Of an earlier recorder here that was killed.
        for entry in std::fs::read_dir(&folder)?.flatten() {
            let is_ours = entry
                .file_name()
                .to_string_lossy()
                .starts_with(&format!("{name}."));
            if is_ours {
                std::fs::remove_file(entry.path())?;
            }
        }
        let ring = Arc::new(Self {
            framing,
            name: name.to_owned(),
            files: Mutex::default(),
            emptied: AtomicU64::new(0),
            told: Mutex::default(),
        });
        let sink = RingSink {
            ring: Arc::clone(&ring),
            folder,
            settings,
            head: Head::default(),
            held: Vec::new(),
            file: None,
            next: 0,
        };
        Ok((ring, sink))
    }

    /// How often all that was held had to go, because the disk was full.
    pub(crate) fn emptied(&self) -> u64 {
        self.emptied.load(Ordering::Relaxed)
    }

    /// What is said while it goes on when all that was held had to go since this was asked last; once a minute at most.
    pub(crate) fn warning(&self) -> Option<String> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let emptied = self.emptied();
        let is_new = emptied > told.0 && told.1.is_none_or(|at| at.elapsed() >= WARN_EVERY);
        is_new.then(|| {
            *told = (emptied, Some(Instant::now()));
            "the disk is full: all that was kept of it went, and it goes on".to_owned()
        })
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> u64 {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().map(|piece| piece.bytes).sum()
    }

    /// Writes what came in a stretch of time, and what surrounds it in the same files, into one file of `folder`.
    /// None when nothing came.
    ///
    /// # Errors
    /// When it cannot be written, or a file of the ring cannot be read.
    pub(crate) fn dump(&self, stretch: Stretch, folder: &Path) -> io::Result<Option<PathBuf>> {
        let pieces: Vec<Piece> = {
            let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            let within = files
                .iter()
                .filter(|it| it.from <= stretch.to && it.to >= stretch.from);
            within.cloned().collect()
        };
        if pieces.is_empty() {
            return Ok(None);
        }
        let target = folder.join(&self.name);
        let mut written = File::create(&target)?;
        for (at, piece) in pieces.iter().enumerate() {
            let opened = match File::open(&piece.path) {
                Ok(file) => file,
                // It went meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            // A head is needed once: what follows has ties of clocks of its own.
            let skipped = if at == 0 { 0 } else { piece.head_bytes };
            copy_range(&opened, skipped, piece.bytes, &mut written)?;
        }
        Ok(Some(target))
    }
}

/// Copies the bytes of a file from one place to another.
fn copy_range(file: &File, from: u64, to: u64, target: &mut File) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = file;
    file.seek(SeekFrom::Start(from))?;
    io::copy(&mut file.take(to.saturating_sub(from)), target)?;
    Ok(())
}

impl RingSink {
    /// Bytes of `self.held` that are whole records, from `start` on.
    fn whole(&self, start: usize) -> usize {
        let rest = self.held.get(start..).unwrap_or_default();
        let length = match self.ring.framing {
            Framing::Lines { .. } => rest
                .iter()
                .rposition(|&byte| byte == b'\n')
                .map_or(0, |at| at + 1),
            Framing::Pcap => {
                let mut done = 0_usize;
                while let Some(packet) = rest.get(done..)
                    && let Some(length) = self.head.packet_bytes(packet)
                    && length <= packet.len()
                {
                    done = done.saturating_add(length);
                }
                done
            }
        };
        if length == 0 && rest.len() > MOST_RECORD_BYTES {
            return rest.len();
        }
        length
    }

    /// Takes what is whole of the held bytes into files.
    fn write(&mut self) -> io::Result<()> {
        if !self.head.is_whole {
            let taken = self.head.take(self.ring.framing, &self.held);
            if !self.head.is_whole {
                return Ok(());
            }
            self.held.drain(..taken);
        }
        let whole = self.whole(0);
        if whole == 0 {
            return Ok(());
        }
        let now = SystemTime::now();
        self.turn(now)?;
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let records = self.held.get(..whole).unwrap_or_default();
        file.write_all(records)?;
        self.head.take_latest_clock(records);
        self.held.drain(..whole);
        let mut files = self
            .ring
            .files
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(piece) = files.back_mut() {
            piece.to = now;
            piece.bytes = piece.bytes.saturating_add(whole as u64);
        }
        Ok(())
    }

    /// Lets all go that is kept: what is older is worth less than that the recorder goes on. The begin of a record whose
    /// end has not come yet stays, so that what comes is still cut where records begin.
    fn lose_all(&mut self) {
        let mut files = self
            .ring
            .files
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for piece in files.drain(..) {
            let _ = std::fs::remove_file(&piece.path);
        }
        drop(files);
        self.ring.emptied.fetch_add(1, Ordering::Relaxed);
        self.file = None;
        let whole = self.whole(0);
        self.held.drain(..whole);
    }

    /// Begins the next file when it is time, and removes those that are too old or too many.
    fn turn(&mut self, now: SystemTime) -> io::Result<()> {
        let files = self.settings.files.max(1);
        let step = (self.settings.keep / files).max(Duration::from_secs(1));
        let most = self.settings.most_bytes / u64::from(files);
        let ring = Arc::clone(&self.ring);
        let mut files = ring.files.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = files.back().is_none_or(|piece| {
            // One that begins later than now is of before the clock was set back: what comes has a time of its own.
            let age = now.duration_since(piece.from);
            piece.bytes >= most || age.map_or(true, |age| age >= step)
        });
        if !is_full && self.file.is_some() {
            return Ok(());
        }
        let mut total: u64 = files.iter().map(|piece| piece.bytes).sum();
        while let Some(oldest) = files.front() {
            let age = now.duration_since(oldest.to).unwrap_or_default();
            if age <= self.settings.keep && total.saturating_add(most) <= self.settings.most_bytes {
                break;
            }
            total = total.saturating_sub(oldest.bytes);
            // One that is gone already needs no removing.
            let _ = std::fs::remove_file(&oldest.path);
            files.pop_front();
        }
        let path = self.folder.join(format!("{}.{:06}", ring.name, self.next));
        self.next = self.next.wrapping_add(1);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)?;
        file.write_all(&self.head.bytes)?;
        let head_bytes = self.head.bytes.len() as u64;
        files.push_back(Piece {
            path,
            from: now,
            to: now,
            bytes: head_bytes,
            head_bytes,
        });
        self.file = Some(file);
        Ok(())
    }
}

impl Head {
    /// Takes the head from the first bytes of a stream, if all of it is there; how many bytes it has.
    fn take(&mut self, framing: Framing, held: &[u8]) -> usize {
        let length = match framing {
            Framing::Pcap => (held.len() >= 24).then_some(24),
            Framing::Lines { head: 0 } => Some(0),
            Framing::Lines { head } => {
                let mut ends = held.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                ends.nth(head - 1).map(|(at, _)| at + 1)
            }
        };
        let Some(length) = length else { return 0 };
        self.bytes = held.get(..length).unwrap_or_default().to_vec();
        self.is_whole = true;
        self.is_swapped =
            framing == Framing::Pcap && matches!(self.bytes.get(..2), Some([0xa1, 0xb2]));
        length
    }

    /// Takes the last line of some that ties clocks in the place of the one that the head ends with.
    fn take_latest_clock(&mut self, lines: &[u8]) {
        let head = self.bytes.strip_suffix(b"\n").unwrap_or_default();
        let at = head.iter().rposition(|&byte| byte == b'\n');
        let at = at.map_or(0, |at| at + 1);
        if !head.get(at..).is_some_and(|it| it.starts_with(CLOCK_LINE)) {
            return;
        }
        let lines = lines.strip_suffix(b"\n").unwrap_or_default();
        let mut latest_first = lines.rsplit(|&byte| byte == b'\n');
        if let Some(latest) = latest_first.find(|line| line.starts_with(CLOCK_LINE)) {
            self.bytes.truncate(at);
            self.bytes.extend_from_slice(latest);
            self.bytes.push(b'\n');
        }
    }

    /// Bytes of a packet with its header, once that is there.
    fn packet_bytes(&self, bytes: &[u8]) -> Option<usize> {
        let length: [u8; 4] = bytes.get(8..12)?.try_into().ok()?;
        let length = if self.is_swapped {
            u32::from_be_bytes(length)
        } else {
            u32::from_le_bytes(length)
        };
        usize::try_from(length).ok()?.checked_add(16)
    }
}

impl Sink for RingSink {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.held.extend_from_slice(bytes);
        match self.write() {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                self.lose_all();
                Ok(())
            }
            done => done,
        }
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(
        folder: &Path,
        framing: Framing,
        keep: Duration,
        most_bytes: u64,
    ) -> (Arc<Ring>, RingSink) {
        let settings = RingSettings {
            keep,
            most_bytes,
            files: 8,
        };
        Ring::create(folder, "x", framing, settings).unwrap()
    }

    fn stretch(back: Duration) -> Stretch {
        let to = SystemTime::now();
        Stretch {
            from: to - back,
            to,
        }
    }

    /// All that a ring has of the last minute.
    fn dumped(ring: &Ring, folder: &Path) -> Vec<u8> {
        let path = ring.dump(stretch(Duration::from_secs(60)), folder);
        std::fs::read(path.unwrap().unwrap()).unwrap()
    }

    fn packet(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; 16];
        bytes[8..12].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
        bytes.extend(vec![7; length]);
        bytes
    }

    #[test]
    fn a_dump_of_packets_is_one_whole_capture_however_they_came() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, mut sink) = ring(folder.path(), Framing::Pcap, Duration::from_secs(60), 800);
        let mut stream = vec![0xd4, 0xc3, 0xb2, 0xa1];
        stream.extend([0; 20]);
        for length in [10, 90, 0, 33, 70] {
            stream.extend(packet(length));
        }
        for piece in stream.chunks(7) {
            sink.take(piece).unwrap();
        }
        // Half a packet is not in it.
        sink.take(&packet(50)[..30]).unwrap();
        let files = std::fs::read_dir(folder.path().join(".ring"))
            .unwrap()
            .count();
        assert!(files > 1, "{files}");
        assert_eq!(dumped(&ring, folder.path()), stream);
    }

    #[test]
    fn after_a_full_disk_packets_are_still_cut_where_they_begin() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, mut sink) = ring(folder.path(), Framing::Pcap, Duration::from_secs(60), 8000);
        let mut head = vec![0xd4, 0xc3, 0xb2, 0xa1];
        head.extend([0; 20]);
        sink.take(&head).unwrap();
        let cut = packet(90);
        sink.take(&[&packet(10)[..], &cut[..50]].concat()).unwrap();
        assert_eq!(ring.warning(), None);
        sink.lose_all();
        assert!(ring.warning().is_some_and(|it| it.contains("full")));
        // Told once, and not again for each that comes while it is full.
        sink.lose_all();
        assert_eq!(ring.warning(), None);
        sink.take(&[&cut[50..], &packet(33)[..]].concat()).unwrap();
        let expected = [head, cut, packet(33)].concat();
        assert_eq!(dumped(&ring, folder.path()), expected);
        assert_eq!(ring.emptied(), 2);
    }

    #[test]
    fn each_file_of_lines_begins_with_the_head_and_a_dump_has_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, mut sink) = ring(
            folder.path(),
            Framing::Lines { head: 2 },
            Duration::from_secs(60),
            1600,
        );
        let mut text = "probe\nclock\n".to_owned();
        for number in 0..60 {
            text.push_str(&format!("line {number:03}\n"));
        }
        for piece in text.as_bytes().chunks(11) {
            sink.take(piece).unwrap();
        }
        assert_eq!(dumped(&ring, folder.path()), text.as_bytes());
        let entries = std::fs::read_dir(folder.path().join(".ring")).unwrap();
        for entry in entries.flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            assert!(text.starts_with("probe\nclock\n"), "{text}");
        }
    }

    #[test]
    fn what_is_left_begins_with_the_latest_tie_of_clocks() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, mut sink) = ring(
            folder.path(),
            Framing::Lines { head: 2 },
            Duration::from_secs(60),
            1600,
        );
        let tie =
            |wall: u32| format!("{{\"ev\":\"clock\",\"mono_ns\":1,\"wall\":\"{wall:04}.0\"}}\n");
        let mut text = format!("probe\n{}", tie(0));
        for number in 1..100 {
            text.push_str(&tie(number));
            text.push_str(&format!("line {number:03}\nline {number:03}\n"));
        }
        for piece in text.as_bytes().chunks(11) {
            sink.take(piece).unwrap();
        }
        let dumped = String::from_utf8(dumped(&ring, folder.path())).unwrap();
        let ties: Vec<&str> = dumped.lines().filter(|it| it.contains("clock")).collect();
        assert!(dumped.starts_with("probe\n{\"ev\":\"clock\""), "{dumped}");
        assert!(!dumped.contains(&tie(0)), "{dumped}");
        assert!(ties.is_sorted() && ties.len() < 60, "{ties:?}");
        assert!(dumped.ends_with(&text[text.len() - 60..]), "{dumped}");
    }

    #[test]
    fn what_comes_after_the_clock_was_set_back_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, mut sink) = ring(
            folder.path(),
            Framing::Lines { head: 0 },
            Duration::from_secs(600),
            1 << 20,
        );
        sink.take(b"before\n").unwrap();
        {
            let mut files = ring.files.lock().unwrap();
            let piece = files.back_mut().unwrap();
            piece.from += Duration::from_secs(3600);
            piece.to = piece.from;
        }
        sink.take(b"after\n").unwrap();
        assert_eq!(dumped(&ring, folder.path()), b"after\n");
    }

    #[test]
    fn the_oldest_go_when_there_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, mut sink) = ring(
            folder.path(),
            Framing::Lines { head: 2 },
            Duration::from_secs(60),
            4000,
        );
        sink.take(b"a\nb\n").unwrap();
        for number in 0..10_000 {
            sink.take(format!("line {number}\n").as_bytes()).unwrap();
        }
        assert!(ring.bytes() <= 4000, "{}", ring.bytes());
        let text = String::from_utf8(dumped(&ring, folder.path())).unwrap();
        assert!(text.ends_with("line 9999\n") && !text.contains("line 5000\n"));
        let entries = std::fs::read_dir(folder.path().join(".ring")).unwrap();
        let bytes: u64 = entries
            .flatten()
            .map(|it| it.metadata().unwrap().len())
            .sum();
        assert!(bytes <= 4000, "{bytes}");
    }

    #[test]
    fn what_came_before_or_after_is_not_in_a_dump() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, mut sink) = ring(
            folder.path(),
            Framing::Lines { head: 2 },
            Duration::from_secs(60),
            4000,
        );
        sink.take(b"a\nb\nc\n").unwrap();
        let to = SystemTime::now() - Duration::from_secs(5);
        let before = Stretch {
            from: to - Duration::from_secs(5),
            to,
        };
        assert_eq!(ring.dump(before, folder.path()).unwrap(), None);
    }
}
