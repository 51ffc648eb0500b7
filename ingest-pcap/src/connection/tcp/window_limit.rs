//! Times in which the sender has more to send and the receiver's window keeps it.
//!
//! The sender is taken to know the ends of windows that passed the capture point at least one of its
//! shortest round trips ago. When its bytes reach such an end, less what it would not send by itself, inside
//! of a message, and its next new bytes come as soon as a window with room for them can have reached it, it
//! waited for the window in between. Where messages cannot be told (TLS), it must have left next to
//! nothing of the window, and go on at once.

use std::collections::VecDeque;

use super::{Kind, Side, Stretch};

/// Ends of windows that are remembered: with more in one round trip nothing is told.
const MOST_EDGES: usize = 64;

/// Shorter waits are none.
const SHORTEST_NS: i64 = 100_000;

/// What a sender may take on top of its round trips to go on; and when nothing else shows that it had more.
const SLACK_NS: i64 = 5_000_000;
const AT_ONCE_NS: i64 = 1_000_000;

/// Ends of windows are remembered so long, and eight round trips, after the sender was near one.
const CALM_NS: i64 = 10_000_000;

/// Ends of windows are told apart to this part of a round trip.
const PARTS: i64 = 32;

#[derive(Debug, Clone, Copy)]
struct Full {
    time: i64,
    /// What is left of the window is less than this part of it: one of so many.
    is_tight: bool,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    start: i64,
    end: i64,
    waited: i64,
    waits: u64,
    bytes: u64,
    last_edge: u32,
}

/// New bytes on the wire, and what is known of their sender.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewBytes {
    pub(super) end: u32,
    pub(super) bytes: u32,
    pub(super) time: i64,
    /// Its shortest round trip to the capture point.
    pub(super) rtt: i64,
    /// It does not send into a rest of the window below this by itself.
    pub(super) smallest_send: u32,
    /// The largest window so far.
    pub(super) largest_window: u32,
    /// Whether the bytes before these ended inside of a message, if that is known.
    pub(super) is_inside: Option<bool>,
}

/// The window of one direction's receiver, over time.
#[derive(Debug, Default)]
pub(crate) struct WindowLimit {
    edges: VecDeque<(i64, u32)>,
    full: Option<Full>,
    run: Option<Run>,
    spacing: i64,
    /// Less than an end that the sender has known for long, less what it would not send by itself: while its
    /// bytes are before this, ends of windows are not remembered.
    room: Option<u32>,
    /// The end that comes next in its place, and since when it is known.
    candidate: (i64, u32),
    last: u32,
    /// When bytes were near the end of the window.
    near_time: i64,
    pub(crate) total_ns: i64,
}

#[inline]
fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

impl WindowLimit {
    /// The receiver takes bytes up to `edge`.
    #[inline]
    pub(super) fn edge(&mut self, time: i64, edge: u32) {
        self.last = edge;
        if self.room.is_none() {
            self.remember(time, edge);
        }
    }

    /// Whether bytes up to `end` are far from the end of the window.
    #[inline]
    pub(super) fn has_room(&mut self, end: u32, time: i64, rtt: i64, smallest_send: u32) -> bool {
        if self.room.is_none() {
            return false;
        }
        let (since, edge) = self.candidate;
        if time.saturating_sub(since) >= rtt {
            self.room = Some(edge.wrapping_sub(smallest_send));
            self.candidate = (time, self.last);
        }
        self.room.is_some_and(|room| ahead(room, end) > 0)
    }

    fn remember(&mut self, time: i64, edge: u32) {
        if let Some(&(_, last)) = self.edges.back()
            && ahead(edge, last) <= 0
        {
            return;
        }
        // One that follows closely takes the place of the one before, as if it had come with it.
        if self.edges.len() > 1
            && let Some((last, last_edge)) = self.edges.back_mut()
            && time.saturating_sub(*last) < self.spacing
        {
            *last_edge = edge;
            return;
        }
        if self.near_time == 0 {
            self.near_time = time;
        }
        if self.edges.len() >= MOST_EDGES {
            self.edges.pop_front();
        }
        self.edges.push_back((time, edge));
    }

