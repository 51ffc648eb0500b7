//! What the broker's own logs say of the stretch: request log, garbage collection log, server log.
//!
//! Which they are is told by what the process has open for writing. The files are held open from the begin, so
//! that one which is rotated meanwhile is read to its end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kcorr_ingest_broker::{recognise_gc_log, recognise_request_log, recognise_server_log};

use crate::broker::Broker;
use crate::host::Host;
use crate::place::{Place, size};
use crate::source::{Report, Source};
use crate::stretch::Stretch;

/// Bytes by which a log is recognised.
const HEAD_BYTES: u64 = 256 << 10;
/// How a chunk of JFR begins.
const JFR_MAGIC: &[u8] = b"FLR\0";
/// Bytes of a line that are looked for its end; a request's may name thousands of partitions.
const MOST_LINE_BYTES: u64 = 1 << 20;
/// How often the lengths of the files are noted.
const MARK_EVERY: Duration = Duration::from_secs(2);

/// Records logs.
pub(crate) struct BrokerFiles {
    host: Host,
    broker: Broker,
    folder: PathBuf,
    keep: Option<Duration>,
    logs: Vec<Log>,
    marked: Option<SystemTime>,
}

/// A log that the broker writes.
struct Log {
    path: PathBuf,
    file: File,
    inode: (u64, u64),
    /// How long it was when.
    marks: VecDeque<(SystemTime, u64)>,
}

impl BrokerFiles {
    pub(crate) fn new(host: &Host, broker: &Broker) -> Self {
        Self {
            host: host.clone(),
            broker: broker.clone(),
            folder: PathBuf::new(),
            keep: None,
            logs: Vec::new(),
            marked: None,
        }
    }

    /// Logs that are open now and were not known; `is_new` when they were opened after the begin.
    fn look(&mut self, is_new: bool) {
        for (path, file) in open_logs(&self.host, &self.broker) {
            let Ok(metadata) = file.metadata() else {
                continue;
            };
            let inode = (metadata.dev(), metadata.ino());
            if self.logs.iter().any(|log| log.inode == inode) {
                continue;
            }
            let length = if is_new { 0 } else { metadata.len() };
            let marks = VecDeque::from([(SystemTime::now(), length)]);
            self.logs.push(Log {
                path,
                file,
                inode,
                marks,
            });
        }
    }

    /// Copies what came to the logs since a time.
    fn copy(&mut self, since: Option<SystemTime>, folder: &Path) -> Result<Vec<PathBuf>, String> {
        let mut files = Vec::new();
        for (at, log) in self.logs.iter_mut().enumerate() {
            let name = log.path.file_name().unwrap_or_default().to_string_lossy();
            let mut target = folder.join(name.as_ref());
            if files.contains(&target) {
                target = folder.join(format!("{at}-{name}"));
            }
            let from = log.length_at(since);
            let copied = log.copy(from, &target);
            let bytes =
                copied.map_err(|error| format!("cannot copy {}: {error}", log.path.display()))?;
            if bytes == 0 {
                // Nothing was said, which is no recording.
                let _ = std::fs::remove_file(&target);
            } else {
                files.push(target);
            }
        }
        Ok(files)
    }
}

impl Log {
    /// Its length at a time, or when it was seen first.
    fn length_at(&self, time: Option<SystemTime>) -> u64 {
        let before = |&&(marked, _): &&(SystemTime, u64)| time.is_none_or(|time| marked <= time);
        let found = match time {
            Some(_) => self.marks.iter().rev().find(before),
            None => self.marks.front(),
        };
        found
            .or(self.marks.front())
            .map_or(0, |&(_, length)| length)
    }

    fn copy(&mut self, from: u64, target: &Path) -> std::io::Result<u64> {
        let length = self.file.metadata()?.len();
        // It was cut (`copytruncate`): what is there came since.
        let from = if length < from { 0 } else { from };
        let (from, to) = (line_end(&self.file, from)?, line_end(&self.file, length)?);
        self.file.seek(SeekFrom::Start(from))?;
        let mut target = File::create(target)?;
        std::io::copy(&mut (&self.file).take(to.saturating_sub(from)), &mut target)
    }
}

/// Where the last line ends that ends at `limit` or before: a log may have been written to its buffer's end.
fn line_end(file: &File, limit: u64) -> std::io::Result<u64> {
    let begin = limit.saturating_sub(MOST_LINE_BYTES);
    let mut bytes = vec![0; usize::try_from(limit - begin).unwrap_or_default()];
    file.read_exact_at(&mut bytes, begin)?;
    let end = bytes.iter().rposition(|&byte| byte == b'\n');
    // A longer line is cut.
    Ok(end.map_or(if begin == 0 { 0 } else { limit }, |at| {
        begin + at as u64 + 1
    }))
}

