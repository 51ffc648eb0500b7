//! Records in one direction's bytes: where they begin and end, and when they came.
//!
//! Source: RFC 8446, 5.1. Bytes that are missing within a record damage that record alone. When it is not known
//! any more where records begin, every place that looks like a header is proposed, and whoever can tell decides.

use crate::sealed::Sealed;

/// Bytes of a record's header.
pub(crate) const HEADER: usize = 5;

/// The longest body: 2^14 bytes of text, and what TLS 1.2 allows besides.
const LONGEST_BODY: usize = (16 << 10) + (2 << 10);

/// An empty buffer keeps so many bytes.
const MOST_KEPT: usize = 4 << 10;

/// Bytes in front of a buffer that are done with stay up to this number.
const MOST_DONE: usize = 32 << 10;

/// Bytes of a direction that were on the wire together, and how many behind them are missing.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// When they were on the wire, ns since 1970.
    pub time: i64,
    /// Where their packet is in the capture.
    pub position: u64,
    /// So many more were on the wire behind them.
    pub missing: u64,
    /// Whether the packet that had those was seen.
    pub is_seen: bool,
}

/// From a byte of the buffer on, bytes came with this packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) at: usize,
    pub(crate) time: i64,
    pub(crate) position: u64,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// All input is used.
    Nothing,
    /// A record.
    Record,
    /// A record of which bytes are missing: all that is known is its header.
    Damaged,
    /// Bytes that may be a record; [`RecordReader::accept`] or [`RecordReader::reject`] it.
    Candidate,
}

/// Finds records.
#[derive(Debug, Default)]
pub(crate) struct RecordReader {
    /// The record that was found last is at the beginning, until the next is asked for.
    buffer: Vec<u8>,
    /// Bytes of the buffer that are done with.
    start: usize,
    marks: Vec<Mark>,
    found: usize,
    /// Bytes of the record that are missing, and the last time at which a packet was seen that had some; none
    /// when one was not seen.
    lost: usize,
    lost_seen: Option<i64>,
    /// Bytes that were there before the first of these.
    intact: usize,
    is_searching: bool,
    /// Bytes passed over since records were last known.
    passed: u64,
}

impl RecordReader {
    /// Goes on to the next record; takes what it needs from `input`.
    pub(crate) fn next(&mut self, input: &mut Input<'_>) -> Found {
        let found = std::mem::take(&mut self.found);
        self.drop_front(found);
        loop {
            let need = match self.length() {
                None => HEADER,
                Some(Some(length)) => length,
                Some(None) => {
                    // No header: one byte on.
                    self.is_searching = true;
                    self.pass(1);
                    continue;
                }
            };
            let have = self.bytes().len().saturating_add(self.lost);
            if need > HEADER && have >= need {
                self.found = need.saturating_sub(self.lost);
                return if self.is_searching {
                    Found::Candidate
                } else if self.lost > 0 {
                    Found::Damaged
                } else {
                    Found::Record
                };
            }
            let missing = need.saturating_sub(have);
            if !input.bytes.is_empty() {
                let (taken, rest) = input
                    .bytes
                    .split_at_checked(missing)
                    .unwrap_or((input.bytes, &[]));
                self.marks.push(Mark {
                    at: self.buffer.len(),
                    time: input.time,
                    position: input.position,
                });
                self.buffer.extend_from_slice(taken);
                input.bytes = rest;
            } else if input.missing > 0 {
                self.miss(input, missing, need > HEADER);
            } else {
                return Found::Nothing;
            }
        }
    }

    fn miss(&mut self, input: &mut Input<'_>, missing: usize, is_length_known: bool) {
        let bytes = std::mem::take(&mut input.missing);
        let within = usize::try_from(bytes).unwrap_or(usize::MAX);
        if self.is_searching || !is_length_known || within > missing {
            self.is_searching = true;
            let gone = self.bytes().len().saturating_add(self.lost) as u64;
            self.passed = self.passed.saturating_add(gone).saturating_add(bytes);
            self.lost = 0;
            self.clear();
            return;
        }
        let seen = input.is_seen.then_some(input.time);
        if self.lost == 0 {
            self.intact = self.bytes().len();
            self.lost_seen = seen;
        } else {
            self.lost_seen = self.lost_seen.zip(seen).map(|(one, other)| one.max(other));
        }
        self.lost = self.lost.saturating_add(within);
    }

