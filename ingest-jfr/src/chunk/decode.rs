//! Turns the bytes of a chunk into messages: what is known of it before its events, then these.

use kcorr_model::{LossLedger, Position};

use crate::chunk::context::{read_pid, read_settings, recorder, ticks};
use crate::chunk::decoding::{Chunk, Decoding};
use crate::chunk::losses::{BAD_HEADER, BAD_POOL, UNFINISHED};
use crate::chunk::survey::Survey;
use crate::chunk::walk::Runs;
use crate::format::header::Header;
use crate::message::{ChunkEnd, ChunkStart, Message, Sink, Stopped};
use crate::names::pools::Pools;
use crate::options::JfrOptions;
use crate::settings::Settings;

/// Decodes the chunks in `bytes`, which start at `base` in the input: one, unless a header told a
/// wrong length. `inherited` are the settings of async-profiler's first chunk, the only one in which
/// it records them.
pub(crate) fn decode_extent(
    bytes: &[u8],
    base: u64,
    options: &JfrOptions,
    inherited: &Settings,
    sink: &mut Sink<'_>,
) -> Result<(), Stopped> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let base = base.saturating_add(at as u64);
        at += decode_chunk(rest, base, options, inherited, sink)?.max(1);
    }
    Ok(())
}

/// Decodes the chunk at the start of `bytes` and tells how many bytes it has.
fn decode_chunk(
    bytes: &[u8],
    base: u64,
    options: &JfrOptions,
    inherited: &Settings,
    sink: &mut Sink<'_>,
) -> Result<usize, Stopped> {
    let mut losses = LossLedger::default();
    let only_losses = |losses: LossLedger| {
        Message::End(Box::new(ChunkEnd {
            losses: losses.into_losses(),
            ..ChunkEnd::default()
        }))
    };
    let Some(header) = Header::read(bytes) else {
        let length = bytes.len();
        losses.record_many(
            &BAD_HEADER,
            length as u64,
            Position::Byte(base),
            None,
            || describe_header(bytes),
        );
        sink(only_losses(losses))?;
        return Ok(length);
    };
    let survey = match Survey::of(bytes, &header, base, &mut losses) {
        Ok(survey) => survey,
        Err(end) => {
            sink(only_losses(losses))?;
            return Ok(end);
        }
    };
    note_unfinished(&header, &survey.runs, base, &mut losses);

    let mut pools = Pools::new(bytes, header.compressed, &survey.schema);
    for frame in &survey.pools {
        if let Err(damage) = pools.add(*frame) {
            let position = Position::Byte(base.saturating_add(frame.start as u64));
            losses.record(&BAD_POOL, position, || damage.to_string());
        }
    }
    pools.index();
    let pools = pools;

    let is_async_profiler = header.is_async_profiler;
    let mut settings = read_settings(bytes, &header, &survey.schema, &survey.settings, &pools);
    if settings.is_empty() && is_async_profiler {
        settings = inherited.clone();
    }
    sink(Message::Chunk(Box::new(ChunkStart {
        header: header.clone(),
        pid: read_pid(bytes, &header, &survey),
        recorder: recorder(bytes, &header, &survey, &pools, &settings),
        ticks: ticks(&header, &settings),
    })))?;

    let chunk = Chunk {
        bytes,
        base,
        header: &header,
        survey: &survey,
        pools: &pools,
        settings: &settings,
    };
    let end = Decoding::new(chunk, losses, options).decode(sink)?;
    sink(Message::End(Box::new(end)))?;
    Ok(survey.runs.end)
}

fn describe_header(bytes: &[u8]) -> String {
    match Header::read_any_version(bytes) {
        Some(header) => format!(
            "version {}.{} with {} ticks a second; versions 1 and 2 are known",
            header.major, header.minor, header.ticks_per_second
        ),
        None => format!(
            "a chunk header of 68 bytes was expected, {} bytes are left",
            bytes.len()
        ),
    }
}

fn note_unfinished(header: &Header, runs: &Runs, base: u64, losses: &mut LossLedger) {
    let (end, cut) = (runs.end, runs.cut_bytes);
    let declared = header.chunk_length;
    if header.generation == 0 && declared == end as u64 {
        return;
    }
    losses.record(&UNFINISHED, Position::Byte(base), || {
        format!(
            "the header tells {declared} bytes and generation {}, the chunk has {end} bytes, the last {cut} of \
             which are no whole event",
            header.generation
        )
    });
}
