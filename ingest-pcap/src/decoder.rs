//! The decoder of captures.

use kcorr_capture::CaptureReader;
use kcorr_model::{ClockKind, Decoder, Error, Limit, Output, SourceId, Summary};

use crate::PcapOptions;
use crate::packets::{Ingest, Packets};

/// Turns a capture of Kafka traffic into rows of `requests`, `request_partitions`, `topics`,
/// `tcp_connections`, `tcp_stretches` and `encrypted_turns`.
///
/// Files of a rotated capture are decoded as one, with [`Decoder::next_file`] between them. The
/// caller decompresses captures that are compressed as a whole.
#[derive(Debug)]
pub struct PcapDecoder {
    capture: CaptureReader,
    packets: Packets,
    files: u32,
}

impl PcapDecoder {
    /// A decoder for one capture.
    pub fn new(source: SourceId, options: PcapOptions) -> Self {
        Self {
            capture: CaptureReader::new(),
            packets: Packets::new(source, &options),
            files: 1,
        }
    }

    /// Yields the rows that are held for a larger batch, for a capture that is read while it is made. What is
    /// yielded, and its ids, are the same at the end.
    ///
    /// # Errors
    /// When the output takes none.
    pub fn yield_rows(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.packets.shared.rows.yield_all(output)
    }
}

impl Decoder for PcapDecoder {
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        self.capture.push(
            bytes,
            &mut Ingest {
                packets: &mut self.packets,
                output,
            },
        )
    }

    fn next_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.files = self.files.saturating_add(1);
        self.capture.end_file(&mut Ingest {
            packets: &mut self.packets,
            output,
        })?;
        self.packets.file_times.next_file();
        self.packets.merge.next_file();
        Ok(())
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        let mut ingest = Ingest {
            packets: &mut self.packets,
            output: &mut *output,
        };
        self.capture.end_file(&mut ingest)?;
        ingest.packets.merge.end();
        ingest.release(i64::MAX)?;
        self.packets.finish();
        self.packets.shared.rows.yield_all(output)?;
        let mut limits = Vec::new();
        if self.packets.longest_cut > 0 {
            limits.push(Limit {
                name: "snap_length_bytes".into(),
                value: i64::try_from(self.packets.longest_cut).unwrap_or(i64::MAX),
                detail:
                    "Packets were cut to this length: what stood behind it (partitions, message \
                         ids, further requests) may be missing."
                        .into(),
            });
        }
        if self.packets.connections.exported_pdus > 0 {
            limits.push(Limit {
                name: "exported_pdus".into(),
                value: i64::try_from(self.packets.connections.exported_pdus).unwrap_or(i64::MAX),
                detail:
                    "Messages were exported without their packets: each has the time of the packet \
                         that completed it, so times of first and last bytes are the same, and a \
                         request's latency begins when it was sent whole."
                        .into(),
            });
        }
        let mut format = self.capture.description();
        if self.packets.ports.are_sought() {
            let mut ports = self.packets.shared.ports_seen.clone();
            ports.sort_unstable();
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            match ports.len() {
                0 => {}
                // Kafka's own port is no finding.
                1 if ports == ["9092"] => {}
                1 => format = format!("{format}, port {} (found)", ports.join("")),
                _ => format = format!("{format}, ports {} (found)", ports.join(", ")),
            }
        }
        if self.files > 1 {
            format = format!("{format}, {} files", self.files);
        }
        Ok(Summary {
            format,
            clock: ClockKind::Realtime,
            anchors: Vec::new(),
            losses: std::mem::take(&mut self.packets.shared.losses).into_losses(),
            limits,
        })
    }
}