    /// The length of the record at the front: none while its header is not there, and none within when it
    /// has none.
    fn length(&self) -> Option<Option<usize>> {
        let header: &[u8; HEADER] = self.bytes().first_chunk()?;
        let [kind, major, minor, high, low] = *header;
        let body = usize::from(u16::from_be_bytes([high, low]));
        let is_header = (0x14..=0x18).contains(&kind)
            && major == 3
            && minor <= 4
            && (1..=LONGEST_BODY).contains(&body);
        Some(is_header.then_some(body.saturating_add(HEADER)))
    }

    /// The record that was found.
    pub(crate) fn record(&self) -> Sealed<'_> {
        let found = self.bytes().get(..self.found).unwrap_or_default();
        match found.split_first_chunk::<HEADER>() {
            Some((header, body)) => Sealed {
                header: *header,
                body,
            },
            None => Sealed {
                header: [0; HEADER],
                body: &[],
            },
        }
    }

    /// Of a damaged record: the bytes before those that are missing, header included.
    pub(crate) fn intact(&self) -> &[u8] {
        self.bytes().get(..self.intact).unwrap_or_default()
    }

    /// Bytes of the record that was found, header and missing ones included.
    pub(crate) fn size(&self) -> usize {
        self.found.saturating_add(self.lost)
    }

    /// When a damaged record's last missing byte was seen.
    pub(crate) fn lost_seen(&self) -> Option<i64> {
        self.lost_seen
    }

    /// The packets that brought the record that was found, and from which of its bytes on.
    pub(crate) fn marks(&self) -> impl Iterator<Item = Mark> + Clone {
        let end = self.start.saturating_add(self.found);
        let first = self.marks.partition_point(|mark| mark.at <= self.start);
        let marks = self.marks.iter().skip(first.saturating_sub(1));
        marks
            .take_while(move |mark| mark.at < end)
            .map(|mark| Mark {
                at: mark.at.saturating_sub(self.start),
                ..*mark
            })
    }

    /// When the packet came that brought the first byte of the record that was found, and the latest of those that
    /// brought the others.
    pub(crate) fn times(&self) -> Option<(i64, i64)> {
        let mut marks = self.marks();
        let first = marks.next()?.time;
        Some((first, marks.map(|mark| mark.time).fold(first, i64::max)))
    }

    /// A candidate is a record.
    pub(crate) fn accept(&mut self) {
        self.is_searching = false;
    }

    /// A candidate is none.
    pub(crate) fn reject(&mut self) {
        self.found = 0;
        self.pass(1);
    }

    /// Bytes passed over since this was last asked.
    pub(crate) fn take_passed(&mut self) -> u64 {
        std::mem::take(&mut self.passed)
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes().len().saturating_sub(self.found)
    }

    /// When the first of the bytes that are held came.
    pub(crate) fn held_since(&self) -> Option<i64> {
        let begun = self.marks.partition_point(|mark| mark.at <= self.start);
        let first = self.marks.get(begun.saturating_sub(1))?;
        (self.held_bytes() > 0).then_some(first.time)
    }

    /// Gives up the bytes that are held: where the next record begins must be found.
    pub(crate) fn give_up_held(&mut self) {
        let found = std::mem::take(&mut self.found);
        self.drop_front(found);
        if self.bytes().is_empty() && self.lost == 0 {
            return;
        }
        let gone = self.bytes().len().saturating_add(self.lost) as u64;
        self.passed = self.passed.saturating_add(gone);
        self.lost = 0;
        self.is_searching = true;
        self.clear();
    }

    /// Bytes of the record that was found, and those behind it.
    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn pass(&mut self, bytes: usize) {
        self.passed = self.passed.saturating_add(bytes as u64);
        self.drop_front(bytes);
    }

    fn clear(&mut self) {
        self.start = 0;
        self.marks.clear();
        self.buffer.clear();
        if self.buffer.capacity() > MOST_KEPT {
            self.buffer = Vec::new();
        }
    }

    fn drop_front(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.lost = 0;
        self.start = self.start.saturating_add(bytes);
        if self.start >= self.buffer.len() {
            self.clear();
        } else if self.start > MOST_DONE {
            // The packet that brought the first byte that is left.
            let gone = self.marks.partition_point(|mark| mark.at <= self.start);
            self.marks.drain(..gone.saturating_sub(1));
            for mark in &mut self.marks {
                mark.at = mark.at.saturating_sub(self.start);
            }
            self.buffer.drain(..self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(body: usize) -> Vec<u8> {
        let length = u16::try_from(body).unwrap().to_be_bytes();
        [&[0x17, 3, 3][..], &length, &vec![0xee; body]].concat()
    }

    fn input(bytes: &[u8], time: i64, missing: u64) -> Input<'_> {
        Input {
            bytes,
            time,
            position: 0,
            missing,
            is_seen: false,
        }
    }

    /// What is found in inputs: each with its size.
    fn found(reader: &mut RecordReader, mut input: Input<'_>) -> Vec<(Found, usize)> {
        let mut all = Vec::new();
        loop {
            match reader.next(&mut input) {
                Found::Nothing => return all,
                found => {
                    all.push((found, reader.size()));
                    if found == Found::Candidate {
                        reader.accept();
                    }
                }
            }
        }
    }

    #[test]
    fn records_are_found_in_any_pieces_with_the_packets_that_brought_them() {
        let bytes = [record(3), record(700), record(40)].concat();
        for size in [1, 4, 6, 100, 5000] {
            let mut reader = RecordReader::default();
            let (mut sizes, mut times) = (Vec::new(), Vec::new());
            for (time, piece) in bytes.chunks(size).enumerate() {
                let mut input = input(piece, i64::try_from(time).unwrap(), 0);
                while reader.next(&mut input) == Found::Record {
                    sizes.push(reader.size());
                    let marks: Vec<Mark> = reader.marks().collect();
                    times.push((marks[0].time, marks[marks.len() - 1].time));
                    assert_eq!(marks[0].at, 0);
                }
            }
            assert_eq!(sizes, [8, 705, 45]);
            let packet = |byte: usize| i64::try_from(byte / size).unwrap();
            let expected = [(0, 7), (8, 712), (713, 757)].map(|(a, b)| (packet(a), packet(b)));
            assert_eq!(times, expected, "{size}");
        }
    }

    #[test]
    fn missing_bytes_within_a_record_damage_that_one_alone() {
        let (first, second) = (record(100), record(50));
        let mut reader = RecordReader::default();
        assert_eq!(found(&mut reader, input(&first[..60], 1, 30)), []);
        let rest = [&first[90..], &second].concat();
        let all = found(&mut reader, input(&rest, 2, 0));
        assert_eq!(all, [(Found::Damaged, 105), (Found::Record, 55)]);
        assert_eq!(reader.take_passed(), 0);
    }

    #[test]
    fn behind_a_hole_without_a_known_end_the_next_header_is_proposed() {
        let (first, second) = (record(100), record(50));
        let mut reader = RecordReader::default();
        found(&mut reader, input(&first[..60], 1, 90));
        let tail = [&[0xaa; 20][..], &second].concat();
        let all = found(&mut reader, input(&tail, 2, 0));
        assert_eq!(all, [(Found::Candidate, 55)]);
        assert_eq!(reader.take_passed(), 60 + 90 + 20);
        assert_eq!(
            found(&mut reader, input(&record(9), 3, 0)),
            [(Found::Record, 14)]
        );
    }

    #[test]
    fn a_candidate_that_is_none_does_not_hide_the_record_within() {
        // A header in the middle of a text, whose record would hold the true one.
        let bytes = [&record(300)[..10], &record(50)[..], &record(50)[..]].concat();
        let mut reader = RecordReader::default();
        found(&mut reader, input(&[], 1, 40));
        let mut rest = input(&bytes, 2, 0);
        let mut sizes = Vec::new();
        let padding = vec![0xee; 400];
        for mut input in [
            std::mem::replace(&mut rest, input(&[], 2, 0)),
            input(&padding, 3, 0),
        ] {
            loop {
                match reader.next(&mut input) {
                    Found::Nothing => break,
                    Found::Candidate if reader.size() == 305 => reader.reject(),
                    found => {
                        sizes.push((found, reader.size()));
                        reader.accept();
                    }
                }
            }
        }
        assert_eq!(sizes[..2], [(Found::Candidate, 55), (Found::Record, 55)]);
    }
}
