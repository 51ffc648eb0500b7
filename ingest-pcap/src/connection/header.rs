//! Length prefixes and headers of messages, and whether bytes look like one.
//!
//! Source: Kafka protocol guide, "Request header" and "Response header". Request headers of every
//! version but 0 hold key, version, correlation id and client id in the same form; version 0 (only
//! ControlledShutdown 0) has no client id.

use kcorr_kafka::{Reader, Stop};

use crate::message::api;

/// Longer messages are taken for lost framing: five times the default of
/// `socket.request.max.bytes`.
pub(super) const LONGEST_MESSAGE: u32 = 512 << 20;

/// Client ids are longer than this in no installation.
const LONGEST_CLIENT_ID: usize = 4096;

/// A request's header, read.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestHeader<'a> {
    pub(super) api_key: i16,
    pub(super) api_version: i16,
    pub(super) correlation_id: i32,
    pub(super) client_id: Option<&'a str>,
}

impl<'a> RequestHeader<'a> {
    /// Reads the header behind the length prefix.
    #[inline]
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Stop> {
        let api_key = reader.i16()?;
        let api_version = reader.i16()?;
        let correlation_id = reader.i32()?;
        let fixed = Self {
            api_key,
            api_version,
            correlation_id,
            client_id: None,
        };
        if !fixed.is_possible() {
            return Err(Stop::Malformed("no API has this key and version"));
        }
        let client_id = if api_key == api::CONTROLLED_SHUTDOWN && api_version == 0 {
            None
        } else {
            match usize::try_from(reader.i16()?) {
                Err(_) => None,
                Ok(length) if length > LONGEST_CLIENT_ID => {
                    return Err(Stop::Malformed("the client id is too long"));
                }
                Ok(length) => Some(
                    std::str::from_utf8(reader.take(length)?)
                        .map_err(|_| Stop::Malformed("the client id is not UTF-8"))?,
                ),
            }
        };
        Ok(Self { client_id, ..fixed })
    }

    /// Whether an API may have this key and version. Keys of vendors' own are from 10,000 on.
    #[inline]
    pub(super) fn is_possible(&self) -> bool {
        self.api_key >= 0 && (0..128).contains(&self.api_version)
    }

    /// Whether it may be a request where none is expected: its API is known.
    fn is_likely(&self) -> bool {
        api::name(self.api_key).is_some()
            && self.api_version <= 40
            && self
                .client_id
                .is_none_or(|id| !id.chars().any(char::is_control))
    }
}

/// What bytes at a possible message start look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Not a message.
    No,
    /// Too few bytes to tell: so many are needed.
    Short(usize),
    /// A message of this size, prefix included.
    Message { bytes: u64, evidence: Evidence },
}

/// How much speaks for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Numbers that are possible: zeros and small numbers in a payload may be that too.
    Weak,
    /// A client id, or a correlation id that is waited for.
    Fair,
    /// The connection's own client id.
    Sure,
}

/// Whether `bytes` begin like a request.
pub(super) fn request_likeness(bytes: &[u8], client_id: Option<&str>) -> Likeness {
    let Some(prefix) = bytes.first_chunk::<4>() else {
        return Likeness::Short(4);
    };
    let length = u32::from_be_bytes(*prefix);
    if !(8..=LONGEST_MESSAGE).contains(&length) {
        return Likeness::No;
    }
    let mut reader = Reader::new(bytes.get(4..).unwrap_or_default());
    match RequestHeader::read(&mut reader) {
        Err(Stop::Need(need)) => Likeness::Short(need.saturating_add(4)),
        Err(Stop::Malformed(_)) => Likeness::No,
        Ok(header) if header.is_likely() && reader.position() as u64 <= u64::from(length) => {
            let evidence = match header.client_id {
                // A produce request's records look like this from their length on: zeros.
                Some("") => return Likeness::No,
                None => Evidence::Weak,
                id if id == client_id => Evidence::Sure,
                Some(_) => Evidence::Fair,
            };
            Likeness::Message {
                bytes: u64::from(length) + 4,
                evidence,
            }
        }
        Ok(_) => Likeness::No,
    }
}

/// Whether `bytes` begin like a response to a request that `is_pending` knows.
pub(super) fn response_likeness(bytes: &[u8], is_pending: impl Fn(i32) -> bool) -> Likeness {
    let Some(prefix) = bytes.first_chunk::<8>() else {
        return Likeness::Short(8);
    };
    let [a, b, c, d, correlation @ ..] = *prefix;
    let length = u32::from_be_bytes([a, b, c, d]);
    if (4..=LONGEST_MESSAGE).contains(&length) && is_pending(i32::from_be_bytes(correlation)) {
        Likeness::Message {
            bytes: u64::from(length) + 4,
            evidence: Evidence::Fair,
        }
    } else {
        Likeness::No
    }
}

/// Whether `bytes` begin with a TLS record: alert, handshake or application data of TLS 1.0–1.3.
/// As a Kafka length prefix they would be above 300 MiB.
pub(super) fn is_tls(bytes: &[u8]) -> bool {
    match bytes.first_chunk::<5>() {
        Some(&[0x14..=0x17, 3, 0..=4, high, low]) => {
            (1..=18_432).contains(&u16::from_be_bytes([high, low]))
        }
        _ => false,
    }
}
