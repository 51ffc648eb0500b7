//! The ids that applications put into record headers.

use crate::{Record, Records, Stop};

/// The header names looked for when none is given, the strongest first. Case does not matter.
/// `ce_id` is the id of a CloudEvent in Kafka's binary mode.
pub const DEFAULT_ID_HEADERS: &[&str] = &[
    "messageId",
    "message-id",
    "message_id",
    "msgId",
    "msg-id",
    "msg_id",
    "x-message-id",
    "eventId",
    "event-id",
    "event_id",
    "ce_id",
    "uuid",
    "id",
];

/// Which record headers hold a message's id.
#[derive(Debug, Clone)]
pub struct IdHeaders {
    names: Vec<Box<[u8]>>,
    /// Bit `n` is set when a name has `n` bytes (63 for longer ones): most headers are not ids.
    lengths: u64,
}

impl IdHeaders {
    /// Looks for headers of these names; the first name that a record has wins. ASCII case does
    /// not matter.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<Box<[u8]>> = names
            .into_iter()
            .map(|name| name.as_ref().as_bytes().into())
            .collect();
        let lengths = names
            .iter()
            .fold(0, |bits, name| bits | length_bit(name.len()));
        Self { names, lengths }
    }

    fn rank(&self, name: &[u8]) -> Option<usize> {
        if self.lengths & length_bit(name.len()) == 0 {
            return None;
        }
        self.names
            .iter()
            .position(|candidate| candidate.eq_ignore_ascii_case(name))
    }

    /// The id of a record: the value of its header whose name comes first in the list.
    pub fn find<'a>(&self, record: &Record<'a>) -> Result<Option<&'a [u8]>, Stop> {
        let mut best: Option<(usize, &'a [u8])> = None;
        for header in record.headers.clone() {
            let (name, value) = header?;
            let (Some(rank), Some(value)) = (self.rank(name), value) else {
                continue;
            };
            if rank == 0 {
                return Ok(Some(value));
            }
            if best.is_none_or(|(other, _)| rank < other) {
                best = Some((rank, value));
            }
        }
        Ok(best.map(|(_, value)| value))
    }
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// Ids of consecutive records, one after another in one string.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct MessageIds {
    text: String,
    /// Where each id ends in `text`, and whether the record had one.
    ends: Vec<(u32, bool)>,
}

/// Ids of a request are kept up to this many bytes.
const MOST_BYTES: usize = 32 << 20;

/// The longest id that is kept, in bytes; a longer header is no id.
const LONGEST_ID: usize = 1024;

impl MessageIds {
    /// Number of records.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes held.
    pub fn held_bytes(&self) -> usize {
        self.text
            .len()
            .saturating_add(self.ends.len().saturating_mul(8))
    }

    /// Forgets all but the first `records` records.
    pub fn truncate(&mut self, records: usize) {
        self.ends.truncate(records);
        let end = self.ends.last().map_or(0, |&(end, _)| end);
        self.text.truncate(usize::try_from(end).unwrap_or_default());
    }

    /// The ids of the records in `range`: `None` for a record without one.
    pub fn range(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = Option<&str>> {
        let mut start = range
            .start
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |&(end, _)| end);
        self.ends
            .get(range)
            .unwrap_or_default()
            .iter()
            .map(move |&(end, found)| {
                let id = usize::try_from(start)
                    .ok()
                    .zip(usize::try_from(end).ok())
                    .and_then(|(start, end)| self.text.get(start..end));
                start = end;
                id.filter(|_| found)
            })
    }

    /// Appends one record's id. Bytes that are not UTF-8 are written as `0x…`. False when there is
    /// no room for more.
    pub fn push(&mut self, id: Option<&[u8]>) -> bool {
        let id = id.filter(|id| id.len() <= LONGEST_ID);
        if let Some(id) = id {
            match std::str::from_utf8(id) {
                Ok(text) => self.text.push_str(text),
                Err(_) => push_hex(&mut self.text, id),
            }
        }
        match u32::try_from(self.text.len()) {
            Ok(end) if self.held_bytes() <= MOST_BYTES => {
                self.ends.push((end, id.is_some()));
                true
            }
            _ => false,
        }
    }

    /// Appends the ids of all records in `records` (what follows a batch header, decompressed).
    /// At a record that cannot be read it stops and tells why; those before it are kept.
    pub fn push_records(&mut self, records: &[u8], headers: &IdHeaders) -> Result<usize, Stop> {
        let mut found = 0;
        for record in Records::new(records) {
            let id = headers.find(&record?)?;
            found += usize::from(id.is_some());
            if !self.push(id) {
                return Err(Stop::Malformed(
                    "the ids of a request are longer than 32 MiB",
                ));
            }
        }
        Ok(found)
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    text.push_str("0x");
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('?'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(headers: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
        let zigzag = |n: usize| u8::try_from(n * 2).unwrap();
        let mut body = vec![0, 0, 0, 1, 2, b'v', zigzag(headers.len())];
        for (name, value) in headers {
            body.push(zigzag(name.len()));
            body.extend(name.as_bytes());
            match value {
                Some(value) => {
                    body.push(zigzag(value.len()));
                    body.extend(*value);
                }
                None => body.push(1),
            }
        }
        let mut record = vec![zigzag(body.len())];
        record.extend(body);
        record
    }

    fn ids(records: &[u8]) -> Vec<Option<String>> {
        let mut ids = MessageIds::default();
        let _ = ids.push_records(records, &IdHeaders::new(DEFAULT_ID_HEADERS));
        ids.range(0..ids.len())
            .map(|id| id.map(str::to_owned))
            .collect()
    }

    #[test]
    fn the_name_that_comes_first_in_the_list_wins() {
        let bytes = record(&[("id", Some(b"2")), ("MessageID", Some(b"1"))]);
        assert_eq!(ids(&bytes), [Some("1".into())]);
    }

    #[test]
    fn a_record_without_an_id_keeps_its_place() {
        let bytes = [
            record(&[("id", Some(b"7"))]),
            record(&[("trace", Some(b"x"))]),
            record(&[("id", None)]),
            record(&[("id", Some(b""))]),
        ]
        .concat();
        assert_eq!(
            ids(&bytes),
            [Some("7".into()), None, None, Some(String::new())]
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_written_in_hex() {
        let bytes = record(&[("id", Some(&[0xff, 0x01]))]);
        assert_eq!(ids(&bytes), [Some("0xff01".into())]);
    }

    #[test]
    fn records_before_a_bad_one_are_kept() {
        let mut bytes = record(&[("id", Some(b"7"))]);
        bytes.extend([0x7f, 0, 0]);
        assert_eq!(ids(&bytes), [Some("7".into())]);
    }
}
