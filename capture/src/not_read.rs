//! Packets of kinds that are not read: counted by kind, so that none is passed over in silence.

use kcorr_model::{LossKind, LossLedger, Position, Severity};

use crate::network::NotRead;

/// Packets of a link layer that is not read.
pub(crate) static UNSUPPORTED_LINK: LossKind = LossKind {
    name: "pcap_unsupported_link",
    severity: Severity::Error,
    doc: "Packets of a link-layer type that is not read. What is read: Ethernet, Linux cooked v1 and \
          v2, raw IP, null/loopback, PPP, PPPoE, Cisco HDLC, MPLS, NFLOG, PKTAP, PPI, pflog, enc and \
          exported PDUs.",
};

/// Packets that may have held TCP.
pub(crate) static NOT_READ: LossKind = LossKind {
    name: "pcap_packets_not_read",
    severity: Severity::Warning,
    doc: "Packets of tunnels and protocols that are encrypted or not read: if traffic of the broker \
          goes through them, it is missing; capture it where it is plain (on the broker's own \
          interface, or with -i any).",
};

/// Kinds that are counted one by one; what is beyond is counted together.
const MOST_KINDS: usize = 64;

#[derive(Debug)]
struct Counted {
    kind: NotRead,
    count: u64,
    position: u64,
    times: (i64, i64),
}

/// Counts by kind.
#[derive(Debug, Default)]
pub struct PacketsNotRead {
    kinds: Vec<Counted>,
}

impl PacketsNotRead {
    /// Counts a packet.
    pub fn count(&mut self, kind: NotRead, position: u64, time: i64) {
        let known = self.kinds.iter_mut().find(|counted| counted.kind == kind);
        if let Some(counted) = known {
            counted.count = counted.count.saturating_add(1);
            counted.times = (counted.times.0.min(time), counted.times.1.max(time));
        } else if self.kinds.len() < MOST_KINDS {
            self.kinds.push(Counted {
                kind,
                count: 1,
                position,
                times: (time, time),
            });
        } else if kind != NotRead::TooDeep {
            self.count(NotRead::TooDeep, position, time);
        }
    }

    /// Makes losses of what was counted.
    pub fn report(&mut self, losses: &mut LossLedger) {
        let kinds = std::mem::take(&mut self.kinds);
        for (loss, is_link) in [(&UNSUPPORTED_LINK, true), (&NOT_READ, false)] {
            let of_loss = || {
                kinds
                    .iter()
                    .filter(|counted| matches!(counted.kind, NotRead::Link(_)) == is_link)
            };
            let names: Vec<String> = of_loss()
                .map(|counted| format!("{} × {}", counted.count, counted.kind))
                .collect();
            let names = names.join(", ");
            for counted in of_loss() {
                losses.record_many(
                    loss,
                    counted.count,
                    Position::Byte(counted.position),
                    Some(counted.times),
                    || names.clone(),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_named_with_its_count() {
        let mut packets = PacketsNotRead::default();
        for time in [5, 3, 9] {
            packets.count(NotRead::Esp, 100, time);
        }
        packets.count(NotRead::Ethertype(0x88e5), 200, 4);
        packets.count(NotRead::Link(147), 300, 6);
        let mut losses = LossLedger::default();
        packets.report(&mut losses);
        let losses = losses.into_losses();
        let told: Vec<(&str, u64, &str)> = losses
            .iter()
            .map(|loss| (loss.kind.name, loss.count, loss.detail.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "pcap_packets_not_read",
                    4,
                    "3 × IPsec ESP (encrypted), 1 × ethertype 0x88e5 (MACsec: encrypted)"
                ),
                ("pcap_unsupported_link", 1, "1 × link type 147"),
            ]
        );
        assert_eq!(losses[0].time_range, Some((3, 9)));
    }
}
