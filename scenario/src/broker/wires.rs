//! The TCP connections: what goes over them, cut into packets. Sequence numbers are given later, in the
//! order of time (see `recordings::pcap`).

use crate::history::{Packet, Time};

const MAX_PAYLOAD: usize = 1448;
pub(crate) const SYN: u8 = 2;
const PUSH: u8 = 8;
const ACK: u8 = 16;

/// The packets of all connections.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    pub(crate) packets: Vec<Packet>,
    connections: usize,
}

impl Wires {
    /// Opens the next connection.
    pub(crate) fn open(&mut self, time: Time) {
        let connection = self.connections;
        self.connections += 1;
        self.push(time - 90_000, connection, true, SYN, Vec::new());
        self.push(time - 80_000, connection, false, SYN | ACK, Vec::new());
        self.push(time - 50_000, connection, true, ACK, Vec::new());
    }

    /// Sends a message; its last packet leaves at `last`. Answers that time.
    pub(crate) fn send(
        &mut self,
        connection: usize,
        from_client: bool,
        first: Time,
        last: Time,
        message: &[u8],
    ) -> Time {
        let mut cuts: Vec<usize> = (0..message.len()).step_by(MAX_PAYLOAD).collect();
        // What leaves slowly is cut in two at least.
        if cuts.len() == 1 && last > first && message.len() > 8 {
            cuts.push(message.len() / 2);
        }
        cuts.push(message.len());
        let count = cuts.len() - 1;
        let pace = 2_000;
        let last = last.max(first + pace * (count as i64 - 1));
        for (index, cut) in cuts.windows(2).enumerate() {
            let time = if index + 1 == count {
                last
            } else {
                first + pace * index as i64
            };
            let payload = message[cut[0]..cut[1]].to_vec();
            self.push(time, connection, from_client, PUSH | ACK, payload);
        }
        self.push(last + 40_000, connection, !from_client, ACK, Vec::new());
        last
    }

    fn push(
        &mut self,
        time: Time,
        connection: usize,
        from_client: bool,
        flags: u8,
        payload: Vec<u8>,
    ) {
        self.packets.push(Packet {
            time,
            connection,
            from_client,
            flags,
            payload,
        });
    }
}