/// Logs that a process has open for writing, of those that can be read into a store.
pub(crate) fn open_logs(host: &Host, broker: &Broker) -> Vec<(PathBuf, File)> {
    let folder = format!("/proc/{}/fd", broker.pid);
    let mut logs = Vec::new();
    // The broker's log by another name, such as its console.
    let mut others = Vec::new();
    for name in host.names(&folder) {
        let link = format!("{folder}/{name}");
        let Some(path) = host.link(&link) else {
            continue;
        };
        let is_data = broker.log_dirs.iter().any(|dir| path.starts_with(dir));
        if !path.is_absolute() || is_data || path.starts_with("/dev") {
            continue;
        }
        let flags = host
            .text(format!("/proc/{}/fdinfo/{name}", broker.pid))
            .unwrap_or_default();
        let flags = flags.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u64::from_str_radix(flags.trim(), 8).ok());
        if flags.is_none_or(|flags| flags & 3 == 0) {
            continue;
        }
        let Ok(mut file) = File::open(host.path(&link)) else {
            continue;
        };
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        if is_server_log(&path) {
            logs.push((path, file));
            continue;
        }
        match log_kind(&mut file) {
            Some("server-log") => others.push((path, file)),
            Some(_) => logs.push((path, file)),
            None => {}
        }
    }
    // They say what `server.log` says.
    if !logs.iter().any(|(path, _)| is_server_log(path)) {
        logs.append(&mut others);
    }
    logs
}

fn is_server_log(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "server.log")
}

/// What a log is, by its first bytes.
pub(crate) fn log_kind(file: &mut File) -> Option<&'static str> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    // The JVM's own recording, whose strings may be lines of a log.
    if head.starts_with(JFR_MAGIC) {
        return None;
    }
    if recognise_gc_log(&head).is_some() {
        Some("gc-log")
    } else if recognise_request_log(&head).is_some() {
        Some("request-log")
    } else if recognise_server_log(&head).is_some() {
        Some("server-log")
    } else {
        None
    }
}

impl Source for BrokerFiles {
    fn name(&self) -> &str {
        "broker-files"
    }

    fn start(&mut self, place: &Place) -> Result<(), String> {
        self.folder.clone_from(&place.folder);
        self.keep = place.ring.map(|ring| ring.keep);
        self.look(false);
        Ok(())
    }

    fn tick(&mut self, now: SystemTime) {
        let is_due = self.marked.is_none_or(|marked| {
            now.duration_since(marked)
                .is_ok_and(|since| since >= MARK_EVERY)
        });
        let Some(keep) = self.keep.filter(|_| is_due) else {
            return;
        };
        self.marked = Some(now);
        self.look(true);
        for log in &mut self.logs {
            if let Ok(metadata) = log.file.metadata() {
                log.marks.push_back((now, metadata.len()));
            }
            // One mark that is older stays: what came since is wanted.
            while log.marks.get(1).is_some_and(|(marked, _)| {
                now.duration_since(*marked).is_ok_and(|age| age > keep * 2)
            }) {
                log.marks.pop_front();
            }
        }
        // One that was rotated away is of no use any more when what it said is too old.
        self.logs.retain(|log| {
            let written = log.file.metadata().and_then(|metadata| metadata.modified());
            let age = written
                .ok()
                .and_then(|written| now.duration_since(written).ok());
            let is_there = std::fs::metadata(self.broker.outside(&log.path))
                .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == log.inode);
            is_there || age.is_none_or(|age| age <= keep * 2)
        });
    }

    fn bytes(&self) -> u64 {
        self.logs
            .iter()
            .map(|log| {
                let length = log.file.metadata().map_or(0, |metadata| metadata.len());
                length.saturating_sub(log.length_at(None))
            })
            .sum()
    }

    fn stop(&mut self) -> Report {
        let mut report = Report::default();
        if self.keep.is_none() {
            self.look(true);
            let folder = self.folder.clone();
            match self.copy(None, &folder) {
                Ok(files) => report.files = files,
                Err(trouble) => report.troubles.push(trouble),
            }
        }
        self.logs.clear();
        report.bytes = report.files.iter().map(|file| size(file)).sum();
        report
    }

    fn dump(&mut self, stretch: Stretch, folder: &Path) -> Result<Vec<PathBuf>, String> {
        self.look(true);
        self.copy(Some(stretch.from), folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_of_the_jvm_is_no_log_whatever_its_strings_say() {
        let folder = tempfile::tempdir().unwrap();
        let line = "[2026-12-01 10:00:00,000] INFO [Partition orders-0 broker=1] ISR updated to 1,2  and version updated to 2 (kafka.cluster.Partition)\n";
        let kind = |name: &str, head: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, [head, line.as_bytes()].concat()).unwrap();
            log_kind(&mut File::open(&path).unwrap())
        };
        assert_eq!(kind("console", b""), Some("server-log"));
        assert_eq!(kind("chunk.jfr", b"FLR\0\0\x02\0\0\n"), None);
    }

    #[test]
    fn what_came_since_a_time_is_copied_and_a_cut_file_from_its_begin() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gc.log");
        std::fs::write(&path, "before\nsince\n").unwrap();
        let file = File::open(&path).unwrap();
        let now = SystemTime::now();
        let marks = [
            (now - Duration::from_secs(9), 0),
            (now - Duration::from_secs(5), 7),
            (now, 13),
        ];
        let mut log = Log {
            path: path.clone(),
            file,
            inode: (0, 0),
            marks: marks.into(),
        };
        assert_eq!(log.length_at(Some(now - Duration::from_secs(2))), 7);
        assert_eq!(log.length_at(Some(now - Duration::from_secs(20))), 0);
        assert_eq!(log.length_at(None), 0);
        let target = folder.path().join("copy");
        assert_eq!(log.copy(7, &target).unwrap(), 6);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "since\n");
        assert_eq!(log.copy(99, &target).unwrap(), 13);
        // Lines are whole.
        std::fs::write(&path, "before\nsince\nbeg").unwrap();
        assert_eq!(log.copy(9, &target).unwrap(), 6);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "since\n");
    }
}
