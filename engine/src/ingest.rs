//! Ingesting: pushes inputs through their decoders into a store, several at a time.

use std::cmp::Reverse;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc;

use datafusion::arrow::array::RecordBatch;
use kcorr_model::{Decoder, Loss, LossKind, Output, Position, Severity, SourceId, Summary, Table};
use kcorr_store::input::{
    self, CHUNK_BYTES, Compression, ContentHash, Input, InputKind, Likeness, Stop,
};
use kcorr_store::{InputIdentity, SourceWriter, StoreWriter};

use crate::error::{Error, ErrorKind, Result};

/// A compressed or unreadable input ended before its end.
const INPUT_CUT_OFF: LossKind = LossKind {
    name: "input_cut_off",
    severity: Severity::Error,
    doc: "The input could not be read to its end; everything before that place is stored.",
};

/// The input was asked to end.
const INPUT_STOPPED: LossKind = LossKind {
    name: "input_stopped",
    severity: Severity::Warning,
    doc: "The input was ended by Ctrl-C or a signal while it was read from a pipe; what had come is stored.",
};

/// One recording to ingest: a file, or several that continue each other.
pub struct Job<'a> {
    /// The flag it was given with: `pcap`, `bpf`, `jfr`, …
    pub kind: &'static str,
    /// Its files in order; `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// The broker that it is a recording of, by its number; `None` when nothing tells.
    pub broker: Option<i32>,
    /// Makes the decoder, once the source has its number.
    pub decoder: Box<dyn FnOnce(SourceId) -> Box<dyn Decoder> + Send + 'a>,
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("kind", &self.kind)
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

/// Told how far the jobs are. Called from several threads.
pub trait Progress: Sync {
    /// A job begins; its size in bytes, if it is known. Said again when it becomes known.
    fn started(&self, job: usize, total_bytes: Option<u64>);
    /// More bytes of a job were read.
    fn advanced(&self, job: usize, bytes: u64);
    /// A job is done or has failed.
    fn finished(&self, job: usize);
}

/// Jobs that leave nothing to be committed, by number.
#[derive(Debug, Default)]
pub struct NotStored {
    /// Those that failed.
    pub errors: Vec<(usize, Error)>,
    /// Those whose rows the store has already, in words.
    pub known: Vec<(usize, String)>,
}

