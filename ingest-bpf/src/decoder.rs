//! The decoder: bytes to lines, lines to rows.

use std::ops::Range;

use kcorr_model::lines::Utf8;
use kcorr_model::{ClockKind, Decoder, Error, Output, Position, SourceId, Summary};

use crate::chunk::{self, Chunk};
use crate::json_event;
use crate::labels::{Label, NONE};
use crate::lines::Lines;
use crate::options::BpfOptions;
use crate::recording::{BPF_LONG_LINE, BPFTRACE_TEXT, Recording, start_of};

/// A line that is longer is passed over.
pub(crate) const MAX_LINE_BYTES: usize = 8 << 20;
/// Bytes of lines that nobody knows, after which the input is given up.
const MAX_UNRECOGNISED_BYTES: u64 = 4 << 20;
/// Bytes that one core reads at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes from which on it pays to share them among cores.
const MIN_SHARED_BYTES: usize = 2 << 20;
/// Cores that are used at most: merging is one core's work.
const MAX_THREADS: usize = 16;
/// Bytes of an input that are looked at to recognise it.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Decodes the output of eBPF tracers.
#[derive(Debug)]
pub struct BpfDecoder {
    recording: Recording,
    encoding: Utf8,
    lines: Lines,
    /// Start of a line whose end has not come yet.
    partial: Vec<u8>,
    /// Whether the line being read is too long to be held.
    skips_line: bool,
    /// Bytes of lines so far.
    bytes: u64,
    /// Start of the first line with content.
    first_line: Option<Vec<u8>>,
    /// Cores to read on.
    threads: usize,
}

impl BpfDecoder {
    /// A decoder of one input.
    pub fn new(source: SourceId, options: BpfOptions) -> Self {
        let mut recording = Recording::new(source);
        let threads = options.threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, usize::from),
            usize::from,
        );
        Self {
            threads: threads.min(MAX_THREADS),
            lines: Lines::new(options, &mut recording),
            recording,
            encoding: Utf8::new(),
            partial: Vec::new(),
            skips_line: false,
            bytes: 0,
            first_line: None,
        }
    }

    /// Takes a line. True when the labels were forgotten with it.
    fn line(
        &mut self,
        line: &[u8],
        is_whole: bool,
        output: &mut dyn Output,
    ) -> Result<bool, Error> {
        if line.len() > MAX_LINE_BYTES {
            self.long_line(line);
            self.recording.line = self.recording.line.saturating_add(1);
            return Ok(false);
        }
        self.recording.line = self.recording.line.saturating_add(1);
        if self.first_line.is_none() && !line.trim_ascii().is_empty() {
            self.first_line = Some(line.get(..200).unwrap_or(line).to_vec());
        }
        self.lines.line(line, is_whole, &mut self.recording);
        self.bytes = self.bytes.saturating_add(line.len() as u64);
        if self.recording.format.is_none() && self.bytes > MAX_UNRECOGNISED_BYTES {
            return Err(self.unrecognised());
        }
        self.recording.rows.emit_if_due(output)
    }

    fn unrecognised(&self) -> Error {
        let found = match &self.first_line {
            Some(line) if line.contains(&0) => "it is no text".to_owned(),
            Some(line) => format!("the first line is: {}", start_of(line)),
            None => "there is no line with content".to_owned(),
        };
        Error::unrecognised(
            Position::Line(1),
            format!(
                "expected the output of an eBPF tracer (kcorr's probes, bpftrace as text or JSON, a table \
                 of ext4slower, xfsslower, btrfsslower, fileslower, funcslower, biosnoop or runqslower, \
                 stacks of profile or offcputime, or any JSON lines by a field map, --bpf-map); {found}"
            ),
        )
    }

    /// Ends a line that has no end: the file ends.
    fn end_line(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let rest = self.encoding.finish();
        self.push_text(&rest, output)?;
        self.skips_line = false;
        if !self.partial.is_empty() {
            let held = std::mem::take(&mut self.partial);
            self.line(&held, false, output)?;
        }
        self.lines.end_file(&mut self.recording);
        Ok(())
    }

    /// Counts the line that comes next as too long.
    fn long_line(&mut self, start: &[u8]) {
        let line = self.recording.line.saturating_add(1);
        self.recording
            .ledger
            .record(&BPF_LONG_LINE, Position::Line(line), || start_of(start));
    }

    /// Holds back the start of a line, unless it grows beyond bounds.
    fn hold(&mut self, bytes: &[u8]) {
        if self.skips_line {
            return;
        }
        if self.partial.len().saturating_add(bytes.len()) > MAX_LINE_BYTES {
            let start: Vec<u8> = self
                .partial
                .iter()
                .chain(bytes)
                .copied()
                .take(200)
                .collect();
            self.long_line(&start);
            self.skips_line = true;
            self.partial = Vec::new();
            return;
        }
        self.partial.extend_from_slice(bytes);
    }
}

