//! A place where a request may begin, and what speaks for it.
//!
//! Every request has a length, the key and version of an API that exists, and a correlation id; most
//! have a client id. Payloads hold bytes that look like it, so the evidence is added up: the client
//! id, the place in its segment, the request that follows, the answer of the other direction.

use std::str;

use crate::message::api;

use super::super::header::LONGEST_MESSAGE;

/// So much evidence makes a request.
pub(super) const ENOUGH: u8 = 4;

/// The connection's own client id is enough by far.
const KNOWN_CLIENT: u8 = 6;
/// A client id of three printable characters or more, with its length before it.
const NAMED_CLIENT: u8 = 4;
const SHORT_CLIENT: u8 = 2;
/// Null is two bytes of ones; an empty client id is zeros, as payloads have many.
const NULL_CLIENT: u8 = 1;
/// It begins where a segment begins.
const BOUNDARY: u8 = 1;
/// It ends where a segment ends; more so when it began where one begins.
const EXACT_END: u8 = 1;
const WHOLE_SEGMENTS: u8 = 2;
/// Its correlation id goes on from the last request that was read, soon or some time later.
const GOES_ON: u8 = 2;
const GOES_ON_LATER: u8 = 1;
const SOON: i32 = 64;
/// The request behind it has the next correlation id, or one not much larger: clients of several
/// brokers count over all of them.
const NEXT_ID: u8 = 3;
const LATER_ID: u8 = 1;
/// The request behind it is of the same API and version, or of the same named client.
const SAME_API: u8 = 1;
const SAME_CLIENT: u8 = 3;
/// A segment of the other direction begins with a response to it; and is as long as it says.
const ANSWERED: u8 = 3;
const ANSWERED_EXACTLY: u8 = 1;

/// Correlation ids of one connection's requests are less than this apart.
pub(super) const NEAR_IDS: i32 = 1000;

/// No API has had a version above this.
const NEWEST_VERSION: i16 = 25;

/// Client ids that are looked for; longer ones are read where framing holds.
const LONGEST_CLIENT_ID: usize = 512;

/// Length, API key, API version and correlation id.
pub(super) const FIXED_BYTES: usize = 12;

/// A request's client id, as far as it is evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Client {
    Named(Box<str>),
    Null,
    Empty,
    /// Behind the end of what was captured.
    Cut,
}

/// A request's header, as far as it tells the request from other bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The request with its length prefix.
    pub(super) size: u64,
    pub(super) api_key: i16,
    pub(super) api_version: i16,
    pub(super) correlation_id: i32,
    pub(super) client: Client,
    /// Bytes up to the client id's end.
    pub(super) bytes: usize,
}

/// What bytes are, where a request may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    No,
    /// What there is may begin one.
    Short,
    Head(Head),
}

impl Head {
    /// Reads the header at the start of `bytes`. Everything that is there must be possible.
    pub(super) fn read(bytes: &[u8]) -> Reading {
        match Self::read_fixed(bytes) {
            Some(Ok(head)) => head.with_client(bytes),
            Some(Err(())) => Reading::No,
            None => Reading::Short,
        }
    }

    /// What comes before the client id; `None` when it is not all there and may be a request.
    fn read_fixed(bytes: &[u8]) -> Option<Result<Self, ()>> {
        let word = |at: usize| {
            let bytes = bytes.get(at..)?.first_chunk::<2>()?;
            Some(i16::from_be_bytes(*bytes))
        };
        let length = u32::from_be_bytes(*bytes.first_chunk::<4>()?);
        if !(10..=LONGEST_MESSAGE).contains(&length) {
            return Some(Err(()));
        }
        let api_key = word(4)?;
        if api_key < 0 {
            return Some(Err(()));
        }
        let api_version = word(6)?;
        if !(0..=NEWEST_VERSION).contains(&api_version) {
            return Some(Err(()));
        }
        let correlation_id = i32::from_be_bytes(*bytes.get(8..)?.first_chunk::<4>()?);
        if correlation_id < 0 {
            return Some(Err(()));
        }
        Some(Ok(Self {
            size: u64::from(length).saturating_add(4),
            api_key,
            api_version,
            correlation_id,
            client: Client::Cut,
            bytes: FIXED_BYTES,
        }))
    }

    /// The same without its client id, when that is behind the end of what was captured.
    pub(super) fn read_cut(bytes: &[u8]) -> Option<Self> {
        match (Self::read_fixed(bytes)?, Self::read(bytes)) {
            (Ok(head), Reading::Short) => Some(Self {
                bytes: bytes.len(),
                ..head
            }),
            _ => None,
        }
    }

    fn with_client(mut self, bytes: &[u8]) -> Reading {
        let Some(length) = bytes.get(12..).and_then(|rest| rest.first_chunk::<2>()) else {
            return Reading::Short;
        };
        self.bytes = 14;
        self.client = match i16::from_be_bytes(*length) {
            -1 => Client::Null,
            0 => Client::Empty,
            length => {
                let Ok(length @ ..=LONGEST_CLIENT_ID) = usize::try_from(length) else {
                    return Reading::No;
                };
                if (length as u64).saturating_add(14) > self.size {
                    return Reading::No;
                }
                let end = length.saturating_add(14);
                // What there is of it must be text: most of what is none is told by few bytes.
                let text = bytes
                    .get(14..end)
                    .unwrap_or(bytes.get(14..).unwrap_or_default());
                if text.iter().any(|&byte| byte < 0x20 || byte == 0x7f) {
                    return Reading::No;
                }
                if bytes.len() < end {
                    return Reading::Short;
                }
                self.bytes = end;
                match str::from_utf8(text) {
                    Ok(text) => Client::Named(text.into()),
                    Err(_) => return Reading::No,
                }
            }
        };
        Reading::Head(self)
    }

