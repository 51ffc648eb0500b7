//! One direction of an encrypted connection: its records, the key they are opened with, and their numbers.
//!
//! A record is authentic only under its own key and number. So numbers are found again behind a hole by trying
//! those that are possible, and what is not authentic is never text.

use crate::cipher_suite::CipherSuite;
use crate::derivation::expand_label;
use crate::hello::Handshake;
use crate::opener::Opener;
use crate::record::{HEADER, RecordReader};
use crate::secret::Secret;

/// Numbers that are tried for a record.
const MOST_NUMBERS: u64 = 1 << 16;

/// Numbers that are tried for a record under the key that may have followed.
const MOST_NUMBERS_UNDER_NEXT_KEY: u64 = 256;

/// Of longer ones it is not known how many bytes they are.
const LONGEST_GAP: u64 = 1 << 40;

/// Records of a handshake that may be missing before one.
const MOST_LOST_OF_HANDSHAKE: u64 = 8;

/// Bytes that may be tried to be opened from the beginning, and for each byte that came.
const FIRST_CREDIT: u64 = 4 << 20;
const CREDIT: u64 = 8;

/// What trying one record costs, besides its bytes.
pub(crate) const TRIAL: u64 = 128;

/// Bytes since the last record that was opened.
#[derive(Debug, Clone, Copy, Default)]
struct Gap {
    bytes: u64,
    /// Records that are known to be among them.
    records: u64,
    /// When the last packet of them was seen, if all were.
    seen: Option<i64>,
}

/// Bytes of text that are missing before a record's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missed {
    pub(crate) bytes: u64,
    /// When the packets that had them were seen, if they were.
    pub(crate) seen: Option<i64>,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Direction {
    pub(crate) reader: RecordReader,
    pub(crate) handshake: Handshake,
    /// In TLS 1.2: whether records are protected from now on.
    pub(crate) is_protected: bool,
    opener: Option<Opener>,
    /// Of TLS 1.3: what the next key is derived from.
    secret: Option<(CipherSuite, Secret)>,
    /// The number of the next record.
    number: u64,
    /// Whether a record was opened under this key or one before it.
    is_proven: bool,
    /// Records in a row that were not opened.
    failed: u32,
    gap: Gap,
    /// Zeros behind the text of the last record that was opened: a sender of TLS 1.3 may pad, and the one of Java
    /// does, always the same.
    padding: usize,
    credit: u64,
    /// Of TLS 1.3's handshake: its key, and the number of its next record.
    handshake_opener: Option<Opener>,
    handshake_number: u64,
}

impl Direction {
    pub(crate) fn has_key(&self) -> bool {
        self.opener.is_some()
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven
    }

    pub(crate) fn failed(&self) -> u32 {
        self.failed
    }

    pub(crate) fn opener(&self) -> Option<&Opener> {
        self.opener.as_ref()
    }

    /// Has a key from now on, whose first record has number 0.
    pub(crate) fn set_key(&mut self, opener: Opener, secret: Option<(CipherSuite, Secret)>) {
        if self.credit == 0 {
            self.credit = FIRST_CREDIT;
        }
        self.opener = Some(opener);
        self.secret = secret;
        self.number = 0;
        self.is_proven = false;
        self.failed = 0;
    }

    /// Records are protected from now on, in TLS 1.2; the key is to be set.
    pub(crate) fn protect(&mut self) {
        self.is_protected = true;
        self.opener = None;
        self.gap = Gap::default();
    }

    /// Looks for the number of the record that was found, from 0 on, as far as `credit` bytes reach, and no further
    /// than `most`.
    pub(crate) fn find_number(&mut self, most: u64, credit: &mut u64, text: &mut Vec<u8>) -> bool {
        let Some(opener) = &self.opener else {
            return false;
        };
        let sealed = self.reader.record();
        let cost = (sealed.body.len() as u64).saturating_add(TRIAL);
        let mut number = 0_u64;
        let mut own = most.min(*credit);
        while own >= cost {
            own = own.saturating_sub(cost);
            *credit = credit.saturating_sub(cost);
            if opener.open(sealed, number, text).is_some() {
                self.number = number;
                return true;
            }
            number = number.saturating_add(1);
        }
        false
    }

    /// So many bytes came.
    pub(crate) fn came(&mut self, bytes: usize) {
        self.credit = self
            .credit
            .saturating_add((bytes as u64).saturating_mul(CREDIT));
    }

    /// Bytes were passed over, in which any number of records may have been.
    pub(crate) fn passed(&mut self, bytes: u64) {
        self.miss(bytes, 0, None);
        self.handshake.lose();
    }

    /// A record of which bytes are missing; when these were seen, if they were.
    pub(crate) fn damaged(&mut self, bytes: usize, seen: Option<i64>) {
        self.miss(bytes as u64, 1, seen);
        self.handshake.lose();
    }

    /// A record that is not authentic.
    pub(crate) fn not_opened(&mut self, bytes: usize) {
        self.damaged(bytes, None);
        self.failed = self.failed.saturating_add(1);
    }

    fn miss(&mut self, bytes: u64, records: u64, seen: Option<i64>) {
        let is_first = self.gap.bytes == 0;
        self.gap.seen = match (self.gap.seen, seen) {
            (_, seen) if is_first => seen,
            (Some(one), Some(other)) => Some(one.max(other)),
            _ => None,
        };
        self.gap.bytes = self.gap.bytes.saturating_add(bytes);
        self.gap.records = self.gap.records.saturating_add(records);
    }

    /// In TLS 1.3, a record before the first that is opened, which may be of the handshake: none that is
    /// missing.
    pub(crate) fn handshake_record(&mut self) {
        self.failed = self.failed.saturating_add(1);
    }

