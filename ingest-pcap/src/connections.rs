//! All connections to the brokers of a capture.

use hashbrown::HashMap;
use kcorr_model::{Error, LossKind, LossLedger, Output, Position, RowIds, Severity, SourceId};

use crate::PcapOptions;
use crate::capture::{FileTimes, Merge, Packet, PacketSink};
use crate::connection::{Connection, SECOND_VIEW, View, reason};
use crate::network::{Endpoint, NoSegment, Segment, segment_of_frame};
use crate::not_read::PacketsNotRead;
use crate::ports::Ports;
use crate::reconnects::Reconnects;
use crate::shared::Shared;

/// Fragments of IP packets.
pub(crate) static IP_FRAGMENT: LossKind = LossKind {
    name: "pcap_ip_fragment",
    severity: Severity::Warning,
    doc: "Fragments of IP packets are not put together: of a fragmented packet only what is in its \
          first fragment is read.",
};

/// Packets with impossible headers.
pub(crate) static BAD_PACKET: LossKind = LossKind {
    name: "pcap_bad_packet",
    severity: Severity::Warning,
    doc: "A packet's IP or TCP header is cut off or contradicts itself; the packet was skipped.",
};

/// Connections given up because there are too many.
pub(crate) static TOO_MANY_CONNECTIONS: LossKind = LossKind {
    name: "pcap_too_many_connections",
    severity: Severity::Warning,
    doc: "More connections were open at a time than are followed; those idle longest were given up.",
};

/// Nothing on the broker's port.
pub(crate) static NO_REQUESTS: LossKind = LossKind {
    name: "pcap_no_requests",
    severity: Severity::Error,
    doc: "No Kafka request was found: if the broker listens on a port that was not looked at, name it \
          with --kafka-port; if its traffic is encrypted or was captured in one direction only, \
          capture it where it is plain and whole.",
};

/// Ports of other TCP traffic that are counted, to name them when nothing was found.
const PORTS_COUNTED: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    client: Endpoint,
    server: Endpoint,
}

/// The connections of a capture, and everything their packets become.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) ports: Ports,
    /// Slots by the client's address and port: more than one when it is seen in several views.
    by_client: HashMap<Endpoint, Vec<usize>>,
    by_key: HashMap<Key, usize>,
    slots: Vec<Option<Box<Connection>>>,
    free: Vec<usize>,
    most: usize,
    buffer_bytes: usize,
    ids: RowIds,
    pub(crate) shared: Shared,
    other_ports: Vec<(u16, u64)>,
    reconnects: Reconnects,
    not_read: PacketsNotRead,
    /// Whether tunnels in UDP were seen, so that fragments of datagrams are of interest.
    has_datagrams: bool,
    /// How the capture's files follow each other.
    pub(crate) file_times: FileTimes,
    pub(crate) merge: Merge,
    pub(crate) longest_cut: usize,
    /// Messages that were exported without their packets.
    pub(crate) exported_pdus: u64,
}

impl Connections {
    pub(crate) fn new(source: SourceId, options: &PcapOptions) -> Self {
        let merge = Merge::new(&options.file_starts, options.merge_bytes);
        Self {
            ports: Ports::new(&options.kafka_ports),
            by_client: HashMap::new(),
            by_key: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            most: options.connections.max(1),
            buffer_bytes: options.buffer_bytes,
            ids: source.row_ids(),
            shared: Shared::new(source, options),
            other_ports: Vec::new(),
            reconnects: Reconnects::default(),
            not_read: PacketsNotRead::default(),
            has_datagrams: false,
            file_times: FileTimes::new(merge.is_merging()),
            merge,
            longest_cut: 0,
            exported_pdus: 0,
        }
    }

    /// Takes a packet; what is not a TCP segment is counted or of no interest.
    #[inline]
    pub(crate) fn packet(&mut self, packet: &Packet<'_>) {
        match segment_of_frame(packet.link_type, packet.data, packet.original_bytes) {
            Ok(segment) => {
                if segment.is_fragment {
                    self.fragment(packet);
                }
                self.has_datagrams |= segment.is_in_udp | segment.is_fragment;
                self.segment(&segment, packet);
            }
            Err(NoSegment::NotTcp) => {}
            Err(no_segment) => self.no_segment(no_segment, packet),
        }
    }

    #[cold]
    fn no_segment(&mut self, no_segment: NoSegment, packet: &Packet<'_>) {
        let detail = match no_segment {
            NoSegment::NotTcp => return,
            NoSegment::NotRead(kind) => {
                self.not_read.count(kind, packet.position, packet.time);
                return;
            }
            NoSegment::Fragment => return self.fragment(packet),
            NoSegment::UdpFragment if self.has_datagrams => return self.fragment(packet),
            NoSegment::UdpFragment => return,
            NoSegment::Cut => format!("cut after {} bytes, in its headers", packet.data.len()),
            NoSegment::Malformed(message) => message.into(),
        };
        self.lose_packet(&BAD_PACKET, packet, detail);
    }

    #[cold]
    fn fragment(&mut self, packet: &Packet<'_>) {
        self.lose_packet(&IP_FRAGMENT, packet, "a fragment".into());
    }

