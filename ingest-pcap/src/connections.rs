//! All connections to the brokers of a capture.

use hashbrown::HashMap;
use kcorr_model::{Error, LossKind, LossLedger, Output, Position, RowIds, Severity, SourceId};

use crate::PcapOptions;
use crate::capture::{Packet, PacketSink};
use crate::connection::{Connection, reason};
use crate::network::{Endpoint, NoSegment, Segment, segment_of_frame};
use crate::not_read::PacketsNotRead;
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
    doc: "No Kafka request was found on the broker's ports; if the broker listens on another port, \
          name it with --kafka-port.",
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
    ports: Vec<u16>,
    by_key: HashMap<Key, usize>,
    slots: Vec<Option<Box<Connection>>>,
    free: Vec<usize>,
    most: usize,
    buffer_bytes: usize,
    ids: RowIds,
    pub(crate) shared: Shared,
    other_ports: Vec<(u16, u64)>,
    not_read: PacketsNotRead,
    /// Whether tunnels in UDP were seen, so that fragments of datagrams are of interest.
    has_datagrams: bool,
    pub(crate) longest_cut: usize,
    /// Messages that were exported without their packets.
    pub(crate) exported_pdus: u64,
}

impl Connections {
    pub(crate) fn new(source: SourceId, options: &PcapOptions) -> Self {
        Self {
            ports: options.kafka_ports.clone(),
            by_key: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            most: options.connections.max(1),
            buffer_bytes: options.buffer_bytes,
            ids: source.row_ids(),
            shared: Shared::new(source, options),
            other_ports: Vec::new(),
            not_read: PacketsNotRead::default(),
            has_datagrams: false,
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
        let to_broker = self.ports.contains(&segment.destination.port);
        let from_broker = self.ports.contains(&segment.source.port);
        let from_client = match (to_broker, from_broker) {
            (true, false) => true,
            (false, true) => false,
            (false, false) => {
                self.count_port(segment);
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
        let Some(slot) = self.slot(key, segment, from_client, packet.position) else {
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
        position: u64,
    ) -> Option<usize> {
        let found = self.by_key.get(&key).copied();
        if let Some(slot) = found {
            let connection = self.slots.get_mut(slot)?.as_mut()?;
            if !connection.is_another(segment, from_client) {
                return Some(slot);
            }
            connection.close(reason::CONNECTION_CLOSED, &mut self.shared);
        } else if segment.rst || !(segment.syn || !segment.payload.is_empty() || segment.cut > 0) {
            return None;
        }
        if found.is_none() && self.by_key.len() >= self.most {
            self.forget_idle(position);
        }
        let connection = Box::new(Connection::new(
            self.ids.next(),
            key.client,
            key.server,
            position,
        ));
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
        Some(slot)
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
        connection.close(reason::CAPTURE_GAP, &mut self.shared);
        let (client, server) = connection.ends();
        self.by_key.remove(&Key { client, server });
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
            connection.close(reason::OPEN_AT_END, &mut self.shared);
        }
        self.not_read.report(&mut self.shared.losses);
        if self.shared.requests_seen == 0 {
            let mut seen = self.other_ports.clone();
            seen.sort_unstable_by_key(|&(port, count)| (std::cmp::Reverse(count), port));
            let seen: Vec<String> = seen
                .iter()
                .take(5)
                .map(|(port, count)| format!("{port} ({count} packets)"))
                .collect();
            let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
            self.shared
                .losses
                .record(&NO_REQUESTS, Position::Whole, || {
                    format!(
                        "looked at port {}; other TCP ports in the capture: {}",
                        ports.join(", "),
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

impl PacketSink for Ingest<'_> {
    #[inline]
    fn packet(&mut self, packet: Packet<'_>) -> Result<(), Error> {
        self.connections.packet(&packet);
        if self.connections.shared.rows.are_full() {
            self.connections.shared.rows.yield_full(self.output)?;
        }
        Ok(())
    }

    fn losses(&mut self) -> &mut LossLedger {
        &mut self.connections.shared.losses
    }
}
