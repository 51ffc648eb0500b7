//! The body of PushTelemetry requests: the metrics of a client, compressed by one of the codecs of record batches.

use kcorr_kafka::{Codec, Reader};
use kcorr_model::{LossKind, Severity};

use super::Request;
use super::telemetry::Telemetry;
use super::walker::{BodyContext, Unit};

/// Metrics that cannot be read.
pub(crate) static TELEMETRY_UNREAD: LossKind = LossKind {
    name: "pcap_telemetry_unread",
    severity: Severity::Info,
    doc: "The metrics that a client pushed to the broker (PushTelemetry) cannot be read: they are larger than 1 MiB, or 256 KiB \
          decompressed, of an unknown codec, or damaged.",
};

/// More than brokers take (`telemetry.max.bytes`).
const MOST_BYTES: u32 = 1 << 20;
/// A point of two bytes, which has nothing in it, takes some 150 when it is read: of these come 20 MiB at most.
const MOST_PLAIN_BYTES: usize = 256 << 10;

/// Walks the body of PushTelemetry. What it finds is put into [`Request::telemetry`].
#[derive(Debug, Default)]
pub(crate) struct PushTelemetry {
    is_read: bool,
}

impl PushTelemetry {
    /// The only version that there is, whose lengths are compact.
    pub(crate) const VERSION: i16 = 0;

    pub(super) fn unit(
        &mut self,
        reader: &mut Reader<'_>,
        request: &mut Request,
        context: &mut BodyContext<'_>,
    ) -> Unit {
        if self.is_read {
            return Ok(None);
        }
        let instance = reader.array::<16>()?;
        let (_subscription, _is_last) = (reader.i32()?, reader.i8()?);
        let codec = Codec::from_attributes(i16::from(reader.i8()?));
        let length = reader.bytes_length(true)?.unwrap_or(0);
        let lost = if length > MOST_BYTES {
            format!("{length} bytes")
        } else {
            let bytes = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            let read = codec
                .ok_or_else(|| "an unknown codec".to_owned())
                .and_then(|codec| {
                    let plain = context.decompressor.decompress(codec, bytes);
                    let plain = plain.map_err(|error| error.to_string())?;
                    if plain.len() > MOST_PLAIN_BYTES {
                        return Err(format!("{} bytes, decompressed", plain.len()));
                    }
                    Telemetry::read(instance, plain).map_err(|error| error.to_string())
                });
            match read {
                Ok(telemetry) => {
                    request.telemetry = Some(Box::new(telemetry));
                    String::new()
                }
                Err(why) => why,
            }
        };
        if !lost.is_empty() {
            context
                .losses
                .record(&TELEMETRY_UNREAD, context.position, || lost);
        }
        self.is_read = true;
        Ok(Some(0))
    }
}
