//! The decoder: splits an input into chunks, decodes them, several at a time where it can.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};

use kcorr_model::{
    Decoder, Error, LossKind, LossLedger, Output, Position, Severity, SourceId, Summary,
};

use crate::chunk::context::early_settings;
use crate::chunk::decode::decode_extent;
use crate::format::extent::{Extent, extent, next_header};
use crate::format::header::{HEADER_LENGTH, Header, MAGIC};
use crate::merge::Merge;
use crate::message::{Message, Stopped};
use crate::options::JfrOptions;
use crate::settings::Settings;

/// Messages of a chunk that may wait to be merged: a worker that is ahead of the merge stops there.
const MESSAGES_AHEAD: usize = 16;

/// A chunk that comes in pieces is too long to be held.
pub(crate) const TOO_LONG: LossKind = LossKind {
    name: "jfr_chunk_too_long",
    severity: Severity::Warning,
    doc: "A chunk of a compressed or piped recording is longer than the 160 MiB that are held of one (the JDK's have about 12 MB, async-profiler's 100); its bytes behind them were passed over, and names that only they told are null. Decompressed to a file it is read whole.",
};

/// Bytes of a chunk that are held when a recording comes in pieces.
const MAX_HELD_BYTES: usize = 160 << 20;
/// Bytes that are taken at a time, so that what is held does not depend on the pieces.
const PIECE_BYTES: usize = 1 << 20;

/// Decodes JFR recordings of the JDK (11 and later) and of async-profiler (2 and later).
///
/// Of a recording that comes in pieces a chunk is held, up to a bound; of a map nothing is.
///
/// Rows go to `lock_waits`, `stack_samples` with `stacks`, `pauses`, `writes`, `socket_io`,
/// `threads` and `event_types`; times are wall time, by each chunk's own anchor.
#[derive(Debug)]
pub struct JfrDecoder {
    options: JfrOptions,
    merge: Merge,
    /// The chunk that is being pushed.
    buffer: Vec<u8>,
    /// Offset of the buffer in the input.
    base: u64,
    searched: usize,
    recognised: bool,
    /// Of async-profiler's first chunk.
    settings: Option<Settings>,
    /// The chunk whose rest is passed over, for it is too long.
    too_long: Option<Header>,
    losses: LossLedger,
}

impl JfrDecoder {
    /// A decoder for one recording, whose rows get ids of `source`.
    pub fn new(source: SourceId, options: JfrOptions) -> Self {
        Self {
            options,
            merge: Merge::new(source),
            buffer: Vec::new(),
            base: 0,
            searched: 0,
            recognised: false,
            settings: None,
            too_long: None,
            losses: LossLedger::default(),
        }
    }

    /// Passes over the rest of a chunk that is too long, up to the next one.
    fn pass_over(&mut self) {
        let Some(own) = &self.too_long else { return };
        let next = next_header(&self.buffer, 0, own);
        // A header may begin in the last bytes.
        let kept = HEADER_LENGTH.saturating_sub(1);
        let passed = next.unwrap_or_else(|| self.buffer.len().saturating_sub(kept));
        if next.is_some() {
            self.too_long = None;
        }
        self.drop_first(passed);
    }

    /// Counts the first bytes of the buffer as passed over.
    fn drop_first(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let position = Position::Byte(self.base);
        self.losses
            .record_many(&TOO_LONG, bytes as u64, position, None, || {
                format!("behind the first {} MiB of the chunk", MAX_HELD_BYTES >> 20)
            });
        self.buffer.drain(..bytes);
        self.base = self.base.saturating_add(bytes as u64);
    }

    /// Takes bytes that come next.
    fn piece(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        self.buffer.extend_from_slice(bytes);
        if !self.recognised && self.buffer.len() >= HEADER_LENGTH {
            check_start(&self.buffer)?;
            self.recognised = true;
        }
        if !self.recognised {
            return Ok(());
        }
        self.pass_over();
        if self.too_long.is_some() {
            return Ok(());
        }
        self.drain(false, output)?;
        if self.buffer.len() > MAX_HELD_BYTES {
            let header = Header::read_any_version(&self.buffer);
            // What is held is read as a chunk that is cut.
            self.drain(true, output)?;
            self.buffer = Vec::new();
            self.searched = 0;
            self.too_long = header;
        }
        Ok(())
    }

    /// Decodes the chunks that are complete in the buffer; at the end all that is left.
    fn drain(&mut self, at_end: bool, output: &mut dyn Output) -> Result<(), Error> {
        let mut done = 0;
        let mut result = Ok(());
        while let Some(rest) = self.buffer.get(done..).filter(|rest| !rest.is_empty()) {
            let Extent::Known(length) = extent(rest, at_end, &mut self.searched) else {
                break;
            };
            self.searched = 0;
            let length = length.clamp(1, rest.len());
            let chunk = rest.get(..length).unwrap_or_default();
            let base = self.base.saturating_add(done as u64);
            if self.settings.is_none() {
                self.settings = early_settings(chunk);
            }
            let inherited = self.settings.clone().unwrap_or_default();
            let merge = &mut self.merge;
            let mut sink = |message| {
                merge.take(message, output).map_err(|error| {
                    result = Err(error);
                    Stopped
                })
            };
            let stopped = decode_extent(chunk, base, &self.options, &inherited, &mut sink);
            done += length;
            if stopped.is_err() {
                break;
            }
        }
        self.buffer.drain(..done);
        self.base = self.base.saturating_add(done as u64);
        result
    }
}

