//! The second pass over a chunk: its events become rows.

use kcorr_model::{LossLedger, Position};

use crate::chunk::event_rows::EventRows;
use crate::chunk::handlers::{Handler, Handlers};
use crate::chunk::losses::{
    BAD_EVENT, BAD_TIME, BAD_TYPE, MISSING_CONSTANT, MISSING_STACK, OVERLAPPING, UNKNOWN_TYPE,
};
use crate::chunk::survey::Survey;
use crate::chunk::told_losses::{AMOUNT, ToldLoss};
use crate::clock::ChunkClock;
use crate::event_tables::{EventBatch, EventTable};
use crate::format::cursor::Cursor;
use crate::format::framing::{Frame, frame};
use crate::format::header::Header;
use crate::format::plan::SLOTS;
use crate::format::schema::Schema;
use crate::message::{ChunkEnd, Message, Sink, Stopped};
use crate::names::pools::Pools;
use crate::names::threads::Threads;
use crate::options::JfrOptions;
use crate::rows::batch::RowBatch;
use crate::rows::event::{Event, Scope};
use crate::settings::{Limits, Settings};

/// Ten years: recordings are shorter, damage rarely is.
const MAX_DISTANCE_NS: i64 = 10 * 365 * 86_400 * 1_000_000_000;

/// A chunk of which all but the events is known.
#[derive(Clone, Copy)]
pub(crate) struct Chunk<'c> {
    pub(crate) bytes: &'c [u8],
    /// Where it is in the input.
    pub(crate) base: u64,
    pub(crate) header: &'c Header,
    pub(crate) survey: &'c Survey,
    pub(crate) pools: &'c Pools<'c>,
    pub(crate) settings: &'c Settings,
}

/// The second pass over a chunk.
pub(crate) struct Decoding<'c> {
    chunk: Chunk<'c>,
    clock: ChunkClock,
    scope: Scope<'c>,
    losses: LossLedger,
    rows: EventRows,
    told_losses: Vec<ToldLoss>,
    /// The event types that were asked for as tables, by type id.
    event_tables: Vec<(i64, EventTable)>,
}

impl<'c> Decoding<'c> {
    pub(crate) fn new(chunk: Chunk<'c>, losses: LossLedger, options: &JfrOptions) -> Self {
        let Chunk { header, pools, .. } = chunk;
        let schema = &chunk.survey.schema;
        let threads = Threads::new(pools, header.is_async_profiler);
        let mut decoding = Self {
            chunk,
            clock: ChunkClock::new(header),
            scope: Scope::new(pools, threads),
            losses,
            rows: EventRows::new(chunk.settings.weights(header.is_async_profiler)),
            told_losses: ToldLoss::all(schema, header.compressed),
            event_tables: Vec::new(),
        };
        decoding.prepare_event_tables(schema, options);
        decoding
    }

    /// Decodes all events.
    pub(crate) fn decode(mut self, sink: &mut Sink<'_>) -> Result<ChunkEnd, Stopped> {
        let Chunk { header, survey, .. } = self.chunk;
        let handlers = Handlers::new(&survey.schema, header.compressed);
        for (start, end) in &survey.runs.runs {
            self.run(*start, *end, &handlers, sink)?;
        }
        self.finish(&handlers, sink)
    }

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
            let Ok(frame) = frame(self.chunk.bytes, at, self.chunk.header.compressed) else {
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
        let mut cursor = Cursor::new(self.chunk.bytes, frame.body, self.chunk.header.compressed);
        let read = handler.plan.plan.read(&mut cursor, &mut slots);
        if read.is_err() || cursor.position() != frame.end {
            self.bad_event(frame, &handler.name);
            return Ok(());
        }
        let event = Event::new(&handler.plan, &slots, &self.clock);
        let distance = event.start.saturating_sub(self.chunk.header.start_nanos);
        if event.duration < 0 || distance.saturating_abs().max(event.duration) > MAX_DISTANCE_NS {
            self.bad_time(frame, &handler.name, &event);
            return Ok(());
        }
        match self.rows.push(handler.target, &event, &mut self.scope) {
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
            match EventTable::new(
                schema,
                declared,
                self.scope.pools,
                self.chunk.header.compressed,
            ) {
                Ok(table) => self.event_tables.push((declared.id, table)),
                Err(why) => {
                    let position = Position::Byte(self.chunk.base);
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
        match table.push(self.chunk.bytes, frame.body, frame.end, &self.clock, scope) {
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

    fn finish(mut self, handlers: &Handlers, sink: &mut Sink<'_>) -> Result<ChunkEnd, Stopped> {
        for batch in self.rows.finish() {
            self.hand_over(batch, sink)?;
        }
        let mut event_tables = std::mem::take(&mut self.event_tables);
        for (_, table) in &mut event_tables {
            if let Some(batch) = table.take() {
                self.hand_over_events(batch, sink)?;
            }
        }
        let position = Position::Byte(self.chunk.base);
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
        if self.rows.overlapping_waits() > 0 {
            losses.record_many(
                &OVERLAPPING,
                self.rows.overlapping_waits(),
                position,
                None,
                || "waits that began before the wait before of the same thread had ended".into(),
            );
        }
        if let Some((count, id)) = self.chunk.survey.unknown() {
            losses.record_many(&UNKNOWN_TYPE, count, position, None, || {
                format!("type id {id} is not declared in the chunk's metadata")
            });
        }
        for (name, why) in &handlers.refused {
            losses.record(&BAD_TYPE, position, || format!("{name}: {why}"));
        }
        let mut types = self.chunk.survey.types();
        for handler in handlers.all() {
            if let Some(count) = types.get_mut(&handler.name) {
                count.table = Some(handler.target.table());
            }
        }
        let mut limits = Limits::default();
        let count = |name: &str| types.get(name).map_or(0, |count| count.count);
        limits.add_chunk(
            self.chunk.settings,
            self.chunk.header.is_async_profiler,
            count,
        );
        Ok(ChunkEnd {
            threads: self.scope.threads.all().to_vec(),
            losses: self.losses.into_losses(),
            limits,
            types,
        })
    }

    fn position(&self, frame: Frame) -> Position {
        Position::Byte(self.chunk.base.saturating_add(frame.start as u64))
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
        let mut cursor = Cursor::new(self.chunk.bytes, frame.body, self.chunk.header.compressed);
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
