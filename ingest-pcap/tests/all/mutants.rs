//! Damaged copies of captures as people have them: no panic, no hang, and the same rows however the file
//! is pushed. `PROPTEST_CASES=2000` runs as many of each.

use std::time::{Duration, Instant};

use crate::support::Batches;
use kcorr_ingest_pcap::{PcapDecoder, PcapOptions, first_time};
use kcorr_model::{Decoder, SourceId, Summary};
use proptest::prelude::*;

const NAMES: [&str; 8] = [
    "empty-client-id-mid.pcap",
    "large-requests-mid.pcap",
    "tunnels-mixed-vxlan.pcap",
    "tunnels-gre.pcap",
    "exported-pdus.pcapng",
    "tls-secrets.pcapng",
    "consumer-snap96.pcap",
    "dnat-both-views.pcap",
];

/// No mutant may take longer: the captures take some milliseconds.
const LONGEST: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
enum Damage {
    Flip {
        at: prop::sample::Index,
        by: u8,
    },
    Cut {
        at: prop::sample::Index,
    },
    Remove {
        at: prop::sample::Index,
        bytes: usize,
    },
    Repeat {
        at: prop::sample::Index,
        bytes: usize,
    },
    Fill {
        at: prop::sample::Index,
        bytes: usize,
        with: u8,
    },
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let at = any::<prop::sample::Index>;
    let one = prop_oneof![
        6 => (at(), 1..=255_u8).prop_map(|(at, by)| Damage::Flip { at, by }),
        1 => at().prop_map(|at| Damage::Cut { at }),
        1 => (at(), 1..5000_usize).prop_map(|(at, bytes)| Damage::Remove { at, bytes }),
        1 => (at(), 1..5000_usize).prop_map(|(at, bytes)| Damage::Repeat { at, bytes }),
        1 => (at(), 1..200_usize, any::<u8>())
            .prop_map(|(at, bytes, with)| Damage::Fill { at, bytes, with }),
    ];
    prop::collection::vec(one, 1..6)
}

fn damaged(mut file: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for one in damage {
        if file.is_empty() {
            break;
        }
        let count = file.len();
        match one {
            Damage::Flip { at, by } => file[at.index(count)] ^= by,
            Damage::Cut { at } => file.truncate(at.index(count)),
            Damage::Remove { at, bytes } => {
                let at = at.index(count);
                file.drain(at..(at + bytes).min(count));
            }
            Damage::Repeat { at, bytes } => {
                let at = at.index(count);
                let part = file[at..(at + bytes).min(count)].to_vec();
                file.splice(at..at, part);
            }
            Damage::Fill { at, bytes, with } => {
                let at = at.index(count);
                file[at..(at + bytes).min(count)].fill(*with);
            }
        }
    }
    file
}

fn decoded(file: &[u8], ports: &[u16], chunk: usize) -> Option<(Batches, Summary)> {
    let options = PcapOptions {
        kafka_ports: ports.to_vec(),
        buffer_bytes: 256 << 10,
        ..PcapOptions::default()
    };
    let mut decoder = PcapDecoder::new(SourceId(1), options);
    let mut batches = Batches::new();
    for piece in file.chunks(chunk) {
        decoder.push(piece, &mut batches).ok()?;
    }
    let summary = decoder.finish(&mut batches).ok()?;
    Some((batches, summary))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: match ProptestConfig::default().cases {
            256 => 60,
            asked => asked,
        },
        ..ProptestConfig::default()
    })]

    #[test]
    fn damage_of_any_kind_is_no_panic_and_no_hang(
        name in prop::sample::select(&NAMES[..]),
        damage in damage(),
        chunk in 1..4000_usize,
        named in any::<bool>(),
    ) {
        let path = format!("{}/tests/data/field/{name}.zst", env!("CARGO_MANIFEST_DIR"));
        let file = zstd::decode_all(&std::fs::read(path).unwrap()[..]).unwrap();
        let file = damaged(file, &damage);
        let ports: &[u16] = if named { &[19092, 19095] } else { &[] };
        let start = Instant::now();
        let _ = first_time(&file);
        let whole = decoded(&file, ports, usize::MAX);
        let pieces = decoded(&file, ports, chunk);
        prop_assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
        prop_assert_eq!(
            whole.as_ref().map(|(batches, _)| batches),
            pieces.as_ref().map(|(batches, _)| batches)
        );
    }
}
