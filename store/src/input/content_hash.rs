//! The hashes by which inputs are known again.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::Xxh3;

/// Bytes that are read from a file, and hashed, at once.
pub(super) const READ_BYTES: usize = 1 << 20;

/// Bytes by which inputs are suspected to be alike; only then are they read whole.
pub(super) const HEAD_BYTES: u64 = 4096;

/// The hash that tells whether two inputs have the same content.
#[derive(Default)]
pub struct ContentHash {
    whole: Xxh3,
    read_bytes: u64,
    head: Xxh3,
    head_bytes: u64,
    /// Hashes of the first bytes up to places that were asked for, by place.
    places: BTreeMap<u64, Option<String>>,
}

impl ContentHash {
    /// Goes on with more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        let ahead = self.places.range_mut(self.read_bytes + 1..);
        for (place, found) in ahead {
            let Ok(length) = usize::try_from(place - self.read_bytes) else {
                break;
            };
            let Some((until, behind)) = left.split_at_checked(length) else {
                break;
            };
            self.whole.update(until);
            self.read_bytes = *place;
            *found = Some(format!("{:032x}", self.whole.digest128()));
            left = behind;
        }
        self.whole.update(left);
        self.read_bytes += left.len() as u64;
        let left = usize::try_from(HEAD_BYTES - self.head_bytes).unwrap_or(0);
        let head = &bytes[..bytes.len().min(left)];
        self.head.update(head);
        self.head_bytes += head.len() as u64;
    }

    /// Asks for the hash of the first bytes up to a place.
    pub fn ask(&mut self, place: u64) {
        self.places.entry(place).or_default();
    }

    /// The hash up to a place that was asked for before; `None` when the input ends before it.
    pub fn at(&self, place: u64) -> Option<&str> {
        self.places.get(&place)?.as_deref()
    }

    /// Of all bytes.
    pub fn hex(&self) -> String {
        format!("{:032x}", self.whole.digest128())
    }

    /// Of the first bytes.
    pub fn head_hex(&self) -> String {
        format!("{:032x}", self.head.digest128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_beginnings_do_not_depend_on_how_an_input_is_read() {
        let bytes: Vec<u8> = (0..1000_u32).map(|i| i.to_le_bytes()[0]).collect();
        for piece in [1, 7, 100, 1000] {
            let mut hash = ContentHash::default();
            for place in [100, 101, 1000, 2000] {
                hash.ask(place);
            }
            for piece in bytes.chunks(piece) {
                hash.update(piece);
            }
            for place in [100, 101, 1000] {
                let mut alone = ContentHash::default();
                alone.update(&bytes[..place]);
                assert_eq!(hash.at(place as u64), Some(alone.hex().as_str()), "{place}");
            }
            assert_eq!(hash.at(2000), None);
            assert_eq!(hash.head_hex(), hash.hex());
        }
    }
}
