//! The connections to the brokers of a capture: a bounded number at a time, each found by its two ends.

use hashbrown::HashMap;
use kcorr_capture::{Endpoint, Packet, Segment};
use kcorr_model::{LossKind, Position, RowIds, Severity, SourceId};

use crate::PcapOptions;
use crate::connection::{Connection, SECOND_VIEW, View, reason};
use crate::reconnects::Reconnects;
use crate::shared::Shared;

/// Connections given up because there are too many.
pub(crate) static TOO_MANY_CONNECTIONS: LossKind = LossKind {
    name: "pcap_too_many_connections",
    severity: Severity::Warning,
    doc: "More connections were open at a time than are followed; those idle longest were given up.",
};

/// Slots that are remembered.
const RECENT: usize = 64;

/// A connection's two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ends {
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
}

impl Ends {
    /// Those of a segment that comes from the client, or from the broker.
    #[inline]
    pub(crate) fn of(segment: &Segment<'_>, from_client: bool) -> Self {
        let (client, server) = match from_client {
            true => (segment.source, segment.destination),
            false => (segment.destination, segment.source),
        };
        Self { client, server }
    }
}

/// The connections that are open, or were until a moment ago.
#[derive(Debug)]
pub(crate) struct Connections {
    /// Slots by the client's address and port: more than one when it is seen in several views.
    by_client: HashMap<Endpoint, Vec<usize>>,
    by_ends: HashMap<Ends, usize>,
    slots: Vec<Option<Box<Connection>>>,
    /// The slots found last, by the client's port: most packets are of one of them.
    recent: [usize; RECENT],
    free: Vec<usize>,
    most: usize,
    buffer_bytes: usize,
    ids: RowIds,
    reconnects: Reconnects,
    /// Messages that were exported without their packets.
    pub(crate) exported_pdus: u64,
}

impl Connections {
    pub(crate) fn new(source: SourceId, options: &PcapOptions) -> Self {
        Self {
            by_client: HashMap::new(),
            by_ends: HashMap::new(),
            slots: Vec::new(),
            recent: [0; RECENT],
            free: Vec::new(),
            most: options.connections.max(1),
            buffer_bytes: options.buffer_bytes,
            ids: source.row_ids(),
            reconnects: Reconnects::default(),
            exported_pdus: 0,
        }
    }

    /// Whether a connection between these ends is known.
    pub(crate) fn contains(&self, ends: Ends) -> bool {
        self.by_ends.contains_key(&ends)
    }

    /// Takes a segment between a client and a broker.
    #[inline]
    pub(crate) fn segment(
        &mut self,
        segment: &Segment<'_>,
        from_client: bool,
        packet: &Packet<'_>,
        shared: &mut Shared,
    ) {
        let ends = Ends::of(segment, from_client);
        let Some(slot) = self.slot(ends, segment, from_client, packet, shared) else {
            return;
        };
        let Some(Some(connection)) = self.slots.get_mut(slot) else {
            return;
        };
        let (time, position) = (packet.time, packet.position);
        if segment.is_message {
            self.exported_pdus = self.exported_pdus.saturating_add(1);
            connection.message(segment, from_client, time, position, shared);
        } else {
            connection.segment(segment, from_client, time, position, shared);
            if (segment.fin || segment.rst)
                && let Some(ended) = connection.ended()
            {
                self.reconnects.ended(ends.client, ends.server, ended);
            }
        }
        if shared.held_bytes > self.buffer_bytes {
            self.relieve(shared);
        }
    }

    /// The slot of a known connection.
    #[inline]
    fn find(&mut self, ends: &Ends) -> Option<usize> {
        let recent = self
            .recent
            .get_mut(usize::from(ends.client.port) % RECENT)?;
        if let Some(Some(connection)) = self.slots.get(*recent)
            && connection.ends() == (ends.client, ends.server)
        {
            return Some(*recent);
        }
        *recent = *self.by_ends.get(ends)?;
        Some(*recent)
    }

