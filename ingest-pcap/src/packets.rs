//! What becomes of a capture's packets: those between clients and brokers are read, others are counted or of no
//! interest.

use kcorr_capture::{
    FileTimes, Merge, NoSegment, Packet, PacketSink, PacketsNotRead, Segment, segment_of_frame,
};
use kcorr_model::{Error, LossKind, LossLedger, Output, Position, Severity, SourceId};
use kcorr_tls::KeyLogReader;

use crate::PcapOptions;
use crate::connections::{Connections, Ends};
use crate::ports::Ports;
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

/// Nothing on the broker's port.
pub(crate) static NO_REQUESTS: LossKind = LossKind {
    name: "pcap_no_requests",
    severity: Severity::Error,
    doc: "No Kafka request was found: if the broker listens on a port that was not looked at, name it \
          with --kafka-port; if its traffic is encrypted, give the key log with --tls-keys; if it was \
          captured in one direction only, capture it where it is whole.",
};

/// Ports of other TCP traffic that are counted, to name them when nothing was found.
const PORTS_COUNTED: usize = 64;

/// The packets of a capture, and everything they become.
#[derive(Debug)]
pub(crate) struct Packets {
    pub(crate) ports: Ports,
    pub(crate) connections: Connections,
    pub(crate) shared: Shared,
    other_ports: Vec<(u16, u64)>,
    not_read: PacketsNotRead,
    /// Whether tunnels in UDP were seen, so that fragments of datagrams are of interest.
    has_datagrams: bool,
    /// How the capture's files follow each other.
    pub(crate) file_times: FileTimes,
    pub(crate) merge: Merge,
    pub(crate) longest_cut: usize,
}

impl Packets {
    pub(crate) fn new(source: SourceId, options: &PcapOptions) -> Self {
        let merge = Merge::new(&options.file_starts, options.merge_bytes);
        Self {
            ports: Ports::new(&options.kafka_ports),
            connections: Connections::new(source, options),
            shared: Shared::new(source, options),
            other_ports: Vec::new(),
            not_read: PacketsNotRead::default(),
            has_datagrams: false,
            file_times: FileTimes::new(merge.is_merging()),
            merge,
            longest_cut: 0,
        }
    }

    /// Takes a packet; what is not a TCP segment is counted or of no interest.
    #[inline]
    fn packet(&mut self, packet: &Packet<'_>) {
        // Read in place: a segment is large.
        match &segment_of_frame(packet.link_type, packet.data, packet.original_bytes) {
            Ok(segment) => {
                if segment.is_fragment {
                    self.fragment(packet);
                }
                self.has_datagrams |= segment.is_in_udp | segment.is_fragment;
                self.segment(segment, packet);
            }
            Err(NoSegment::NotTcp) => {}
            Err(no_segment) => self.no_segment(no_segment, packet),
        }
    }

    #[cold]
    fn no_segment(&mut self, no_segment: &NoSegment, packet: &Packet<'_>) {
        let detail = match no_segment {
            NoSegment::NotTcp => return,
            NoSegment::NotRead(kind) => {
                self.not_read.count(*kind, packet.position, packet.time);
                return;
            }
            NoSegment::Fragment => return self.fragment(packet),
            NoSegment::UdpFragment if self.has_datagrams => return self.fragment(packet),
            NoSegment::UdpFragment => return,
            NoSegment::Cut => format!("cut after {} bytes, in its headers", packet.data.len()),
            NoSegment::Malformed(message) => (*message).into(),
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
        let is_to = self.ports.contains(segment.destination.port);
        let is_from = self.ports.contains(segment.source.port);
        let from_client = match (is_to, is_from) {
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
                !is_answer && !self.connections.contains(Ends::of(segment, false))
            }
        };
        if segment.cut > 0 {
            self.longest_cut = self.longest_cut.max(packet.data.len());
        }
        self.connections
            .segment(segment, from_client, packet, &mut self.shared);
    }

    /// A segment between ports that are not known to be a broker's.
    fn elsewhere(&mut self, segment: &Segment<'_>, packet: &Packet<'_>) {
        self.count_port(segment);
        if !self.ports.are_sought() {
            return;
        }
        let (bytes, keys) = (packet.data.len(), &self.shared.tls_keys);
        let kept = self
            .ports
            .look_into(segment, packet.time, packet.position, bytes, keys);
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

    /// The capture ends.
    pub(crate) fn finish(&mut self) {
        self.connections.finish(&mut self.shared);
        let shared = &mut self.shared;
        shared
            .tls_unread
            .tell(&shared.tls_keys, shared.is_encrypted, &mut shared.losses);
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

/// Where a capture's packets go, with the place where full batches go.
pub(crate) struct Ingest<'a> {
    pub(crate) packets: &'a mut Packets,
    pub(crate) output: &'a mut dyn Output,
}

impl Ingest<'_> {
    #[inline]
    fn read(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        self.packets.packet(packet);
        if self.packets.shared.rows.are_full() {
            self.packets.shared.rows.yield_full(self.output)?;
        }
        Ok(())
    }

    /// A packet of a file that covers the same time as others.
    #[cold]
    fn merged(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        let packets = &mut *self.packets;
        packets.merge.hold(packet, &mut packets.shared.losses);
        self.release(packet.time)
    }

    /// Reads what is held up to a time.
    pub(crate) fn release(&mut self, time: i64) -> Result<(), Error> {
        while let Some(held) = self.packets.merge.release(time) {
            self.read(&held.packet())?;
        }
        Ok(())
    }
}

impl PacketSink for Ingest<'_> {
    fn tls_secrets(&mut self, key_log: &[u8], position: u64) {
        let name = format!("the secrets block at byte {position}");
        let mut reader = KeyLogReader::new(name, &self.packets.shared.tls_keys);
        reader.push(key_log);
        reader.pause();
    }

    #[inline]
    fn packet(&mut self, packet: Packet<'_>) -> Result<(), Error> {
        let packets = &mut *self.packets;
        packets
            .file_times
            .packet(packet.time, packet.position, &mut packets.shared.losses);
        if !packets.merge.is_next(packet.time) {
            return self.merged(&packet);
        }
        self.read(&packet)
    }

    fn losses(&mut self) -> &mut LossLedger {
        &mut self.packets.shared.losses
    }
}
