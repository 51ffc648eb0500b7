//! Tracks: which rows of the timeline there are, and which slices are open on them.

use std::collections::HashMap;

use kcorr_engine::{Columns, NumberColumn, TextColumn};

use super::Packets;
use super::lanes::Lanes;
use super::message::{ProcessDescriptor, ThreadDescriptor, TracePacket, TrackDescriptor};
use crate::error::Result;

/// Groups of tracks, in the order in which they are shown.
const GROUPS: &[(&str, &str)] = &[
    ("connections", "Connections"),
    ("threads", "Threads"),
    ("journal", "Journal"),
    ("pauses", "JVM pauses"),
    ("disk", "Disk"),
];

/// A slice to be drawn.
#[derive(Debug)]
pub(super) struct Slice<'a> {
    group: &'a str,
    track: &'a str,
    track_id: Option<i64>,
    pid: Option<i32>,
    is_inner: bool,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) id: i64,
}

/// The columns that a slice is read from.
pub(super) struct Rows {
    group: TextColumn,
    track: TextColumn,
    track_id: NumberColumn,
    pid: NumberColumn,
    depth: NumberColumn,
    start: NumberColumn,
    end: NumberColumn,
    name: TextColumn,
    kind: TextColumn,
    id: NumberColumn,
}

impl Rows {
    pub(super) fn new(columns: &Columns<'_>) -> Result<Self> {
        Ok(Self {
            group: columns.text("track_group")?,
            track: columns.text("track")?,
            track_id: columns.number("track_id")?,
            pid: columns.number("pid")?,
            depth: columns.number("depth")?,
            start: columns.number("start_time")?,
            end: columns.number("end_time")?,
            name: columns.text("name")?,
            kind: columns.text("kind")?,
            id: columns.number("id")?,
        })
    }

    /// The slice of a row; none when it has no time or no kind.
    pub(super) fn get(&self, row: usize) -> Option<Slice<'_>> {
        let start = self.start.unsigned(row)?;
        Some(Slice {
            group: self.group.get(row)?,
            track: self.track.get(row).unwrap_or("unknown"),
            track_id: self.track_id.get(row),
            pid: self.pid.get(row).and_then(|pid| i32::try_from(pid).ok()),
            is_inner: self.depth.get(row) == Some(1),
            start,
            end: self.end.unsigned(row)?.max(start),
            name: self.name.get(row).unwrap_or_default(),
            kind: self.kind.get(row)?,
            id: self.id.get(row)?,
        })
    }
}

/// The tracks so far. Slices come track by track, so one track is open at a time.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    uuids: u64,
    groups: HashMap<String, u64>,
    processes: HashMap<i32, u64>,
    open: Option<Track>,
}

#[derive(Debug)]
struct Track {
    group: String,
    name: String,
    id: Option<i64>,
    parent: u64,
    lanes: Lanes,
    /// Per lane its track, and the flows into its open slices, outermost first.
    drawn: Vec<(u64, Vec<Vec<u64>>)>,
    /// The lane of the last slice that is not inside another.
    last_lane: usize,
}

