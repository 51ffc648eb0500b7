//! Lines and figures on disk, so that a restart loses none.
//!
//! Lines go to `messages-TIME.jsonl`. `state.json` has the figures and says up to which byte of which file they count. What
//! is written behind that is counted when the program starts again: a kill at any moment loses no line that was written, and
//! counts none twice. Messages that are on the way when it is killed have no line.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kcorr_ingest_client::ClientMessage;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::figures::Figures;

/// A file of lines ends at this size, or at a quarter of what all may have.
const FILE_BYTES: u64 = 64 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct State {
    figures: Figures,
    /// The file that is counted up to `bytes`; those before it by name are counted whole.
    file: String,
    bytes: u64,
}

/// The folder of a client.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    most_bytes: u64,
    most_file: u64,
    name: String,
    file: BufWriter<File>,
    bytes: u64,
    last_name: u128,
    unwritten: u64,
    /// Held as long as this is.
    _lock: File,
}

impl Folder {
    /// Opens or makes a folder, and counts what was written and not counted yet.
    ///
    /// `most_bytes` is what files of lines may have together; the oldest go.
    ///
    /// # Errors
    /// When another client has it, something cannot be read or written, or its figures are of another objective.
    pub fn open(path: &Path, objective_ms: f64, most_bytes: u64) -> Result<(Self, Figures)> {
        std::fs::create_dir_all(path).map_err(|error| Error::file("cannot make", path, error))?;
        let lock_path = path.join("lock");
        let cannot = |error| Error::file("cannot write", &lock_path, error);
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true);
        let lock = lock.open(&lock_path).map_err(cannot)?;
        lock.try_lock()
            .map_err(|_| Error::Plan(format!("another client writes to {}", path.display())))?;
        let state = read_state(path)?;
        let (mut figures, counted) = match state {
            Some(state) => (state.figures, Some((state.file, state.bytes))),
            None => (Figures::new(objective_ms), None),
        };
        #[expect(clippy::float_cmp, reason = "they are the same or not")]
        if figures.objective_ms() != objective_ms {
            return Err(Error::Plan(format!(
                "the figures in {} are of an objective of {} ms: go on with that, or take another folder",
                path.display(),
                figures.objective_ms()
            )));
        }
        let names = line_files(path)?;
        for name in &names {
            let from = match &counted {
                Some((file, bytes)) if name == file => *bytes,
                Some((file, _)) if name < file => continue,
                _ => 0,
            };
            count(&path.join(name), from, &mut figures)?;
        }
        figures.started();
        let last_name = names
            .iter()
            .filter_map(|name| name.strip_prefix("messages-")?.strip_suffix(".jsonl"))
            .filter_map(|time| time.parse().ok())
            .max();
        let (name, last_name, file) = new_file(path, last_name.unwrap_or(0))?;
        let mut folder = Self {
            path: path.to_owned(),
            most_bytes,
            most_file: FILE_BYTES.min(most_bytes / 4).max(1),
            name,
            file,
            bytes: 0,
            last_name,
            unwritten: 0,
            _lock: lock,
        };
        folder.save(&figures)?;
        Ok((folder, figures))
    }

    /// Lines that could not be written since it was opened.
    pub fn unwritten(&self) -> u64 {
        self.unwritten
    }

    /// Writes a line, and counts it.
    pub fn write(&mut self, message: &ClientMessage<'_>, figures: &mut Figures) {
        figures.count(message);
        let written = message
            .to_line()
            .map_err(std::io::Error::from)
            .and_then(|mut line| {
                // In one piece, so that it is in the buffer as a whole or not at all.
                line.push('\n');
                self.file.write_all(line.as_bytes())?;
                Ok(line.len() as u64)
            });
        match written {
            Ok(bytes) => self.bytes += bytes,
            Err(_) => self.unwritten += 1,
        }
    }

    /// Hands what is written to the system, so that no kill of this process loses it.
    pub fn flush(&mut self) {
        // What the system does not take stays in the buffer: lines that find no room there are counted.
        let _ = self.file.flush();
    }

    /// Saves the figures in one step, begins another file when this one is full, and removes the oldest beyond what they may
    /// have: only when the figures that have their lines are saved.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn save(&mut self, figures: &Figures) -> Result<()> {
        let path = self.path.join(&self.name);
        self.file
            .flush()
            .map_err(|error| Error::file("cannot write", &path, error))?;
        if self.bytes >= self.most_file {
            (self.name, self.last_name, self.file) = new_file(&self.path, self.last_name)?;
            self.bytes = 0;
        }
        // What the file really has: after a write that failed the count may be another.
        let bytes = self.file.get_mut().stream_position();
        let state = State {
            figures: figures.clone(),
            file: self.name.clone(),
            bytes: bytes.map_err(|error| Error::file("cannot read", &path, error))?,
        };
        let whole = self.path.join("state.json");
        let part = self.path.join("state.json.part");
        let cannot = |error| Error::file("cannot write", &part, error);
        let text = serde_json::to_vec(&state)
            .map_err(|error| Error::State(format!("cannot write {}", whole.display()), error))?;
        let mut file = File::create(&part).map_err(cannot)?;
        file.write_all(&text).map_err(cannot)?;
        file.sync_all().map_err(cannot)?;
        std::fs::rename(&part, &whole)
            .map_err(|error| Error::file("cannot write", &whole, error))?;
        self.remove_oldest()
    }

    fn remove_oldest(&self) -> Result<()> {
        let mut left = self.most_bytes;
        for name in line_files(&self.path)?.iter().rev() {
            let path = self.path.join(name);
            let bytes = std::fs::metadata(&path).map_or(0, |it| it.len());
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None if *name == self.name => left = 0,
                None => {
                    left = 0;
                    std::fs::remove_file(&path)
                        .map_err(|error| Error::file("cannot remove", &path, error))?;
                }
            }
        }
        Ok(())
    }
}