    /// New bytes were sent.
    #[inline]
    pub(super) fn sent(&mut self, new: NewBytes, side: Side, ended: &mut Vec<Stretch>) {
        if let Some(room) = self.room.take() {
            let (since, edge) = self.candidate;
            // Known for a round trip, when it has not moved since.
            let is_old = room.wrapping_add(new.smallest_send) == edge;
            let since = since.saturating_sub(if is_old { new.rtt } else { 0 });
            self.remember(since, edge);
            self.remember(new.time, self.last);
            self.near_time = new.time;
        }
        if let Some(full) = self.full.take() {
            self.went_on(full, new, side, ended);
        }
        // What the sender knows: the last end that is a round trip old.
        let known_since = new.time.saturating_sub(new.rtt);
        self.spacing = new.rtt / PARTS;
        while let Some(&(time, _)) = self.edges.get(1)
            && time <= known_since
        {
            self.edges.pop_front();
        }
        let Some(&(oldest, oldest_edge)) = self.edges.front() else {
            return;
        };
        let room = oldest_edge.wrapping_sub(new.smallest_send);
        let is_far =
            u32::try_from(ahead(room, new.end)).is_ok_and(|far| far > new.largest_window / 16);
        if !is_far {
            self.near_time = new.time;
        } else if oldest <= known_since
            && new.time.saturating_sub(self.near_time)
                > new.rtt.saturating_mul(8).saturating_add(CALM_NS)
        {
            self.room = Some(room);
            self.candidate = (new.time, self.last);
            self.edges.clear();
            return;
        }
        // It may know a later one, and does when it sends beyond this.
        let known = self
            .edges
            .iter()
            .find(|&&(_, edge)| ahead(edge, new.end) >= 0);
        if oldest <= known_since
            && let Some(&(_, edge)) = known
            && ahead(new.end.wrapping_add(new.smallest_send), edge) > 0
        {
            let left = u32::try_from(ahead(edge, new.end)).unwrap_or(0);
            self.full = Some(Full {
                time: new.time,
                is_tight: left <= new.largest_window / 8,
            });
        }
    }

    /// The sender had reached the end of the window, and now sends more.
    fn went_on(&mut self, full: Full, new: NewBytes, side: Side, ended: &mut Vec<Stretch>) {
        let waited = new.time.saturating_sub(full.time);
        let prompt = match (new.is_inside, full.is_tight) {
            (Some(true), _) => new.rtt.saturating_mul(2).saturating_add(SLACK_NS),
            (None, true) => new
                .rtt
                .saturating_add(new.rtt / 4)
                .saturating_add(AT_ONCE_NS),
            _ => return,
        };
        // Since when the window has room for these bytes.
        let opened = self
            .edges
            .iter()
            .find(|&&(_, edge)| ahead(edge, new.end) >= 0)
            .map(|&(time, _)| time.max(full.time));
        let is_prompt = opened.is_some_and(|opened| new.time.saturating_sub(opened) <= prompt);
        if waited < SHORTEST_NS || !is_prompt {
            return;
        }
        match &mut self.run {
            Some(run) if full.time.saturating_sub(run.end) <= prompt => {
                run.end = new.time;
                run.waited = run.waited.saturating_add(waited);
                run.waits = run.waits.saturating_add(1);
                let since = u32::try_from(ahead(new.end, run.last_edge)).unwrap_or(new.bytes);
                run.bytes = run.bytes.saturating_add(u64::from(since));
                run.last_edge = new.end;
            }
            _ => {
                self.end(side, ended);
                self.run = Some(Run {
                    start: full.time,
                    end: new.time,
                    waited,
                    waits: 1,
                    bytes: u64::from(new.bytes),
                    last_edge: new.end,
                });
            }
        }
        self.total_ns = self.total_ns.saturating_add(waited);
    }

    /// Bytes are missing: nothing can be said until the next window.
    pub(super) fn lose(&mut self) {
        self.full = None;
        self.room = None;
        self.edges.clear();
    }

    /// Makes a row of what was found last.
    pub(super) fn end(&mut self, side: Side, ended: &mut Vec<Stretch>) {
        if let Some(run) = self.run.take() {
            ended.push(Stretch {
                waited: run.waited,
                segments: run.waits,
                bytes: Some(run.bytes),
                ..Stretch::new(Kind::WindowLimited, side, run.start, run.end)
            });
        }
    }
}