/// Runs all jobs and leaves what they read in the writer, to be committed. A job that fails leaves
/// nothing behind; the others go on. An input that is the beginning of one in the store is not read. What
/// becomes of inputs when they are asked to stop: see [`Stop`].
pub fn ingest(
    writer: &mut StoreWriter,
    jobs: Vec<Job<'_>>,
    progress: &dyn Progress,
    stop: &Stop,
) -> NotStored {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut not_stored = NotStored::default();
    let mut inputs = Vec::new();
    let mut begun = Vec::new();
    for (number, job) in jobs.into_iter().enumerate() {
        let identity = identity(&job);
        if begun.contains(&identity) {
            continue; // the same input named twice
        }
        begun.push(identity.clone());
        let likeness = if writer.has(&identity) {
            Likeness::New // it replaces what it gave before, whatever is in it now
        } else {
            let stored = writer.sources().iter();
            let stored = stored.filter(|source| source.may_be_of(job.broker));
            input::likeness(&job.paths, job.kind, stored)
        };
        if let Likeness::BeginningOf(source_id) = likeness {
            let whole = writer.name(source_id);
            let detail = format!("not stored again: it is the beginning of {whole}");
            not_stored.known.push((number, detail));
            continue;
        }
        inputs.push((number, job, identity, likeness));
    }
    // A log that was stored and then renamed keeps its number, though its successor has its name now.
    inputs.sort_by_key(|(.., likeness)| !matches!(likeness, Likeness::Holds(_)));
    let mut queue: Vec<_> = inputs
        .into_iter()
        .map(|(number, job, identity, likeness)| {
            let mut source = writer.begin_like(identity, likeness);
            source.is_of_broker(job.broker);
            (number, job, source)
        })
        .collect();
    queue.sort_by_key(|(number, ..)| Reverse(*number));
    let queue = Mutex::new(queue);
    let (done, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let done = done.clone();
            let queue = &queue;
            scope.spawn(move || {
                while let Some((number, job, source)) = next(queue) {
                    let result = run_caught(number, job, source, progress, stop);
                    progress.finished(number);
                    if done.send((number, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
    });
    let mut results: Vec<_> = results.into_iter().collect();
    results.sort_by_key(|(number, _)| *number);
    for (number, result) in results {
        match result {
            Ok(read) => writer.finish(read.source, read.summary, read.size_bytes, read.hash),
            Err(error) => not_stored.errors.push((number, error)),
        }
    }
    not_stored
}

struct SourceRead {
    source: SourceWriter,
    summary: Summary,
    size_bytes: u64,
    hash: String,
}

fn next<T>(queue: &Mutex<Vec<T>>) -> Option<T> {
    queue.lock().ok()?.pop()
}

/// A panic in a decoder is a bug, but it must not take the other inputs with it.
fn run_caught(
    number: usize,
    job: Job<'_>,
    source: SourceWriter,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<SourceRead> {
    let paths = job.paths.clone();
    let run = AssertUnwindSafe(|| run(number, job, source, progress, stop));
    catch_unwind(run).unwrap_or_else(|_| {
        let message = format!(
            "the decoder of {} stopped on a bug; nothing of this input was stored",
            display(&paths)
        );
        Err(Error::new(ErrorKind::Input, message))
    })
}

fn run(
    number: usize,
    job: Job<'_>,
    source: SourceWriter,
    progress: &dyn Progress,
    stop: &Stop,
) -> Result<SourceRead> {
    if stop.is_asked() {
        return Err(stopped(&job.paths));
    }
    // A pipe may be silent for long.
    progress.started(number, None);
    progress.started(number, total_bytes(&job.paths)?);
    let mut hash = ContentHash::default();
    for (size_bytes, _) in source.held() {
        hash.ask(*size_bytes);
    }
    let mut feed = Feed {
        decoder: (job.decoder)(source.id()),
        source,
        hash,
        size_bytes: 0,
        losses: Vec::new(),
        stop,
    };
    let several = job.paths.len() > 1;
    for (i, path) in job.paths.iter().enumerate() {
        let at = |e| input_error(path, e);
        // One after another: a log directory may have more files than a process may open.
        let input = Input::open(path, stop)?;
        if i > 0 {
            feed.decoder.next_file(&mut feed.source).map_err(at)?;
        }
        feed.decoder.file(&path.to_string_lossy());
        feed.read(path, input, several, &|bytes| {
            progress.advanced(number, bytes)
        })?;
    }
    let path = job.paths.first().map_or(Path::new("-"), PathBuf::as_path);
    if feed.size_bytes == 0 {
        let message = format!(
            "{}: the input is empty: its recorder wrote nothing, or has not yet",
            path.display()
        );
        return Err(Error::new(ErrorKind::Input, message));
    }
    let mut summary = feed
        .decoder
        .finish(&mut feed.source)
        .map_err(|e| input_error(path, e))?;
    summary.losses.append(&mut feed.losses);
    feed.check_held(path)?;
    feed.source.end_input()?;
    feed.source.begins_with(feed.hash.head_hex());
    Ok(SourceRead {
        source: feed.source,
        summary,
        size_bytes: feed.size_bytes,
        hash: feed.hash.hex(),
    })
}

/// A decoder between its input and the store.
struct Feed<'a> {
    decoder: Box<dyn Decoder>,
    source: SourceWriter,
    hash: ContentHash,
    size_bytes: u64,
    losses: Vec<Loss>,
    stop: &'a Stop,
}

impl Feed<'_> {
    /// An input takes the place of others because it held all of them when it was looked at. It must have
    /// held them when it was read, too: somebody may have cut or replaced it in between.
    fn check_held(&self, path: &Path) -> Result<()> {
        let is_held = |(size, hash): &(u64, String)| self.hash.at(*size) == Some(hash);
        if self.source.held().iter().all(is_held) {
            return Ok(());
        }
        let message = format!(
            "{} was changed while it was being read: it no longer holds what is stored of it, which stays: ingest it again",
            path.display()
        );
        Err(Error::new(ErrorKind::Input, message))
    }

    fn read(
        &mut self,
        path: &Path,
        input: Input,
        several: bool,
        advanced: &dyn Fn(u64),
    ) -> Result<()> {
        if let (InputKind::File(file, size), Compression::None, false) =
            (&input.kind, input.compression, several)
            && self.decoder.wants_whole()
            && let Some(map) = input::map(file)
        {
            self.hash.update(&map);
            self.size_bytes += size;
            let mut output = Reporting {
                source: &mut self.source,
                advanced,
                stop: self.stop,
            };
            let pushed = self.decoder.push_whole(&map, &mut output);
            if self.stop.is_asked() {
                return Err(stopped(&[path.to_owned()]));
            }
            return pushed.map_err(|e| input_error(path, e));
        }
        self.stream(path, input, advanced)
    }

    fn stream(&mut self, path: &Path, input: Input, advanced: &dyn Fn(u64)) -> Result<()> {
        let is_pipe = matches!(input.kind, InputKind::Pipe(_));
        let (hash, size_bytes) = (&mut self.hash, &mut self.size_bytes);
        let mut reader = input
            .reader(|raw| {
                hash.update(raw);
                *size_bytes += raw.len() as u64;
                advanced(raw.len() as u64);
            })
            .map_err(|e| Error::io("cannot read", path, e))?;
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut read_bytes = 0;
        loop {
            let (filled, error) = input::fill(&mut reader, &mut buffer);
            read_bytes += filled as u64;
            if self.stop.is_asked() && !is_pipe {
                return Err(stopped(&[path.to_owned()]));
            }
            self.decoder
                .push(&buffer[..filled], &mut self.source)
                .map_err(|e| input_error(path, e))?;
            if let Some(error) = error {
                self.losses.push(cut_off(path, read_bytes, &error));
                return Ok(());
            }
            if filled < buffer.len() {
                if self.stop.is_asked() {
                    self.losses.push(ended(path, read_bytes));
                }
                return Ok(());
            }
        }
    }
}

/// A source whose progress is reported.
struct Reporting<'a> {
    source: &'a mut SourceWriter,
    advanced: &'a dyn Fn(u64),
    stop: &'a Stop,
}

impl Output for Reporting<'_> {
    fn batch(
        &mut self,
        table: &'static Table,
        batch: RecordBatch,
    ) -> Result<(), kcorr_model::Error> {
        if self.stop.is_asked() {
            return Err(kcorr_model::Error::output("the ingest was stopped"));
        }
        self.source.batch(table, batch)
    }

    fn progress(&mut self, bytes: u64) {
        (self.advanced)(bytes);
    }
}

fn cut_off(path: &Path, read_bytes: u64, error: &io::Error) -> Loss {
    Loss {
        kind: &INPUT_CUT_OFF,
        count: 1,
        first_position: Position::Byte(read_bytes),
        time_range: None,
        detail: format!("{}: {error}", path.display()),
    }
}

fn ended(path: &Path, read_bytes: u64) -> Loss {
    Loss {
        kind: &INPUT_STOPPED,
        count: 1,
        first_position: Position::Byte(read_bytes),
        time_range: None,
        detail: format!("{}: ended by a signal", path.display()),
    }
}

fn stopped(paths: &[PathBuf]) -> Error {
    let message = format!(
        "{}: stopped by a signal; nothing of it was stored",
        display(paths)
    );
    Error::new(ErrorKind::Stopped, message)
}

/// The size of all files of an input; `None` when one is no file. A missing one is told before any is read.
fn total_bytes(paths: &[PathBuf]) -> Result<Option<u64>> {
    let mut total = Some(0);
    for path in paths {
        let size = if path == Path::new("-") {
            None
        } else {
            let metadata = path.metadata();
            let metadata = metadata.map_err(|e| Error::io("cannot open", path, e))?;
            metadata.is_file().then_some(metadata.len())
        };
        total = total.zip(size).map(|(a, b)| a + b);
    }
    Ok(total)
}

fn input_error(path: &Path, error: kcorr_model::Error) -> Error {
    let kind = match error.kind() {
        kcorr_model::ErrorKind::Output => ErrorKind::Io,
        _ => ErrorKind::Input,
    };
    Error::because(kind, format!("{}: {error}", path.display()), error)
}

fn identity(job: &Job<'_>) -> InputIdentity {
    let paths = job.paths.iter().map(|path| {
        if path == Path::new("-") {
            return "-".to_owned();
        }
        let absolute = path.canonicalize().or_else(|_| std::path::absolute(path));
        absolute
            .unwrap_or_else(|_| path.clone())
            .display()
            .to_string()
    });
    InputIdentity {
        kind: job.kind.to_owned(),
        paths: paths.collect(),
    }
}

fn display(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use kcorr_model::ClockKind;

    use super::*;

    /// Takes anything, and yields nothing.
    struct Anything;

    impl Decoder for Anything {
        fn push(&mut self, _: &[u8], _: &mut dyn Output) -> Result<(), kcorr_model::Error> {
            Ok(())
        }

        fn finish(&mut self, _: &mut dyn Output) -> Result<Summary, kcorr_model::Error> {
            Ok(Summary {
                format: "anything".to_owned(),
                clock: ClockKind::Realtime,
                anchors: Vec::new(),
                losses: Vec::new(),
                limits: Vec::new(),
            })
        }
    }

    struct Silent;

    impl Progress for Silent {
        fn started(&self, _: usize, _: Option<u64>) {}
        fn advanced(&self, _: usize, _: u64) {}
        fn finished(&self, _: usize) {}
    }

    /// Ingests a file after something has happened to it that its look did not see.
    fn stored(store: &Path, file: &Path, happens: impl Fn() + Send + Sync) -> NotStored {
        let mut writer = StoreWriter::open(store, || {}).unwrap();
        let job = Job {
            kind: "bpf",
            paths: vec![file.to_owned()],
            broker: None,
            decoder: Box::new(|_| {
                happens();
                Box::new(Anything)
            }),
        };
        let not_stored = ingest(&mut writer, vec![job], &Silent, &Stop::default());
        crate::commit(&mut writer).unwrap();
        not_stored
    }

    fn hashes(store: &Path) -> Vec<(String, u64)> {
        let writer = StoreWriter::open(store, || {}).unwrap();
        let sources = writer.sources().iter();
        sources
            .map(|source| (source.content_hash.clone(), source.size_bytes))
            .collect()
    }

    #[test]
    fn what_is_cut_or_changed_before_it_is_read_does_not_replace_what_it_held() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let (first, grown) = (folder.path().join("first"), folder.path().join("grown"));
        let bytes: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(&first, &bytes).unwrap();
        assert!(stored(&store, &first, || {}).errors.is_empty());
        let before = hashes(&store);
        let longer = [&bytes[..], b"more"].concat();
        let mut changed = longer.clone();
        changed[20_000] ^= 1;
        for then in [&bytes[..9_000], &changed] {
            fs::write(&grown, &longer).unwrap();
            let not_stored = stored(&store, &grown, || fs::write(&grown, then).unwrap());
            let error = not_stored
                .errors
                .first()
                .map(|(_, error)| error.to_string());
            let text = error.unwrap_or_default();
            assert!(
                text.contains("was changed while it was being read"),
                "{text}"
            );
            assert_eq!(hashes(&store), before);
        }
        fs::write(&grown, &longer).unwrap();
        assert!(stored(&store, &grown, || {}).errors.is_empty());
        assert_eq!(hashes(&store).len(), 1);
        assert_ne!(hashes(&store), before);
    }
}
