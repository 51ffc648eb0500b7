//! The three packets that open a connection.

use kcorr_capture::Segment;

use super::options::SynOptions;
use super::{COPY_NS, Kind, Side, Stretch};

/// One end's SYN.
#[derive(Debug, Clone, Copy)]
struct Syn {
    sequence: u32,
    first: i64,
    last: i64,
    packet_id: u16,
    retries: u64,
    options: SynOptions,
}

impl Syn {
    fn new(segment: &Segment<'_>, time: i64) -> Self {
        Self {
            sequence: segment.sequence,
            first: time,
            last: time,
            packet_id: segment.packet_id,
            retries: 0,
            options: SynOptions::read(segment.options),
        }
    }

    /// The same SYN once more: again, or another copy of its packet.
    fn again(&mut self, segment: &Segment<'_>, time: i64) {
        let is_packet = segment.packet_id != 0 && segment.packet_id == self.packet_id;
        if is_packet || time.saturating_sub(self.last) < COPY_NS {
            return;
        }
        self.packet_id = segment.packet_id;
        self.last = time;
        self.retries = self.retries.saturating_add(1);
    }
}

/// What is known of how a connection was opened.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    syn: Option<Syn>,
    syn_ack: Option<Syn>,
    pub(crate) established_time: Option<i64>,
    is_told: bool,
}

impl Handshake {
    /// Whether its third packet is expected.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.syn_ack.is_some() && self.established_time.is_none()
    }

    pub(super) fn syn(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        let known = match side {
            Side::Requests => &mut self.syn,
            Side::Responses => &mut self.syn_ack,
        };
        match known {
            Some(known) if known.sequence == segment.sequence => known.again(segment, time),
            // Answers to cookies may have other numbers each time; the last counts, and each is a retry.
            Some(known) => {
                *known = Syn {
                    first: known.first,
                    retries: known.retries.saturating_add(1),
                    ..Syn::new(segment, time)
                }
            }
            None => *known = Some(Syn::new(segment, time)),
        }
        if side == Side::Responses
            && let Some(syn) = self.syn
            && syn.retries > 0
            && !self.is_told
        {
            self.is_told = true;
            ended.push(Stretch {
                segments: syn.retries,
                ..Stretch::new(Kind::SynRetry, Side::Requests, syn.first, time)
            });
        }
    }

    /// A packet of the client behind the SYN/ACK.
    pub(super) fn third(&mut self, segment: &Segment<'_>, time: i64, ended: &mut Vec<Stretch>) {
        let Some(syn_ack) = self.syn_ack else {
            return;
        };
        let is_answer = segment
            .acknowledgment
            .is_some_and(|ack| ack.wrapping_sub(syn_ack.sequence).cast_signed() > 0);
        if segment.rst || !is_answer {
            return;
        }
        self.established_time = Some(time);
        if syn_ack.retries > 0 {
            ended.push(Stretch {
                segments: syn_ack.retries,
                ..Stretch::new(Kind::SynAckRetry, Side::Responses, syn_ack.first, time)
            });
        }
    }

    /// The capture or the connection ends: what was not answered is told.
    pub(super) fn end(&mut self, last: i64, ended: &mut Vec<Stretch>) {
        if let Some(syn) = self.syn
            && syn.retries > 0
            && self.syn_ack.is_none()
            && self.established_time.is_none()
        {
            ended.push(Stretch {
                segments: syn.retries,
                is_end_seen: false,
                ..Stretch::new(
                    Kind::SynRetry,
                    Side::Requests,
                    syn.first,
                    syn.last.max(last),
                )
            });
        }
        if let Some(syn_ack) = self.syn_ack
            && syn_ack.retries > 0
            && self.established_time.is_none()
        {
            let end = syn_ack.last.max(last);
            ended.push(Stretch {
                segments: syn_ack.retries,
                is_end_seen: false,
                ..Stretch::new(Kind::SynAckRetry, Side::Responses, syn_ack.first, end)
            });
        }
    }

    pub(crate) fn syn_time(&self) -> Option<i64> {
        self.syn.map(|syn| syn.first)
    }

    pub(crate) fn syn_ack_time(&self) -> Option<i64> {
        self.syn_ack.map(|syn| syn.first)
    }

    pub(crate) fn syn_retries(&self) -> Option<u64> {
        self.syn.map(|syn| syn.retries)
    }

    pub(crate) fn syn_ack_retries(&self) -> Option<u64> {
        self.syn_ack.map(|syn| syn.retries)
    }

    pub(crate) fn client_mss(&self) -> Option<u16> {
        self.syn?.options.segment_bytes
    }

    pub(crate) fn broker_mss(&self) -> Option<u16> {
        self.syn_ack?.options.segment_bytes
    }

    pub(crate) fn client_window_scale(&self) -> Option<u8> {
        self.syn?.options.window_scale
    }

    pub(crate) fn broker_window_scale(&self) -> Option<u8> {
        self.syn_ack?.options.window_scale
    }

    fn both(&self) -> Option<(SynOptions, SynOptions)> {
        Some((self.syn?.options, self.syn_ack?.options))
    }

    /// The shifts of the client's and the broker's windows, once they are known: none when one of them did
    /// not offer it.
    pub(super) fn scales(&self) -> Option<(u8, u8)> {
        let (client, broker) = self.both()?;
        let scales = client.window_scale.zip(broker.window_scale);
        Some(scales.unwrap_or((0, 0)))
    }

    /// The largest segments that the client and the broker take.
    pub(super) fn largest_segments(&self) -> Option<(u16, u16)> {
        let (client, broker) = self.both()?;
        client.segment_bytes.zip(broker.segment_bytes)
    }

    pub(crate) fn window_scaling(&self) -> Option<&'static str> {
        let (client, broker) = self.both()?;
        Some(match (client.window_scale, broker.window_scale) {
            (None, _) => "not_offered",
            (Some(_), None) => "refused",
            (Some(_), Some(_)) => "on",
        })
    }

    pub(crate) fn has_sack(&self) -> Option<bool> {
        let (client, broker) = self.both()?;
        Some(client.sack && broker.sack)
    }

    pub(crate) fn has_timestamps(&self) -> Option<bool> {
        let (client, broker) = self.both()?;
        Some(client.timestamps && broker.timestamps)
    }

    /// From the SYN to its answer, when each was sent once.
    pub(crate) fn broker_rtt(&self) -> Option<i64> {
        let (syn, syn_ack) = (self.syn?, self.syn_ack?);
        let is_sure = syn.retries == 0 && syn_ack.retries == 0;
        is_sure.then(|| syn_ack.first.saturating_sub(syn.first).max(0))
    }

    /// From the answer to the client's acknowledgement, when it was sent once.
    pub(crate) fn client_rtt(&self) -> Option<i64> {
        let syn_ack = self.syn_ack?;
        let established = self.established_time?;
        (syn_ack.retries == 0).then(|| established.saturating_sub(syn_ack.first).max(0))
    }
}
