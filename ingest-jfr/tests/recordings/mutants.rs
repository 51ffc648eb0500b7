//! A recording with bytes changed, taken away, zeroed and doubled: no panic, no hang, bounded output.
//! `KCORR_MUTANTS` says how many, 60 without it.

use std::time::{Duration, Instant};

use crate::decoded::Decoded;
use crate::field::whole;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap_or(0)
    }
}

#[test]
fn mutants_are_read_without_panic_and_in_time() {
    let count = std::env::var("KCORR_MUTANTS").map_or(60, |count| count.parse().unwrap());
    let whole = whole();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..count {
        let mut bytes = whole.clone();
        for _ in 0..=random.below(5) {
            let at = 8 + random.below(bytes.len().saturating_sub(8));
            let end = (at + random.below(4_000)).min(bytes.len());
            match random.below(6) {
                0 => bytes[at.min(end)..end].fill(0),
                1 => bytes[at] ^= 1 << random.below(8),
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
                // The header: lengths, offsets, clock.
                4 => bytes[8 + random.below(60)] ^= 1 << random.below(8),
                _ => bytes.truncate(end),
            }
            if bytes.len() < 100 {
                break;
            }
        }
        let begun = Instant::now();
        let decoded = Decoded::whole(&bytes, Default::default()).unwrap();
        let pushed = Decoded::pushed(bytes.chunks(7_919)).unwrap();
        assert!(pushed.tables == decoded.tables);
        assert_eq!(pushed.summary.losses, decoded.summary.losses);
        assert!(decoded.row_count() <= bytes.len());
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
