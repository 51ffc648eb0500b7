//! Damaged inputs of every kind: whatever the bytes, decoding ends, and does not depend on how they are
//! split. `KCORR_MUTANTS` is the number of mutants an input (2,000 took four minutes of CPU).

use std::time::{Duration, Instant};

use kcorr_ingest_broker::{
    GcLogDecoder, RequestLogDecoder, SegmentsDecoder, ServerLogDecoder, ThreadDumpDecoder,
};
use kcorr_model::{Decoder, SourceId};

use crate::decoded::decode_with;

/// A mutant is decoded in less, twice.
const MOST_TIME: Duration = Duration::from_secs(10);

fn gc() -> Box<dyn Decoder> {
    Box::new(GcLogDecoder::new(SourceId(1)))
}

fn requests() -> Box<dyn Decoder> {
    Box::new(RequestLogDecoder::new(SourceId(1)))
}

fn server() -> Box<dyn Decoder> {
    Box::new(ServerLogDecoder::new(SourceId(1)))
}

fn threads() -> Box<dyn Decoder> {
    Box::new(ThreadDumpDecoder::new(SourceId(1)))
}

fn segments() -> Box<dyn Decoder> {
    let mut decoder = SegmentsDecoder::new(SourceId(1), None);
    decoder.file("cmp-0/00000000000000000000.log.deleted");
    Box::new(decoder)
}

fn archive() -> Box<dyn Decoder> {
    let mut decoder = SegmentsDecoder::new(SourceId(1), None);
    decoder.file("segments.tar");
    Box::new(decoder)
}

type Make = fn() -> Box<dyn Decoder>;

const INPUTS: [(&str, Make, &[u8]); 15] = [
    ("server", server, include_bytes!("../data/server.log")),
    (
        "default",
        requests,
        include_bytes!("../data/layouts/rl-default.log"),
    ),
    (
        "level first",
        requests,
        include_bytes!("../data/layouts/rl-levelfirst.log"),
    ),
    (
        "brackets",
        requests,
        include_bytes!("../data/layouts/rl-bracketlevel.log"),
    ),
    (
        "pipes",
        requests,
        include_bytes!("../data/layouts/rl-pipe.log"),
    ),
    (
        "ECS",
        requests,
        include_bytes!("../data/layouts/rl-json-EcsLayout.json.log"),
    ),
    (
        "docker",
        requests,
        include_bytes!("../data/layouts/wrap-docker-json.log"),
    ),
    (
        "journald",
        requests,
        include_bytes!("../data/layouts/wrap-journald.log"),
    ),
    (
        "kubectl gc",
        gc,
        include_bytes!("../data/consoles/w-kubectl.log"),
    ),
    ("gc", gc, include_bytes!("../data/gc-jdk17.log")),
    (
        "journald dump",
        threads,
        include_bytes!("../data/consoles/w-journald.txt"),
    ),
    (
        "dump",
        threads,
        include_bytes!("../data/dumps/v25-jstack.txt"),
    ),
    (
        "damaged dump",
        threads,
        include_bytes!("../data/dumps/threads-damaged.txt"),
    ),
    (
        "segment",
        segments,
        include_bytes!("../data/compacted/cmp-0/00000000000000000100.log.deleted"),
    ),
    (
        "archive",
        archive,
        include_bytes!("../data/compacted/cmp-0.tar"),
    ),
];

/// Numbers that are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below.max(1) as u64).unwrap_or(0)
    }
}

/// Bits flipped, bytes zeroed, taken away, doubled, moved, or of a kind that parsers look for.
fn mutated(input: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=numbers.next(4) {
        let at = numbers.next(bytes.len());
        let count = match numbers.next(3) {
            0 => 1,
            1 => numbers.next(64),
            _ => numbers.next(bytes.len() / 2),
        };
        let end = (at + count).min(bytes.len());
        match numbers.next(8) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << numbers.next(8);
                }
            }
            1 => bytes[at..end].fill(0),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let copy = bytes[at..end].to_vec();
                let to = numbers.next(bytes.len());
                bytes.splice(to..to, copy);
            }
            5 => {
                const TELLING: &[u8] = b"\"\\{}[]<>()|:,#\n\r\t\x1b\x9b\x00\xff-+.0123456789TZ";
                let byte = TELLING[numbers.next(TELLING.len())];
                bytes.splice(at..at, std::iter::repeat_n(byte, 1 + count % 300));
            }
            6 => bytes[at..end].reverse(),
            _ => bytes[at..end]
                .iter_mut()
                .for_each(|byte| *byte = byte.wrapping_add(1)),
        }
    }
    bytes
}

#[test]
fn a_damaged_input_ends_and_gives_the_same_however_it_is_split() {
    let count = std::env::var("KCORR_MUTANTS").ok();
    let count: usize = count.and_then(|count| count.parse().ok()).unwrap_or(40);
    for (name, make, input) in INPUTS {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for mutant in 0..count {
            let bytes = mutated(input, &mut numbers);
            let start = Instant::now();
            let text = |pieces: &[&[u8]]| match decode_with(&mut *make(), pieces) {
                Ok(decoded) => decoded.whole_text(),
                Err(error) => error.to_string(),
            };
            let whole = text(&[&bytes]);
            let size = 1 + numbers.next(3000);
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(text(&pieces), whole, "{name}, mutant {mutant}");
            let took = start.elapsed();
            assert!(took < MOST_TIME, "{name}, mutant {mutant}: {took:?}");
        }
    }
}