    /// The key of the handshake's records, if the key log has it.
    pub(crate) fn set_handshake_key(&mut self, opener: Option<Opener>) {
        self.handshake_opener = opener;
        self.handshake_number = 0;
    }

    /// Whether the record that was found is authentic under the handshake's key.
    pub(crate) fn is_of_handshake(&mut self, text: &mut Vec<u8>) -> bool {
        let Some(opener) = &self.handshake_opener else {
            return false;
        };
        let first = self.handshake_number;
        let found = (first..first.saturating_add(MOST_LOST_OF_HANDSHAKE))
            .find(|&number| opener.open(self.reader.record(), number, text).is_some());
        if let Some(number) = found {
            self.handshake_number = number.saturating_add(1);
        }
        found.is_some()
    }

    /// Opens the record that was found: returns the type of what is in it, whose bytes are put into `text`,
    /// and what is missing before it. None when it is not authentic under any number that is possible.
    pub(crate) fn open(&mut self, text: &mut Vec<u8>) -> Option<(u8, Option<Missed>)> {
        let opener = self.opener.as_ref()?;
        let sealed = self.reader.record();
        let cost = (sealed.body.len() as u64).saturating_add(TRIAL);
        let likely = self.number.saturating_add(self.gap.records);
        let mut opened = opener.open(sealed, likely, text).map(|kind| (likely, kind));
        if opened.is_none() && self.gap.bytes > 0 {
            let shortest = opener.shortest_record().max(1) as u64;
            let most = self.gap.bytes.checked_div(shortest).unwrap_or(0);
            let last = self.number.saturating_add(most.min(MOST_NUMBERS));
            for number in self.number..=last {
                if self.credit < cost {
                    break;
                }
                self.credit = self.credit.saturating_sub(cost);
                if let Some(kind) = opener.open(sealed, number, text) {
                    opened = Some((number, kind));
                    break;
                }
            }
        }
        let Some((number, kind)) = opened else {
            return self.open_under_next_key(cost, text);
        };
        let gap = std::mem::take(&mut self.gap);
        let records = number.saturating_sub(self.number);
        // Records of the handshake may be among what is missing before the first.
        let missed = (gap.bytes > 0 && records > 0).then(|| Missed {
            bytes: match opener.overhead() {
                Some(_) if gap.bytes > LONGEST_GAP => u64::MAX,
                Some(overhead) => {
                    let each = overhead.saturating_add(self.padding) as u64;
                    gap.bytes.saturating_sub(records.saturating_mul(each))
                }
                None => u64::MAX,
            },
            seen: gap.seen,
        });
        let overhead = opener.overhead().unwrap_or(0);
        let padded = self.reader.size().saturating_sub(overhead);
        self.padding = padded.saturating_sub(text.len());
        self.number = number.saturating_add(1);
        self.is_proven = true;
        self.failed = 0;
        Some((kind, missed.filter(|missed| missed.bytes > 0)))
    }

    /// Opens the beginning of a record of which bytes are missing: returns how many of its text are missing behind
    /// what is put into `text`. None when the key or the record's number is not sure.
    pub(crate) fn open_beginning(&mut self, text: &mut Vec<u8>) -> Option<Missed> {
        if !self.is_proven || self.gap.bytes > 0 {
            return None;
        }
        let opener = self.opener.as_ref()?;
        let body = self.reader.intact().get(HEADER..)?;
        opener.open_beginning(body, self.number, text)?;
        let overhead = opener.overhead()?.saturating_add(self.padding);
        let whole = self.reader.size().checked_sub(overhead)?;
        text.truncate(whole);
        self.number = self.number.saturating_add(1);
        self.handshake.lose();
        Some(Missed {
            bytes: whole.saturating_sub(text.len()) as u64,
            seen: self.reader.lost_seen(),
        })
    }

    /// The record that changes the key may be among what is missing.
    fn open_under_next_key(
        &mut self,
        cost: u64,
        text: &mut Vec<u8>,
    ) -> Option<(u8, Option<Missed>)> {
        if self.gap.bytes == 0 || !self.is_proven {
            return None;
        }
        let (suite, secret) = self.next_secret()?;
        let opener = Opener::of_traffic_secret(suite, secret.bytes())?;
        for number in 0..MOST_NUMBERS_UNDER_NEXT_KEY {
            if self.credit < cost {
                return None;
            }
            self.credit = self.credit.saturating_sub(cost);
            if let Some(kind) = opener.open(self.reader.record(), number, text) {
                let seen = std::mem::take(&mut self.gap).seen;
                self.set_key(opener, Some((suite, secret)));
                self.number = number.saturating_add(1);
                self.is_proven = true;
                let bytes = u64::MAX;
                return Some((kind, Some(Missed { bytes, seen })));
            }
        }
        None
    }

    /// The sender changes its key (RFC 8446, 7.2).
    pub(crate) fn update_key(&mut self) {
        let Some((suite, secret)) = self.next_secret() else {
            return;
        };
        if let Some(opener) = Opener::of_traffic_secret(suite, secret.bytes()) {
            self.set_key(opener, Some((suite, secret)));
            self.is_proven = true;
        }
    }

    fn next_secret(&self) -> Option<(CipherSuite, Secret)> {
        let (suite, secret) = self.secret.as_ref()?;
        let next = expand_label(
            suite.hash,
            secret.bytes(),
            "traffic upd",
            suite.hash.bytes(),
        );
        Some((*suite, Secret::from(next.as_slice())))
    }

    /// What is missing at the end, of which the number of records will never be known.
    pub(crate) fn end(&mut self) -> Option<Missed> {
        let gap = std::mem::take(&mut self.gap);
        let bytes = gap.bytes;
        let seen = gap.seen;
        (self.is_proven && bytes > 0).then_some(Missed { bytes, seen })
    }
}
