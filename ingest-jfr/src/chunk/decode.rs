//! Turns the bytes of a chunk into messages.

use kcorr_model::{LossLedger, Position};

use crate::chunk::context::{read_pid, read_settings, recorder, ticks};
use crate::chunk::handlers::{Handler, Handlers, Target};
use crate::chunk::losses::{
    BAD_EVENT, BAD_HEADER, BAD_POOL, BAD_TIME, BAD_TYPE, MISSING_CONSTANT, MISSING_STACK,
    OVERLAPPING, UNFINISHED, UNKNOWN_TYPE,
};
use crate::chunk::survey::Survey;
use crate::chunk::told_losses::{AMOUNT, ToldLoss};
use crate::chunk::walk::Runs;
use crate::clock::ChunkClock;
use crate::event_tables::{EventBatch, EventTable};
use crate::format::cursor::Cursor;
use crate::format::framing::{Frame, frame};
use crate::format::header::Header;
use crate::format::plan::SLOTS;
use crate::format::schema::Schema;
use crate::message::{ChunkEnd, ChunkStart, Message, Sink, Stopped};
use crate::names::pools::Pools;
use crate::names::threads::Threads;
use crate::options::JfrOptions;
use crate::rows::batch::RowBatch;
use crate::rows::event::{Event, Scope};
use crate::rows::load_samples::LoadSamples;
use crate::rows::lock_waits::LockWaits;
use crate::rows::pauses::Pauses;
use crate::rows::socket_io::SocketIo;
use crate::rows::stack_samples::StackSamples;
use crate::rows::writes::Writes;
use crate::settings::{Limits, Settings};

/// Ten years: recordings are shorter, damage rarely is.
const MAX_DISTANCE_NS: i64 = 10 * 365 * 86_400 * 1_000_000_000;

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

    let threads = Threads::new(&pools, is_async_profiler);
    let handlers = Handlers::new(&survey.schema, header.compressed);
    let mut decoding = Decoding {
        bytes,
        base,
        header: &header,
        clock: ChunkClock::new(&header),
        scope: Scope::new(&pools, threads),
        losses,
        lock_waits: LockWaits::new(),
        stack_samples: StackSamples::new(settings.weights(is_async_profiler)),
        pauses: Pauses::new(),
        writes: Writes::new(),
        socket_io: SocketIo::new(),
        load_samples: LoadSamples::new(),
        told_losses: ToldLoss::all(&survey.schema, header.compressed),
        event_tables: Vec::new(),
    };
    decoding.prepare_event_tables(&survey.schema, options);
    for (start, end) in &survey.runs.runs {
        decoding.run(*start, *end, &handlers, sink)?;
    }
    let end = decoding.finish(&survey, &handlers, &settings, sink)?;
    sink(Message::End(Box::new(end)))?;
    Ok(survey.runs.end)
}

/// The second pass over a chunk.
struct Decoding<'c> {
    bytes: &'c [u8],
    base: u64,
    header: &'c Header,
    clock: ChunkClock,
    scope: Scope<'c>,
    losses: LossLedger,
    lock_waits: LockWaits,
    stack_samples: StackSamples,
    pauses: Pauses,
    writes: Writes,
    socket_io: SocketIo,
    load_samples: LoadSamples,
    told_losses: Vec<ToldLoss>,
    /// The event types that were asked for as tables, by type id.
    event_tables: Vec<(i64, EventTable)>,
}

impl<'c> Decoding<'c> {
    /// Decodes the events of a run that the survey has found well framed.
    fn run(
        &mut self,
        start: usize,
        end: usize,
        handlers: &Handlers,
        sink: &mut Sink<'_>,
    ) -> Result<(), Stopped> {
        let mut at = start;
        while at < end {
            let Ok(frame) = frame(self.bytes, at, self.header.compressed) else {
                break;
            };
            at = frame.end;
            if !self.event_tables.is_empty() {
                self.event_row(frame, sink)?;
            }
            if let Some(handler) = handlers.get(frame.type_id) {
                self.event(frame, handler, sink)?;
            } else if self.tells_loss(frame.type_id) {
                self.told_loss(frame);
            }
        }
        Ok(())
    }