    fn lose_packet(&mut self, kind: &'static LossKind, packet: &Packet<'_>, detail: String) {
        self.shared.losses.record_many(
            kind,
            1,
            Position::Byte(packet.position),
            Some((packet.time, packet.time)),
            || detail,
        );
    }

    #[inline]
    fn segment(&mut self, segment: &Segment<'_>, packet: &Packet<'_>) {
        let to_broker = self.ports.contains(segment.destination.port);
        let from_broker = self.ports.contains(segment.source.port);
        let from_client = match (to_broker, from_broker) {
            (true, false) => true,
            (false, true) => false,
            (false, false) => {
                self.elsewhere(segment, packet);
                return;
            }
            // Both ends have a broker's port: whoever is known as the client is, else whoever
            // speaks first.
            (true, true) => {
                let is_answer = segment.syn && segment.acknowledgment.is_some();
                let is_known = self.by_key.contains_key(&Key {
                    client: segment.destination,
                    server: segment.source,
                });
                !is_answer && !is_known
            }
        };
        if segment.cut > 0 {
            self.longest_cut = self.longest_cut.max(packet.data.len());
        }
        let key = if from_client {
            Key {
                client: segment.source,
                server: segment.destination,
            }
        } else {
            Key {
                client: segment.destination,
                server: segment.source,
            }
        };
        let Some(slot) = self.slot(key, segment, from_client, packet) else {
            return;
        };
        let Some(Some(connection)) = self.slots.get_mut(slot) else {
            return;
        };
        let (time, position) = (packet.time, packet.position);
        if segment.is_message {
            self.exported_pdus = self.exported_pdus.saturating_add(1);
            connection.message(segment, from_client, time, position, &mut self.shared);
        } else {
            connection.segment(segment, from_client, time, position, &mut self.shared);
            if (segment.fin || segment.rst)
                && let Some(ended) = connection.ended()
            {
                self.reconnects.ended(key.client, key.server, ended);
            }
        }
        if self.shared.held_bytes > self.buffer_bytes {
            self.relieve();
        }
    }

