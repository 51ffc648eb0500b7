//! When a capture file begins, told from its first bytes: files of one capture are put in order by it.

use kcorr_model::{Error, LossLedger, Position};

use super::{CaptureReader, Packet, PacketSink};

/// The time of the first packet in `head`, the first bytes of a file, ns since 1970; `None` when they
/// hold no whole packet or are of no capture.
pub fn first_time(head: &[u8]) -> Option<i64> {
    let mut first = First::default();
    // It ends at the first packet, with an error that is nobody's.
    let mut reader = CaptureReader::new();
    if reader.push(head, &mut first).is_ok() && first.time.is_none() {
        // A file of one packet: nothing follows by which it could be checked.
        let _ = reader.end_file(&mut first);
    }
    first.time
}

#[derive(Default)]
struct First {
    time: Option<i64>,
    losses: LossLedger,
}

impl PacketSink for First {
    fn packet(&mut self, packet: Packet<'_>) -> Result<(), Error> {
        self.time = Some(packet.time);
        Err(Error::unsupported(Position::Whole, "the first is enough"))
    }

    fn losses(&mut self) -> &mut LossLedger {
        &mut self.losses
    }
}