fn read_state(path: &Path) -> Result<Option<State>> {
    let path = path.join("state.json");
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file("cannot read", &path, error)),
    };
    let state = serde_json::from_slice(&text)
        .map_err(|error| Error::State(format!("cannot read {}", path.display()), error))?;
    Ok(Some(state))
}

/// The files of lines, in the order of their times.
fn line_files(path: &Path) -> Result<Vec<String>> {
    let cannot = |error| Error::file("cannot read", path, error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("messages-") && name.ends_with(".jsonl") {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// A file whose name is behind all others.
fn new_file(path: &Path, last: u128) -> Result<(String, u128, BufWriter<File>)> {
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let time = wall.map_or(0, |it| it.as_millis()).max(last + 1);
    let name = format!("messages-{time:013}.jsonl");
    let path = path.join(&name);
    let file = OpenOptions::new().create_new(true).write(true).open(&path);
    let file = file.map_err(|error| Error::file("cannot write", &path, error))?;
    Ok((name, time, BufWriter::new(file)))
}

/// Counts the whole lines behind a byte; one that does not end was cut.
fn count(path: &Path, from: u64, figures: &mut Figures) -> Result<()> {
    let cannot = |error| Error::file("cannot read", path, error);
    let mut file = File::open(path).map_err(cannot)?;
    file.seek(SeekFrom::Start(from)).map_err(cannot)?;
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line).map_err(cannot)? > 0 {
        if line.ends_with(b"\n")
            && let Ok(message) = serde_json::from_slice::<ClientMessage<'_>>(&line)
        {
            figures.count(&message);
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u64) -> ClientMessage<'static> {
        ClientMessage {
            id: format!("1a-0-{number}").into(),
            run: "1a".into(),
            setting: "all".into(),
            topic: "t".into(),
            intended_ns: 1,
            acknowledged_ns: Some(2_000_001),
            consumed_ns: Some(2_000_001),
            attempts: Some(1),
            ..ClientMessage::default()
        }
    }

    fn open(path: &Path) -> (Folder, Figures) {
        Folder::open(path, 65.0, 1 << 30).unwrap()
    }

    fn messages(figures: &Figures) -> u64 {
        figures.summaries().first().map_or(0, |it| it.messages)
    }

    #[test]
    fn a_restart_counts_what_was_written_behind_the_last_state_and_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, mut figures) = open(folder.path());
        for number in 0..10 {
            files.write(&message(number), &mut figures);
        }
        files.save(&figures).unwrap();
        for number in 10..15 {
            files.write(&message(number), &mut figures);
        }
        files.flush();
        // Killed, in the middle of a line.
        let name = files.name.clone();
        drop(files);
        let path = folder.path().join(name);
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"client_message\":\"1a-0-15\",\"run\":");
        std::fs::write(&path, text).unwrap();
        for _ in 0..2 {
            let (_, figures) = open(folder.path());
            assert_eq!(messages(&figures), 15);
        }
        let (mut files, mut figures) = open(folder.path());
        files.write(&message(16), &mut figures);
        files.flush();
        drop(files);
        assert_eq!(messages(&open(folder.path()).1), 16);
    }

    #[test]
    fn the_oldest_lines_go_and_their_figures_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, mut figures) = Folder::open(folder.path(), 65.0, 100).unwrap();
        for number in 0..5 {
            files.write(&message(number), &mut figures);
            files.save(&figures).unwrap();
        }
        assert_eq!(line_files(folder.path()).unwrap().len(), 1);
        drop(files);
        assert_eq!(messages(&open(folder.path()).1), 5);
    }

    #[test]
    fn a_small_limit_holds_over_restarts_too() {
        let folder = tempfile::tempdir().unwrap();
        let bytes_of = |name: &String| std::fs::metadata(folder.path().join(name)).unwrap().len();
        for start in 1..=10 {
            let (mut files, mut figures) = Folder::open(folder.path(), 65.0, 10_000).unwrap();
            for number in 0..20 {
                files.write(&message(number), &mut figures);
            }
            files.save(&figures).unwrap();
            let names = line_files(folder.path()).unwrap();
            let bytes: u64 = names.iter().map(bytes_of).sum();
            assert!(bytes <= 10_000, "{bytes} at start {start}");
            assert_eq!(messages(&figures), 20 * start);
        }
    }

    #[test]
    fn a_folder_has_one_client_and_one_objective() {
        let folder = tempfile::tempdir().unwrap();
        let (files, _) = open(folder.path());
        let other = Folder::open(folder.path(), 65.0, 100).unwrap_err();
        assert!(other.to_string().contains("another client"), "{other}");
        drop(files);
        let other = Folder::open(folder.path(), 100.0, 100).unwrap_err();
        assert!(other.to_string().contains("65 ms"), "{other}");
    }
}