    /// The connection of a segment, which is made when the segment can begin one.
    #[inline]
    fn slot(
        &mut self,
        key: Key,
        segment: &Segment<'_>,
        from_client: bool,
        packet: &Packet<'_>,
    ) -> Option<usize> {
        let position = packet.position;
        let found = self.by_key.get(&key).copied();
        if let Some(slot) = found {
            let connection = self.slots.get_mut(slot)?.as_mut()?;
            if !connection.is_another(segment, from_client) {
                return Some(slot);
            }
            connection.leave(reason::CONNECTION_CLOSED, &mut self.shared);
        } else if segment.rst || !(segment.syn || !segment.payload.is_empty() || segment.cut > 0) {
            return None;
        }
        if found.is_none() && self.by_key.len() >= self.most {
            self.forget_idle(position);
        }
        let is_seen_better = self.is_seen_better(key, segment, from_client, packet);
        let mut connection = Box::new(Connection::new(
            self.ids.next(),
            key.client,
            key.server,
            position,
        ));
        if is_seen_better {
            connection.discard(&mut self.shared);
        } else if segment.syn {
            connection.follows(self.reconnects.of(key.client, key.server));
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
        self.by_key.insert(key, slot);
        let views = self.by_client.entry(key.client).or_default();
        if !views.contains(&slot) {
            views.push(slot);
        }
        Some(slot)
    }

    /// Whether a connection that begins with this segment is the same as one that is known, and that
    /// one is the better view. When the new one is better, the known one is given up.
    fn is_seen_better(
        &mut self,
        key: Key,
        segment: &Segment<'_>,
        from_client: bool,
        packet: &Packet<'_>,
    ) -> bool {
        let Some(views) = self.by_client.get(&key.client) else {
            return false;
        };
        for &slot in views {
            let Some(Some(other)) = self.slots.get_mut(slot) else {
                continue;
            };
            let (client, server) = other.ends();
            if client != key.client || server == key.server {
                continue;
            }
            let view = other.view(segment, from_client, packet.time);
            if view == View::Other {
                continue;
            }
            let (kept, left) = match view {
                View::Nearer => (key.server, server),
                _ => (server, key.server),
            };
            self.shared.losses.record_many(
                &SECOND_VIEW,
                1,
                Position::Byte(packet.position),
                Some((packet.time, packet.time)),
                || format!("{client} → {kept} is also seen as → {left}; the first is kept"),
            );
            if view == View::Nearer {
                other.discard(&mut self.shared);
                return false;
            }
            return true;
        }
        false
    }

    /// A segment between ports that are not known to be a broker's.
    fn elsewhere(&mut self, segment: &Segment<'_>, packet: &Packet<'_>) {
        self.count_port(segment);
        if !self.ports.are_sought() {
            return;
        }
        let bytes = packet.data.len();
        let kept = self
            .ports
            .look_into(segment, packet.time, packet.position, bytes);
        for kept in kept {
            let packet = Packet {
                time: kept.time,
                link_type: packet.link_type,
                data: packet.data.get(..kept.packet_bytes).unwrap_or(packet.data),
                original_bytes: kept.packet_bytes,
                position: kept.position,
            };
            self.segment(&kept.segment(), &packet);
        }
    }

    fn count_port(&mut self, segment: &Segment<'_>) {
        let port = segment.source.port.min(segment.destination.port);
        let known = self
            .other_ports
            .iter_mut()
            .find(|(known, _)| *known == port);
        if let Some((_, count)) = known {
            *count = count.saturating_add(1);
        } else if self.other_ports.len() < PORTS_COUNTED {
            self.other_ports.push((port, 1));
        }
    }

    fn forget_idle(&mut self, position: u64) {
        let ages = self.oldest(|connection| Some(connection.last_time));
        // A quarter at a time, so that the work is spread.
        let count = ages.len().div_ceil(4);
        for &(_, slot) in ages.iter().take(count) {
            self.forget(slot, position);
        }
    }

    fn forget(&mut self, slot: usize, position: u64) {
        let Some(place) = self.slots.get_mut(slot) else {
            return;
        };
        let Some(mut connection) = place.take() else {
            return;
        };
        if !connection.is_closed() {
            let ends = connection.name();
            self.shared
                .losses
                .record(&TOO_MANY_CONNECTIONS, Position::Byte(position), || {
                    ends.to_string()
                });
        }
        connection.leave(reason::CAPTURE_GAP, &mut self.shared);
        let (client, server) = connection.ends();
        self.by_key.remove(&Key { client, server });
        if let Some(views) = self.by_client.get_mut(&client) {
            views.retain(|&view| view != slot);
            if views.is_empty() {
                self.by_client.remove(&client);
            }
        }
        self.free.push(slot);
    }

    /// Too much is held: gives up the oldest until a quarter is free, bytes before requests.
    fn relieve(&mut self) {
        let target = self.buffer_bytes / 4 * 3;
        for (_, slot) in self.oldest(Connection::held_since) {
            if self.shared.held_bytes <= target {
                return;
            }
            if let Some(Some(connection)) = self.slots.get_mut(slot) {
                connection.give_up_held(&mut self.shared);
            }
        }
        for (_, slot) in self.oldest(Connection::waiting_since) {
            if self.shared.held_bytes <= target {
                return;
            }
            if let Some(Some(connection)) = self.slots.get_mut(slot) {
                connection.give_up_waiting(&mut self.shared);
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
    pub(crate) fn finish(&mut self) {
        for connection in self.slots.iter_mut().flatten() {
            connection.leave(reason::OPEN_AT_END, &mut self.shared);
        }
        self.not_read.report(&mut self.shared.losses);
        self.file_times.report(&mut self.shared.losses);
        if self.shared.requests_seen == 0 {
            let mut seen = self.other_ports.clone();
            seen.sort_unstable_by_key(|&(port, count)| (std::cmp::Reverse(count), port));
            let seen: Vec<String> = seen
                .iter()
                .take(5)
                .map(|(port, count)| format!("{port} ({count} packets)"))
                .collect();
            let ports = self.ports.known().iter();
            let ports: Vec<String> = ports.map(u16::to_string).collect();
            self.shared
                .losses
                .record(&NO_REQUESTS, Position::Whole, || {
                    format!(
                        "looked at port {}{}; other TCP ports in the capture: {}",
                        ports.join(", "),
                        if self.ports.are_sought() {
                            " and for Kafka on all others"
                        } else {
                            ""
                        },
                        if seen.is_empty() {
                            "none".to_owned()
                        } else {
                            seen.join(", ")
                        }
                    )
                });
        }
    }
}

/// Packets on their way to the connections, with the place where full batches go.
pub(crate) struct Ingest<'a> {
    pub(crate) connections: &'a mut Connections,
    pub(crate) output: &'a mut dyn Output,
}

impl Ingest<'_> {
    #[inline]
    fn read(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        self.connections.packet(packet);
        if self.connections.shared.rows.are_full() {
            self.connections.shared.rows.yield_full(self.output)?;
        }
        Ok(())
    }

    /// A packet of a file that covers the same time as others.
    #[cold]
    fn merged(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        let connections = &mut *self.connections;
        connections
            .merge
            .hold(packet, &mut connections.shared.losses);
        self.release(packet.time)
    }

    /// Reads what is held up to a time.
    pub(crate) fn release(&mut self, time: i64) -> Result<(), Error> {
        while let Some(held) = self.connections.merge.release(time) {
            self.read(&held.packet())?;
        }
        Ok(())
    }
}

impl PacketSink for Ingest<'_> {
    #[inline]
    fn packet(&mut self, packet: Packet<'_>) -> Result<(), Error> {
        let connections = &mut *self.connections;
        connections
            .file_times
            .packet(packet.time, packet.position, &mut connections.shared.losses);
        if !connections.merge.is_next(packet.time) {
            return self.merged(&packet);
        }
        self.read(&packet)
    }

    fn losses(&mut self) -> &mut LossLedger {
        &mut self.connections.shared.losses
    }
}