    #[inline]
    fn event(
        &mut self,
        frame: Frame,
        handler: &Handler,
        sink: &mut Sink<'_>,
    ) -> Result<(), Stopped> {
        let mut slots = [0; SLOTS];
        let mut cursor = Cursor::new(self.bytes, frame.body, self.header.compressed);
        let read = handler.plan.plan.read(&mut cursor, &mut slots);
        if read.is_err() || cursor.position() != frame.end {
            self.bad_event(frame, &handler.name);
            return Ok(());
        }
        let event = Event::new(&handler.plan, &slots, &self.clock);
        let distance = event.start.saturating_sub(self.header.start_nanos);
        if event.duration < 0 || distance.saturating_abs().max(event.duration) > MAX_DISTANCE_NS {
            self.bad_time(frame, &handler.name, &event);
            return Ok(());
        }
        let scope = &mut self.scope;
        let full = match handler.target {
            Target::LockWait(kind) => self
                .lock_waits
                .push(kind, &event, scope)
                .then(|| self.lock_waits.take()),
            Target::Sample(kind) => self
                .stack_samples
                .push(kind, &event, scope)
                .then(|| self.stack_samples.take()),
            Target::Pause(kind) => self
                .pauses
                .push(kind, &event, scope)
                .then(|| self.pauses.take()),
            Target::Write(kind) => self
                .writes
                .push(kind, &event, scope)
                .then(|| self.writes.take()),
            Target::Socket { is_write } => self
                .socket_io
                .push(is_write, &event, scope)
                .then(|| self.socket_io.take()),
            Target::Load(kind) => self
                .load_samples
                .push(kind, &event, scope)
                .then(|| self.load_samples.take()),
        };
        match full.flatten() {
            Some(batch) => self.hand_over(batch, sink),
            None => Ok(()),
        }
    }

    fn hand_over(&mut self, batch: RowBatch, sink: &mut Sink<'_>) -> Result<(), Stopped> {
        let new = self.scope.stacks.take_new();
        if !new.stacks.is_empty() || !new.names.is_empty() {
            sink(Message::Stacks(new))?;
        }
        sink(Message::Rows(batch))
    }

    /// Lays out the tables of the event types that were asked for and that the chunk declares.
    fn prepare_event_tables(&mut self, schema: &Schema, options: &JfrOptions) {
        for declared in schema.types().filter(|declared| declared.is_event) {
            let name = &declared.name;
            let is_asked =
                |asked: &String| name == asked || name.rsplit('.').next() == Some(asked.as_str());
            if !options.events.iter().any(is_asked) {
                continue;
            }
            match EventTable::new(schema, declared, self.scope.pools, self.header.compressed) {
                Ok(table) => self.event_tables.push((declared.id, table)),
                Err(why) => {
                    let position = Position::Byte(self.base);
                    self.losses
                        .record(&BAD_TYPE, position, || format!("{name}: {why}"));
                }
            }
        }
    }

    fn event_row(&mut self, frame: Frame, sink: &mut Sink<'_>) -> Result<(), Stopped> {
        let mut tables = self.event_tables.iter_mut();
        let Some((_, table)) = tables.find(|(id, _)| *id == frame.type_id) else {
            return Ok(());
        };
        let scope = &mut self.scope;
        match table.push(self.bytes, frame.body, frame.end, &self.clock, scope) {
            Ok(false) => Ok(()),
            Ok(true) => match table.take() {
                Some(batch) => self.hand_over_events(batch, sink),
                None => Ok(()),
            },
            Err(_) => {
                let name = table.event.clone();
                self.bad_event(frame, &name);
                Ok(())
            }
        }
    }

    fn hand_over_events(&mut self, batch: EventBatch, sink: &mut Sink<'_>) -> Result<(), Stopped> {
        let new = self.scope.stacks.take_new();
        if !new.stacks.is_empty() {
            sink(Message::Stacks(new))?;
        }
        sink(Message::Events(batch))
    }

