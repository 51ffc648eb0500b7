//! The decoder: bytes to lines, lines to rows.

use std::ops::Range;

use kcorr_model::lines::{Utf8, is_text, start_of};
use kcorr_model::{ClockKind, Decoder, Error, Output, Position, SourceId, Summary};

use crate::findings::{BPFTRACE_TEXT, Findings};
use crate::json::event;
use crate::labels::{Label, NONE};
use crate::lines::Lines;
use crate::losses::BPF_LONG_LINE;
use crate::options::BpfOptions;
use crate::share::{self, MAX_LINE_BYTES, Share};

/// Bytes of lines that nobody knows, after which the input is given up.
const MAX_UNRECOGNISED_BYTES: u64 = 4 << 20;
/// Bytes that one core reads at a time.
const SHARE_BYTES: usize = 1 << 20;
/// Bytes from which on it pays to share them among cores.
const MIN_SHARED_BYTES: usize = 2 << 20;
/// Cores that are used at most: merging is one core's work.
const MAX_THREADS: usize = 16;
/// Bytes of an input that are looked at to recognise it.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Decodes the output of eBPF tracers.
#[derive(Debug)]
pub struct BpfDecoder {
    findings: Findings,
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
    /// Shares that were taken, whose memory is used again.
    done_with: Vec<Share>,
}

impl BpfDecoder {
    /// A decoder of one input.
    pub fn new(source: SourceId, options: BpfOptions) -> Self {
        let mut findings = Findings::new(source);
        let threads = options.threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, usize::from),
            usize::from,
        );
        Self {
            threads: threads.min(MAX_THREADS),
            lines: Lines::new(options, &mut findings),
            findings,
            encoding: Utf8::new(),
            partial: Vec::new(),
            skips_line: false,
            bytes: 0,
            first_line: None,
            done_with: Vec::new(),
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
            self.findings.line = self.findings.line.saturating_add(1);
            return Ok(false);
        }
        self.findings.line = self.findings.line.saturating_add(1);
        self.findings.rows.labels.at_line(self.findings.line);
        if self.first_line.is_none() && !line.trim_ascii().is_empty() {
            self.first_line = Some(line.get(..200).unwrap_or(line).to_vec());
        }
        self.lines.line(line, is_whole, &mut self.findings);
        self.bytes = self.bytes.saturating_add(line.len() as u64);
        if self.findings.format.is_none() && self.bytes > MAX_UNRECOGNISED_BYTES {
            return Err(self.unrecognised());
        }
        self.findings.rows.emit_if_due(output)
    }

    fn unrecognised(&self) -> Error {
        let found = match &self.first_line {
            Some(line) if !is_text(line) => "it is no text".to_owned(),
            Some(line) => format!("the first line is: {}", start_of(line)),
            None => "there is no line with content".to_owned(),
        };
        Error::unrecognised(
            Position::Line(1),
            format!(
                "expected the output of an eBPF tracer: JSON lines of kcorr's probes, bpftrace's text or JSON, a \
                 table or stacks of bcc's tools, or any JSON lines by a field map; {found}"
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
        self.lines.end_file(&mut self.findings);
        Ok(())
    }

    /// Counts the line that comes next as too long.
    fn long_line(&mut self, start: &[u8]) {
        let line = self.findings.line.saturating_add(1);
        self.findings
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
    let mut findings = Findings::new(SourceId(0));
    let mut lines = Lines::new(BpfOptions::default(), &mut findings);
    for line in text.split(|&byte| byte == b'\n') {
        lines.line(line, true, &mut findings);
        if findings
            .format
            .is_some_and(|format| format != BPFTRACE_TEXT)
        {
            return findings.format;
        }
    }
    lines.finish(&mut findings);
    findings.format
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

    /// Takes whole lines on several cores: while one merges the shares of a round, the others read
    /// the next.
    fn lines_on_cores(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let shares = share::cut(bytes, SHARE_BYTES);
        let mut ready: Vec<(&[u8], Share)> = Vec::new();
        for round in shares.chunks(self.threads) {
            let merged = std::mem::take(&mut ready);
            ready = std::thread::scope(|scope| {
                let workers: Vec<_> = round
                    .iter()
                    .map(|bytes| {
                        let done_with = self.done_with.pop().unwrap_or_default();
                        (*bytes, scope.spawn(|| Share::read(bytes, done_with)))
                    })
                    .collect();
                for (bytes, share) in merged {
                    self.take(bytes, share, output)?;
                }
                let read = workers.into_iter().map(|(bytes, worker)| {
                    // A worker does not panic; were it to, the share is read again here.
                    (
                        bytes,
                        worker
                            .join()
                            .unwrap_or_else(|_| Share::read(bytes, Share::default())),
                    )
                });
                Ok::<_, Error>(read.collect())
            })?;
        }
        for (bytes, share) in ready {
            self.take(bytes, share, output)?;
        }
        Ok(())
    }

    /// Takes a share that was read, as if its lines came one after another.
    fn take(
        &mut self,
        bytes: &[u8],
        mut share: Share,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let first_line = self.findings.line;
        let mut taken = 0usize;
        let lines = std::mem::take(&mut share.lines);
        let mut map = share.empty_map();
        for line in &lines {
            let rows = taken..line.rows_before;
            self.rows(&share, rows, first_line, &mut map, output)?;
            taken = line.rows_before;
            self.findings.line = first_line.saturating_add(line.number);
            let text = bytes.get(line.bytes.clone()).unwrap_or_default();
            if self.line(text, true, output)? {
                map.fill(NONE);
            }
        }
        let rows = taken..share.rows.len();
        self.rows(&share, rows, first_line, &mut map, output)?;
        self.findings.line = first_line.saturating_add(share.line_count);
        self.done_with.push(share);
        Ok(())
    }

    fn rows(
        &mut self,
        share: &Share,
        range: Range<usize>,
        lines_before: u64,
        map: &mut [Label],
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let rows = share.rows.get(range).unwrap_or_default();
        if rows.is_empty() {
            return Ok(());
        }
        self.findings.recognised_as(event::FORMAT);
        self.findings.has_boot_times = true;
        for row in rows {
            let mut row = *row;
            let labels = &mut self.findings.rows.labels;
            row.relabel(&mut |label| share.label(label, lines_before, map, labels));
            self.findings.push(row, row.end());
            if self.findings.rows.emit_if_due(output)? {
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
                self.findings.line = self.findings.line.saturating_add(1);
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
        self.lines.finish(&mut self.findings);
        let findings = &mut self.findings;
        findings.rows.finish(output)?;
        findings.close();
        let Some(format) = findings.take_format() else {
            return Err(self.unrecognised());
        };
        Ok(Summary {
            format,
            clock: findings.clock.unwrap_or(ClockKind::Monotonic),
            anchors: findings.take_anchors(),
            losses: std::mem::take(&mut findings.ledger).into_losses(),
            limits: std::mem::take(&mut findings.limits),
        })
    }
}