/// What an input is, from its first bytes, in words: kcorr's own JSON lines, bpftrace's text or JSON, or a
/// table or stacks of another tool. None for anything else, also for JSON lines that only a field map
/// could read.
pub fn recognise(head: &[u8]) -> Option<&'static str> {
    let head = head.get(..MAX_HEAD_BYTES).unwrap_or(head);
    let mut encoding = Utf8::new();
    let mut text = encoding.push(head).into_owned();
    text.extend(encoding.finish());
    let mut recording = Recording::new(SourceId(0));
    let mut lines = Lines::new(BpfOptions::default(), &mut recording);
    for line in text.split(|&byte| byte == b'\n') {
        lines.line(line, true, &mut recording);
        if recording
            .format
            .is_some_and(|format| format != BPFTRACE_TEXT)
        {
            return recording.format;
        }
    }
    lines.finish(&mut recording);
    recording.format
}

impl BpfDecoder {
    /// Takes whole lines, one after another.
    fn lines(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let mut start = 0usize;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let line = bytes.get(start..end).unwrap_or_default();
            self.line(line, true, output)?;
            start = end.saturating_add(1);
        }
        Ok(())
    }

    /// Takes whole lines on several cores: while one merges the chunks of a round, the others read
    /// the next.
    fn lines_on_cores(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let chunks = chunk::cut(bytes, CHUNK_BYTES);
        let mut ready: Vec<(&[u8], Chunk)> = Vec::new();
        for round in chunks.chunks(self.threads) {
            let merged = std::mem::take(&mut ready);
            ready = std::thread::scope(|scope| {
                let workers: Vec<_> = round
                    .iter()
                    .map(|bytes| (*bytes, scope.spawn(|| Chunk::read(bytes))))
                    .collect();
                for (bytes, chunk) in merged {
                    self.take(bytes, chunk, output)?;
                }
                let read = workers.into_iter().map(|(bytes, worker)| {
                    // A worker does not panic; were it to, the chunk is read again here.
                    (bytes, worker.join().unwrap_or_else(|_| Chunk::read(bytes)))
                });
                Ok::<_, Error>(read.collect())
            })?;
        }
        for (bytes, chunk) in ready {
            self.take(bytes, chunk, output)?;
        }
        Ok(())
    }

    /// Takes a chunk that was read, as if its lines came one after another.
    fn take(
        &mut self,
        bytes: &[u8],
        mut chunk: Chunk,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let first_line = self.recording.line;
        let mut taken = 0usize;
        let lines = std::mem::take(&mut chunk.lines);
        let mut map = chunk.empty_map();
        for line in &lines {
            self.rows(&chunk, taken..line.rows_before, &mut map, output)?;
            taken = line.rows_before;
            self.recording.line = first_line.saturating_add(line.number);
            let text = bytes.get(line.bytes.clone()).unwrap_or_default();
            if self.line(text, true, output)? {
                map.fill(NONE);
            }
        }
        self.rows(&chunk, taken..chunk.rows.len(), &mut map, output)?;
        self.recording.line = first_line.saturating_add(chunk.line_count);
        Ok(())
    }

    fn rows(
        &mut self,
        chunk: &Chunk,
        range: Range<usize>,
        map: &mut [Label],
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let rows = chunk.rows.get(range).unwrap_or_default();
        if rows.is_empty() {
            return Ok(());
        }
        self.recording.recognised_as(json_event::FORMAT);
        self.recording.has_boot_times = true;
        for row in rows {
            let mut row = *row;
            let labels = &mut self.recording.rows.labels;
            row.relabel(&mut |label| chunk.label(label, map, labels));
            self.recording.push(row, row.end());
            if self.recording.rows.emit_if_due(output)? {
                map.fill(NONE);
            }
        }
        Ok(())
    }

    /// Takes UTF-8.
    fn push_text(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let mut rest = bytes;
        // The rest of the line that the bytes before began.
        if !self.partial.is_empty() || self.skips_line {
            let Some(end) = memchr::memchr(b'\n', rest) else {
                self.hold(rest);
                return Ok(());
            };
            let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            rest = behind.get(1..).unwrap_or_default();
            self.hold(line);
            if self.skips_line {
                self.skips_line = false;
                self.recording.line = self.recording.line.saturating_add(1);
            } else {
                let held = std::mem::take(&mut self.partial);
                self.line(&held, true, output)?;
                self.partial = held;
                self.partial.clear();
            }
        }
        let whole = memchr::memrchr(b'\n', rest).map_or(0, |end| end.saturating_add(1));
        let (whole, behind) = rest.split_at_checked(whole).unwrap_or((rest, &[]));
        let on_cores =
            self.threads > 1 && whole.len() >= MIN_SHARED_BYTES && self.lines.has_fast_path();
        if on_cores {
            self.lines_on_cores(whole, output)?;
        } else {
            self.lines(whole, output)?;
        }
        self.hold(behind);
        Ok(())
    }
}

impl Decoder for BpfDecoder {
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let text = self.encoding.push(bytes);
        self.push_text(&text, output)
    }

    fn next_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.end_line(output)
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        self.end_line(output)?;
        self.lines.finish(&mut self.recording);
        let recording = &mut self.recording;
        recording.rows.finish(output)?;
        recording.close();
        let Some(format) = recording.take_format() else {
            return Err(self.unrecognised());
        };
        Ok(Summary {
            format,
            clock: recording.clock.unwrap_or(ClockKind::Monotonic),
            anchors: recording.take_anchors(),
            losses: std::mem::take(&mut recording.ledger).into_losses(),
            limits: std::mem::take(&mut recording.limits),
        })
    }
}