    /// The connection of a segment, which is made when the segment can begin one.
    #[inline]
    fn slot(
        &mut self,
        ends: Ends,
        segment: &Segment<'_>,
        from_client: bool,
        packet: &Packet<'_>,
        shared: &mut Shared,
    ) -> Option<usize> {
        let position = packet.position;
        let found = self.find(&ends);
        if let Some(slot) = found {
            let connection = self.slots.get_mut(slot)?.as_mut()?;
            if !connection.is_another(segment, from_client) {
                return Some(slot);
            }
            connection.leave(reason::CONNECTION_CLOSED, shared);
        } else if segment.rst || !(segment.syn || segment.has_bytes()) {
            return None;
        }
        if found.is_none() && self.by_ends.len() >= self.most {
            self.forget_idle(position, shared);
        }
        let is_seen_better = self.is_seen_better(ends, segment, from_client, packet, shared);
        let mut connection = Box::new(Connection::new(
            self.ids.next(),
            ends.client,
            ends.server,
            position,
        ));
        if is_seen_better {
            connection.discard(shared);
        } else if segment.syn {
            connection.follows(self.reconnects.of(ends.client, ends.server));
        }
        let slot = match found.or_else(|| self.free.pop()) {
            Some(slot) => {
                *self.slots.get_mut(slot)? = Some(connection);
                slot
            }
            None => {
                self.slots.push(Some(connection));
                self.slots.len().checked_sub(1)?
            }
        };
        self.by_ends.insert(ends, slot);
        let views = self.by_client.entry(ends.client).or_default();
        if !views.contains(&slot) {
            views.push(slot);
        }
        Some(slot)
    }

    /// Whether a connection that begins with this segment is the same as one that is known, and that
    /// one is the better view. When the new one is better, the known one is given up.
    fn is_seen_better(
        &mut self,
        ends: Ends,
        segment: &Segment<'_>,
        from_client: bool,
        packet: &Packet<'_>,
        shared: &mut Shared,
    ) -> bool {
        let Some(views) = self.by_client.get(&ends.client) else {
            return false;
        };
        for &slot in views {
            let Some(Some(other)) = self.slots.get_mut(slot) else {
                continue;
            };
            let (client, server) = other.ends();
            if client != ends.client || server == ends.server {
                continue;
            }
            let view = other.view(segment, from_client, packet.time);
            if view == View::Other {
                continue;
            }
            let (kept, left) = match view {
                View::Nearer => (ends.server, server),
                _ => (server, ends.server),
            };
            shared.losses.record_many(
                &SECOND_VIEW,
                1,
                Position::Byte(packet.position),
                Some((packet.time, packet.time)),
                || format!("{client} → {kept} is also seen as → {left}; the first is kept"),
            );
            if view == View::Nearer {
                other.discard(shared);
                return false;
            }
            return true;
        }
        false
    }

    fn forget_idle(&mut self, position: u64, shared: &mut Shared) {
        let ages = self.oldest(|connection| Some(connection.last_time));
        // A quarter at a time, so that the work is spread.
        let count = ages.len().div_ceil(4);
        for &(_, slot) in ages.iter().take(count) {
            self.forget(slot, position, shared);
        }
    }

    fn forget(&mut self, slot: usize, position: u64, shared: &mut Shared) {
        let Some(place) = self.slots.get_mut(slot) else {
            return;
        };
        let Some(mut connection) = place.take() else {
            return;
        };
        if !connection.is_closed() {
            let ends = connection.name();
            shared
                .losses
                .record(&TOO_MANY_CONNECTIONS, Position::Byte(position), || {
                    ends.to_string()
                });
        }
        connection.leave(reason::CAPTURE_GAP, shared);
        let (client, server) = connection.ends();
        self.by_ends.remove(&Ends { client, server });
        if let Some(views) = self.by_client.get_mut(&client) {
            views.retain(|&view| view != slot);
            if views.is_empty() {
                self.by_client.remove(&client);
            }
        }
        self.free.push(slot);
    }

    /// Too much is held: gives up the oldest until a quarter is free, bytes before requests.
    fn relieve(&mut self, shared: &mut Shared) {
        let target = self.buffer_bytes / 4 * 3;
        for (_, slot) in self.oldest(Connection::held_since) {
            if shared.held_bytes <= target {
                return;
            }
            if let Some(Some(connection)) = self.slots.get_mut(slot) {
                connection.give_up_held(shared);
            }
        }
        for (_, slot) in self.oldest(Connection::waiting_since) {
            if shared.held_bytes <= target {
                return;
            }
            if let Some(Some(connection)) = self.slots.get_mut(slot) {
                connection.give_up_waiting(shared);
            }
        }
    }

    /// Connections by an age; equal ages by slot, so that every run gives the same.
    fn oldest(&self, age: impl Fn(&Connection) -> Option<i64>) -> Vec<(i64, usize)> {
        let mut ages: Vec<(i64, usize)> = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(slot, connection)| Some((age(connection.as_ref()?)?, slot)))
            .collect();
        ages.sort_unstable();
        ages
    }

    /// Ends all connections.
    pub(crate) fn finish(&mut self, shared: &mut Shared) {
        for connection in self.slots.iter_mut().flatten() {
            connection.leave(reason::OPEN_AT_END, shared);
        }
    }
}
