//! Recordings with bytes changed, taken away, doubled and joined: no panic, no hang, bounded output.
//! `KCORR_MUTANTS` says how many of each, 60 without it.
#![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

use std::time::{Duration, Instant};

use crate::decoded::try_decode;
use kcorr_ingest_bpf::{BpfOptions, FieldMap, recognise};

const INPUTS: &[&[u8]] = &[
    include_bytes!("../data/field/directory-cut-63.jsonl"),
    include_bytes!("../data/field/map-letters.jsonl"),
    include_bytes!("../data/field/offcputime-no-banner.txt"),
    include_bytes!("../data/field/runqslower-P.txt"),
    include_bytes!("../data/field/tab-in-comm.jsonl"),
    include_bytes!("../data/field/colours.txt"),
    include_bytes!("../data/field/utf-8-bom.csv"),
    include_bytes!("../data/ext4slower.txt"),
    include_bytes!("../data/offcputime-folded.txt"),
    include_bytes!("../data/bpftrace-mixed.json"),
    include_bytes!("../data/standing-waits.jsonl"),
    b"[\n  {\n    \"ev\": \"write\",\n    \"start_ns\": 1,\n    \"end_ns\": 2\n  },\n  {\"ev\":\"write\",\"start_ns\":1,\"end_ns\":3}\n]\n",
    b"\xFF\xFE{\0\"\0e\0v\0\"\0:\0\"\0w\0r\0i\0t\0e\0\"\0}\0\n\0",
];
/// Bytes that mean something.
const SIGNS: &[u8] = b"\0\n\r\t\"\\{}[];:,@ -0129\x1b\xff\xfe\xef|";

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap_or(0)
    }
}

fn mutant(input: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len());
        let end = (at + random.below(60)).min(bytes.len());
        match random.below(6) {
            0 if !bytes.is_empty() => bytes[at] = SIGNS[random.below(SIGNS.len())],
            1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 => bytes.insert(at, SIGNS[random.below(SIGNS.len())]),
            _ => bytes.truncate(end),
        }
    }
    bytes
}

#[test]
fn mutants_are_read_without_panic_and_in_time() {
    let count = std::env::var("KCORR_MUTANTS").map_or(60, |count| count.parse().unwrap());
    let map = FieldMap::parse(include_str!("../data/field/map-letters.toml")).unwrap();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for input in INPUTS {
        for _ in 0..count {
            let bytes = mutant(input, &mut random);
            let begun = Instant::now();
            recognise(&bytes);
            for field_map in [None, Some(map.clone())] {
                let options = BpfOptions {
                    field_map,
                    ..BpfOptions::default()
                };
                let whole = try_decode(&[&bytes], options.clone());
                let at = random.below(bytes.len());
                let split = try_decode(&[&bytes[..at], &bytes[at..]], options);
                match (whole, split) {
                    (Ok(whole), Ok(split)) => {
                        assert_eq!(whole.whole_text(), split.whole_text());
                        assert!(whole.row_count("writes") <= bytes.len());
                    }
                    (whole, split) => assert_eq!(whole.is_err(), split.is_err()),
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{bytes:?}");
        }
    }
}