impl Decoder for JfrDecoder {
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        for piece in bytes.chunks(PIECE_BYTES) {
            self.piece(piece, output)?;
        }
        Ok(())
    }

    /// Chunks of a map are decoded on all cores.
    fn wants_whole(&self) -> bool {
        true
    }

    fn push_whole(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        check_start(bytes)?;
        self.recognised = true;
        let mut chunks = Vec::new();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let length = match extent(rest, true, &mut 0) {
                Extent::Known(length) => length.clamp(1, rest.len()),
                Extent::NeedMore => rest.len(),
            };
            chunks.push((at, rest.get(..length).unwrap_or_default()));
            at += length;
        }
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = match self.options.threads {
            0 => processors(),
            threads => threads,
        };
        // As when pushed, a chunk inherits from itself and those before.
        let mut firsts = chunks.iter().enumerate();
        let first = firsts.find_map(|(index, (_, chunk))| Some((index, early_settings(chunk)?)));
        let nothing = Settings::default();
        let inherited = |chunk: usize| match &first {
            Some((index, settings)) if chunk >= *index => settings,
            _ => &nothing,
        };
        decode_in_parallel(
            &chunks,
            threads,
            &self.options,
            &inherited,
            &mut |message| self.merge.take(message, output),
        )
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        if !self.recognised {
            check_start(&self.buffer)?;
            self.recognised = true;
        }
        if self.too_long.is_some() {
            self.drop_first(self.buffer.len());
        }
        self.drain(true, output)?;
        for loss in std::mem::take(&mut self.losses).into_losses() {
            self.merge.take_loss(loss);
        }
        self.merge.finish(&self.options.events, output)
    }
}

/// Chunks that are decoded before the next are begun: a damaged input may have very many.
const CHUNKS_AHEAD: usize = 64;

type Chunk<'a> = (usize, &'a [u8]);

/// Decodes chunks on several threads and takes their messages in the order of the chunks.
fn decode_in_parallel<'i>(
    chunks: &[Chunk<'_>],
    threads: usize,
    options: &JfrOptions,
    inherited: &(dyn Fn(usize) -> &'i Settings + Sync),
    take: &mut dyn FnMut(Message) -> Result<(), Error>,
) -> Result<(), Error> {
    if threads <= 1 || chunks.len() <= 1 {
        for (index, (base, chunk)) in chunks.iter().enumerate() {
            let mut result = Ok(());
            let mut sink = |message| {
                take(message).map_err(|error| {
                    result = Err(error);
                    Stopped
                })
            };
            let _stopped = decode_extent(chunk, *base as u64, options, inherited(index), &mut sink);
            result?;
        }
        return Ok(());
    }
    for (number, window) in chunks.chunks(CHUNKS_AHEAD).enumerate() {
        let first = number * CHUNKS_AHEAD;
        let inherited = |index: usize| inherited(first + index);
        decode_window(window, threads, options, &inherited, take)?;
    }
    Ok(())
}

/// Decodes some chunks on several threads, and takes their messages in order.
fn decode_window<'i>(
    chunks: &[Chunk<'_>],
    threads: usize,
    options: &JfrOptions,
    inherited: &(dyn Fn(usize) -> &'i Settings + Sync),
    take: &mut dyn FnMut(Message) -> Result<(), Error>,
) -> Result<(), Error> {
    let (senders, receivers): (Vec<_>, Vec<_>) = chunks
        .iter()
        .map(|_| {
            let (sender, receiver) = sync_channel::<Message>(MESSAGES_AHEAD);
            (Mutex::new(Some(sender)), receiver)
        })
        .unzip();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(chunks.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let (Some((base, chunk)), Some(sender)) =
                        (chunks.get(index), senders.get(index))
                    else {
                        return;
                    };
                    let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let Some(sender) = sender else { return };
                    let mut sink = |message| sender.send(message).map_err(|_| Stopped);
                    if decode_extent(chunk, *base as u64, options, inherited(index), &mut sink)
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
        // Dropping the receivers, at an error, stops the workers.
        for receiver in receivers {
            for message in receiver {
                take(message)?;
            }
        }
        Ok(())
    })
}

/// Refuses an input that is no JFR, or one of a version from the future.
fn check_start(bytes: &[u8]) -> Result<(), Error> {
    if bytes.is_empty() {
        let message = "the input is empty: its recorder wrote nothing, or has not yet";
        return Err(Error::unrecognised(Position::Whole, message));
    }
    if !bytes.starts_with(MAGIC) {
        let found = bytes.get(..bytes.len().min(8)).unwrap_or_default();
        let found: Vec<String> = found.iter().map(|byte| format!("{byte:02x}")).collect();
        return Err(Error::unrecognised(
            Position::Byte(0),
            format!(
                "a JFR recording starts with 46 4c 52 00 (FLR), here stands {}",
                found.join(" ")
            ),
        ));
    }
    match Header::read_any_version(bytes) {
        Some(header) if !matches!(header.major, 1 | 2) => Err(Error::unsupported(
            Position::Byte(4),
            format!(
                "JFR version {}.{}; versions 1 and 2 (JDK 9 and later) can be read",
                header.major, header.minor
            ),
        )),
        _ => Ok(()),
    }
}