    fn finish(
        mut self,
        survey: &Survey,
        handlers: &Handlers,
        settings: &Settings,
        sink: &mut Sink<'_>,
    ) -> Result<ChunkEnd, Stopped> {
        self.pauses.settle();
        let batches = [
            self.lock_waits.take(),
            self.stack_samples.take(),
            self.pauses.take(),
            self.writes.take(),
            self.socket_io.take(),
            self.load_samples.take(),
        ];
        for batch in batches.into_iter().flatten() {
            self.hand_over(batch, sink)?;
        }
        let mut event_tables = std::mem::take(&mut self.event_tables);
        for (_, table) in &mut event_tables {
            if let Some(batch) = table.take() {
                self.hand_over_events(batch, sink)?;
            }
        }
        let position = Position::Byte(self.base);
        let losses = &mut self.losses;
        if self.scope.missing > 0 {
            losses.record_many(
                &MISSING_CONSTANT,
                self.scope.missing,
                position,
                None,
                || "ids of threads or classes in events of the chunk at this position".into(),
            );
        }
        if self.scope.stacks.missing > 0 {
            losses.record_many(
                &MISSING_STACK,
                self.scope.stacks.missing,
                position,
                None,
                || "ids of stacks in events of the chunk at this position".into(),
            );
        }
        if self.lock_waits.overlapping > 0 {
            losses.record_many(
                &OVERLAPPING,
                self.lock_waits.overlapping,
                position,
                None,
                || "waits that began before the wait before of the same thread had ended".into(),
            );
        }
        if let Some((count, id)) = survey.unknown() {
            losses.record_many(&UNKNOWN_TYPE, count, position, None, || {
                format!("type id {id} is not declared in the chunk's metadata")
            });
        }
        for (name, why) in &handlers.refused {
            losses.record(&BAD_TYPE, position, || format!("{name}: {why}"));
        }
        let mut types = survey.types();
        for handler in handlers.all() {
            if let Some(count) = types.get_mut(&handler.name) {
                count.table = Some(handler.target.table());
            }
        }
        let mut limits = Limits::default();
        let count = |name: &str| types.get(name).map_or(0, |count| count.count);
        limits.add_chunk(settings, self.header.is_async_profiler, count);
        Ok(ChunkEnd {
            threads: self.scope.threads.all().to_vec(),
            losses: self.losses.into_losses(),
            limits,
            types,
        })
    }

    fn position(&self, frame: Frame) -> Position {
        Position::Byte(self.base.saturating_add(frame.start as u64))
    }

    #[cold]
    fn bad_event(&mut self, frame: Frame, name: &str) {
        let position = self.position(frame);
        self.losses.record(&BAD_EVENT, position, || {
            let length = frame.end - frame.start;
            format!("{name} of {length} bytes: its fields do not end where it ends")
        });
    }

    #[cold]
    fn bad_time(&mut self, frame: Frame, name: &str, event: &Event<'_>) {
        let (start, duration) = (event.start, event.duration);
        let position = self.position(frame);
        self.losses.record(&BAD_TIME, position, || {
            format!("{name} at {start} ns since 1970 for {duration} ns")
        });
    }

    #[inline]
    fn tells_loss(&self, type_id: i64) -> bool {
        let mut told = self.told_losses.iter();
        told.any(|told| told.type_id == type_id)
    }

    /// Counts a loss that the recorder tells of.
    #[cold]
    fn told_loss(&mut self, frame: Frame) {
        let mut told = self.told_losses.iter();
        let Some(told) = told.find(|told| told.type_id == frame.type_id) else {
            return;
        };
        let mut slots = [0; SLOTS];
        let mut cursor = Cursor::new(self.bytes, frame.body, self.header.compressed);
        if told.plan.plan.read(&mut cursor, &mut slots).is_err() {
            return;
        }
        let event = Event::new(&told.plan, &slots, &self.clock);
        let amount = event.slot(AMOUNT).max(0).cast_unsigned();
        if amount == 0 {
            return;
        }
        let time = event.start;
        let position = self.position(frame);
        self.losses
            .record_many(told.kind, amount, position, Some((time, time)), || {
                format!("{amount} {}, told by {}", told.unit, told.event)
            });
    }
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
