//! A trace for Perfetto: requests by connection, threads with their waits and writes, journal commits
//! and pauses, and an arrow from every blocker to who waited for it.
//!
//! The file is a protobuf `Trace` (a sequence of packets), so it is written as rows come. Times are
//! wall time. Open it at <https://ui.perfetto.dev> (nothing is uploaded), or ask `trace_processor`.

mod flows;
mod lanes;
pub mod message;
mod tracks;

use std::io::Write;

use futures::StreamExt;
use kcorr_engine::{Columns, FloatColumn, GivenParameters, NumberColumn, Session, TextColumn};
use prost::Message;

use crate::error::{Error, Result};
use flows::Flows;
use message::{
    CLOCK_BOOTTIME, CLOCK_REALTIME, Clock, ClockSnapshot, DebugAnnotation, SLICE_BEGIN, SLICE_END,
    Trace, TracePacket, TrackEvent,
};
use tracks::Tracks;

/// All packets are of one writer.
const SEQUENCE: u32 = 1;

/// What a trace holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// Slices.
    pub slices: u64,
    /// Pairs of a waiter and its blocker.
    pub flows: u64,
}

/// Writes the trace; `given` are parameters of `trace_slices` and `trace_flows`.
pub async fn write(
    session: &Session,
    given: &GivenParameters,
    out: &mut (dyn Write + Send),
) -> Result<Contents> {
    let mut flows = Flows::read(session.run_canned("trace_flows", given).await?).await?;
    let mut contents = Contents {
        slices: 0,
        flows: flows.count(),
    };
    let mut rows = session.run_canned("trace_slices", given).await?;
    let mut packets = Packets::new(out);
    let mut tracks = Tracks::default();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let columns = Columns(&batch);
        let slices = tracks::Rows::new(&columns)?;
        let arguments = Arguments::new(&columns)?;
        for row in 0..batch.num_rows() {
            let Some(slice) = slices.get(row) else {
                continue;
            };
            packets.clocks(slice.start)?;
            let flows = flows.take(slice.kind, slice.id);
            contents.slices += 1;
            let ends = tracks.begin(&slice, flows.incoming, &mut packets)?;
            packets.event(
                slice.start,
                TrackEvent {
                    r#type: Some(SLICE_BEGIN),
                    track_uuid: Some(ends),
                    categories: vec![slice.kind.to_owned()],
                    name: Some(slice.name.to_owned()),
                    debug_annotations: arguments.get(row),
                    flow_ids: flows.outgoing,
                    ..TrackEvent::default()
                },
            )?;
        }
    }
    tracks.finish(&mut packets)?;
    packets.out.flush()?;
    Ok(contents)
}

/// Packets on their way to the file.
struct Packets<'a> {
    out: &'a mut (dyn Write + Send),
    has_clocks: bool,
    buffer: Vec<u8>,
}

impl<'a> Packets<'a> {
    fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self {
            out,
            has_clocks: false,
            buffer: Vec::new(),
        }
    }

    /// A trace begins with what its times mean: wall time.
    fn clocks(&mut self, time: u64) -> Result<()> {
        if self.has_clocks {
            return Ok(());
        }
        self.has_clocks = true;
        let reading = |clock| Clock {
            clock_id: Some(clock),
            timestamp: Some(time),
        };
        self.write(TracePacket {
            sequence_flags: Some(1),
            clock_snapshot: Some(ClockSnapshot {
                clocks: vec![reading(CLOCK_REALTIME), reading(CLOCK_BOOTTIME)],
                primary_trace_clock: Some(CLOCK_REALTIME),
            }),
            ..TracePacket::default()
        })
    }

    fn event(&mut self, time: u64, event: TrackEvent) -> Result<()> {
        self.write(TracePacket {
            timestamp: Some(time),
            timestamp_clock_id: Some(CLOCK_REALTIME),
            track_event: Some(event),
            ..TracePacket::default()
        })
    }

    fn end(&mut self, time: u64, track_uuid: u64, incoming: Vec<u64>) -> Result<()> {
        // An arrow points at the end of a wait: its begin may be before its blocker's.
        self.event(
            time,
            TrackEvent {
                r#type: Some(SLICE_END),
                track_uuid: Some(track_uuid),
                terminating_flow_ids: incoming,
                ..TrackEvent::default()
            },
        )
    }

    fn write(&mut self, mut packet: TracePacket) -> Result<()> {
        packet.trusted_packet_sequence_id = Some(SEQUENCE);
        // A trace of one packet; traces behind each other are one trace.
        let trace = Trace {
            packet: vec![packet],
        };
        self.buffer.clear();
        trace
            .encode(&mut self.buffer)
            .map_err(|e| Error::Encode(e.to_string()))?;
        self.out.write_all(&self.buffer)?;
        Ok(())
    }
}

/// The columns that are shown as arguments of a slice.
struct Arguments {
    texts: Vec<(&'static str, TextColumn)>,
    numbers: Vec<(&'static str, NumberColumn)>,
    floats: Vec<(&'static str, FloatColumn)>,
}

impl Arguments {
    fn new(columns: &Columns<'_>) -> Result<Self> {
        let texts = ["topic", "file", "lock_class", "cause", "client_id"];
        let numbers = ["id", "partition", "bytes", "correlation_id"];
        let floats = ["confidence"];
        Ok(Self {
            texts: texts
                .into_iter()
                .map(|name| Ok((name, columns.text(name)?)))
                .collect::<Result<_>>()?,
            numbers: numbers
                .into_iter()
                .map(|name| Ok((name, columns.number(name)?)))
                .collect::<Result<_>>()?,
            floats: floats
                .into_iter()
                .map(|name| Ok((name, columns.float(name)?)))
                .collect::<Result<_>>()?,
        })
    }

    fn get(&self, row: usize) -> Vec<DebugAnnotation> {
        let named = |name: &str| DebugAnnotation {
            name: Some(name.to_owned()),
            ..DebugAnnotation::default()
        };
        let mut annotations = Vec::new();
        for (name, column) in &self.texts {
            if let Some(value) = column.get(row) {
                annotations.push(DebugAnnotation {
                    string_value: Some(value.to_owned()),
                    ..named(name)
                });
            }
        }
        for (name, column) in &self.numbers {
            if let Some(value) = column.get(row) {
                annotations.push(DebugAnnotation {
                    int_value: Some(value),
                    ..named(name)
                });
            }
        }
        for (name, column) in &self.floats {
            if let Some(value) = column.get(row) {
                annotations.push(DebugAnnotation {
                    double_value: Some(value),
                    ..named(name)
                });
            }
        }
        annotations
    }
}