    fn is_known_api(&self) -> bool {
        api::name(self.api_key).is_some()
    }
}

/// What is known of the connection before.
#[derive(Debug, Clone, Copy)]
pub(in crate::connection) struct Known<'a> {
    pub(in crate::connection) client_id: Option<&'a str>,
    pub(in crate::connection) last_correlation: Option<i32>,
}

/// A place where a request may begin.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Where it begins, in bytes since the search began.
    pub(super) start: u64,
    pub(super) head: Head,
    /// The header's bytes.
    pub(super) bytes: Vec<u8>,
    pub(super) time: i64,
    pub(super) position: u64,
    /// Whether it begins where a segment begins.
    pub(super) is_boundary: bool,
    pub(super) score: u8,
    /// What follows it was looked at, or cannot be.
    pub(super) is_followed: bool,
}

impl Candidate {
    /// Evidence of the header itself and of its place.
    pub(super) fn first_score(head: &Head, is_boundary: bool, known: Known<'_>) -> u8 {
        let client = match &head.client {
            Client::Named(id) if known.client_id == Some(&**id) => KNOWN_CLIENT,
            Client::Named(id) if id.chars().count() >= 3 => NAMED_CLIENT,
            Client::Named(_) => SHORT_CLIENT,
            Client::Null => NULL_CLIENT,
            Client::Empty | Client::Cut => 0,
        };
        // APIs that nobody knows are possible, and need more to be believed.
        let client = if head.is_known_api() {
            client
        } else {
            client.min(NAMED_CLIENT).saturating_sub(2)
        };
        let ahead = known
            .last_correlation
            .map(|last| head.correlation_id.wrapping_sub(last));
        let goes_on = match ahead {
            Some(1..=SOON) => GOES_ON,
            Some(1..=NEAR_IDS) => GOES_ON_LATER,
            _ => 0,
        };
        client + if is_boundary { BOUNDARY } else { 0 } + goes_on
    }

    /// Adds that it ends where a segment ends.
    pub(super) fn ends_exactly(&mut self) {
        let evidence = if self.is_boundary {
            WHOLE_SEGMENTS
        } else {
            EXACT_END
        };
        self.score = self.score.saturating_add(evidence);
    }

    pub(super) fn end(&self) -> u64 {
        self.start.saturating_add(self.head.size)
    }

    /// Adds what the request right behind it is evidence of; false when it speaks against it.
    pub(super) fn is_followed_by(&mut self, next: &Head) -> bool {
        self.is_followed = true;
        let ahead = next.correlation_id.wrapping_sub(self.head.correlation_id);
        let goes_on = match ahead {
            1 => NEXT_ID,
            2..=NEAR_IDS => LATER_ID,
            _ => return false,
        };
        let same_client =
            matches!(&next.client, Client::Named(_)) && next.client == self.head.client;
        let same_api =
            (next.api_key, next.api_version) == (self.head.api_key, self.head.api_version);
        self.score = self
            .score
            .saturating_add(goes_on)
            .saturating_add(if same_client { SAME_CLIENT } else { 0 })
            .saturating_add(if same_api { SAME_API } else { 0 });
        true
    }

    /// The evidence with a response at the start of a segment of the other direction.
    pub(super) fn score_answered(&self, is_exact: bool) -> u8 {
        self.score
            .saturating_add(ANSWERED)
            .saturating_add(if is_exact { ANSWERED_EXACTLY } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: u32, key: i16, version: i16, id: i32, client: &[u8]) -> Vec<u8> {
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(key.to_be_bytes());
        bytes.extend(version.to_be_bytes());
        bytes.extend(id.to_be_bytes());
        bytes.extend(client);
        bytes
    }

    #[test]
    fn zeros_and_small_numbers_are_no_evidence() {
        assert_eq!(Head::read(&[0; 64]), Reading::No);
        // The length of records, then a batch that begins with offset 0: as in every produce request.
        let records = header(1024, 0, 0, 0, &[0, 0, 3, 0xf4]);
        let Reading::Head(head) = Head::read(&records) else {
            panic!("it looks like one");
        };
        let known = Known {
            client_id: None,
            last_correlation: None,
        };
        assert_eq!(Candidate::first_score(&head, false, known), 0);
    }

    #[test]
    fn what_is_impossible_is_told_by_the_first_bytes_of_it() {
        let whole = header(100, 0, 9, 7, b"\0\x03app");
        for cut in 0..whole.len() {
            assert_eq!(Head::read(&whole[..cut]), Reading::Short, "{cut}");
        }
        assert!(matches!(Head::read(&whole), Reading::Head(_)));
        for bad in [
            header(100, -1, 9, 7, &[])[..6].to_vec(),
            header(100, 0, 77, 7, &[])[..8].to_vec(),
            header(100, 0, 9, -7, &[]),
            header(100, 0, 9, 7, b"\0\x05a\x01"),
            header(100, 0, 9, 7, b"\x70\0"),
            header(9, 0, 9, 7, b"\0\0"),
        ] {
            assert_eq!(Head::read(&bad), Reading::No, "{bad:x?}");
        }
    }
}