impl Tracks {
    /// Makes room for a slice: ends those that are over, and gives the track to begin it on.
    pub(super) fn begin(
        &mut self,
        slice: &Slice<'_>,
        incoming: Vec<u64>,
        packets: &mut Packets<'_>,
    ) -> Result<u64> {
        let is_open = self.open.as_ref().is_some_and(|track| {
            track.group == slice.group && track.name == slice.track && track.id == slice.track_id
        });
        if !is_open {
            self.finish(packets)?;
            let parent = self.parent(slice, packets)?;
            self.open = Some(Track {
                group: slice.group.to_owned(),
                name: slice.track.to_owned(),
                id: slice.track_id,
                parent,
                lanes: Lanes::default(),
                drawn: Vec::new(),
                last_lane: 0,
            });
        }
        let Some(track) = &mut self.open else {
            return Ok(0); // cannot be: it was opened above
        };
        let place = if slice.is_inner {
            track.lanes.put(track.last_lane, slice.start, slice.end)
        } else {
            let is_nested = slice.kind != "request";
            track.lanes.place(slice.start, slice.end, is_nested)
        };
        track.last_lane = place.lane;
        while track.drawn.len() <= place.lane {
            self.uuids += 1;
            let lane = track.drawn.len();
            let descriptor = lane_track(track, slice, self.uuids, lane);
            if lane == 0 {
                // Further lanes of a thread hang below its own track.
                track.parent = if descriptor.thread.is_some() {
                    self.uuids
                } else {
                    track.parent
                };
            }
            describe(packets, descriptor)?;
            track.drawn.push((self.uuids, Vec::new()));
        }
        let Some((uuid, open)) = track.drawn.get_mut(place.lane) else {
            return Ok(0); // cannot be: it was drawn above
        };
        for end in place.closed {
            packets.end(end, *uuid, open.pop().unwrap_or_default())?;
        }
        open.push(incoming);
        Ok(*uuid)
    }

    /// Ends every slice of the open track.
    pub(super) fn finish(&mut self, packets: &mut Packets<'_>) -> Result<()> {
        let Some(track) = self.open.take() else {
            return Ok(());
        };
        for ((uuid, mut open), ends) in track.drawn.into_iter().zip(track.lanes.finish()) {
            for end in ends {
                packets.end(end, uuid, open.pop().unwrap_or_default())?;
            }
        }
        Ok(())
    }

    /// The track that a slice's track hangs below: the process of a thread, else its group.
    fn parent(&mut self, slice: &Slice<'_>, packets: &mut Packets<'_>) -> Result<u64> {
        if let (Some(pid), Some(_)) = (slice.pid, slice.track_id) {
            if let Some(uuid) = self.processes.get(&pid) {
                return Ok(*uuid);
            }
            self.uuids += 1;
            self.processes.insert(pid, self.uuids);
            let process = TrackDescriptor {
                uuid: Some(self.uuids),
                process: Some(ProcessDescriptor {
                    pid: Some(pid),
                    process_name: Some(format!("process {pid}")),
                }),
                ..TrackDescriptor::default()
            };
            describe(packets, process)?;
            return Ok(self.uuids);
        }
        if let Some(uuid) = self.groups.get(slice.group) {
            return Ok(*uuid);
        }
        self.uuids += 1;
        self.groups.insert(slice.group.to_owned(), self.uuids);
        let place = GROUPS.iter().position(|(group, _)| *group == slice.group);
        let title = place.and_then(|place| GROUPS.get(place));
        let group = TrackDescriptor {
            uuid: Some(self.uuids),
            name: Some(title.map_or(slice.group, |(_, title)| title).to_owned()),
            sibling_order_rank: place.and_then(|place| i32::try_from(place).ok()),
            ..TrackDescriptor::default()
        };
        describe(packets, group)?;
        Ok(self.uuids)
    }
}

/// The track of one lane.
fn lane_track(track: &Track, slice: &Slice<'_>, uuid: u64, lane: usize) -> TrackDescriptor {
    let thread = slice.pid.filter(|_| lane == 0).zip(slice.track_id);
    TrackDescriptor {
        uuid: Some(uuid),
        parent_uuid: Some(track.parent),
        name: thread.is_none().then(|| slice.track.to_owned()),
        thread: thread.map(|(pid, tid)| ThreadDescriptor {
            pid: Some(pid),
            tid: Some(tid),
            thread_name: Some(slice.track.to_owned()),
        }),
        ..TrackDescriptor::default()
    }
}

fn describe(packets: &mut Packets<'_>, descriptor: TrackDescriptor) -> Result<()> {
    packets.write(TracePacket {
        track_descriptor: Some(descriptor),
        ..TracePacket::default()
    })
}
