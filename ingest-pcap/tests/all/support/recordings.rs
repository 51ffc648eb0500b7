//! Recordings of encrypted connections, with their keys and what the broker's log says: `tests/data/tls`.

use std::path::Path;

use super::{Decoded, decode_with};
use kcorr_ingest_pcap::{KeyLogReader, PcapOptions, TlsKeys};

pub fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/tls")
        .join(name)
}

pub fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

pub fn capture(name: &str) -> Vec<u8> {
    let compressed = std::fs::read(path(&format!("{name}.zst"))).unwrap();
    zstd::decode_all(compressed.as_slice()).unwrap()
}

pub fn keys(text: &str) -> TlsKeys {
    let keys = TlsKeys::default();
    let mut reader = KeyLogReader::new("keys", &keys);
    reader.push(text.as_bytes());
    reader.pause();
    keys
}

pub fn with(tls_keys: TlsKeys) -> PcapOptions {
    PcapOptions {
        tls_keys,
        ..PcapOptions::default()
    }
}

pub fn decoded_on(name: &str, port: u16) -> Decoded {
    // None, where nothing is encrypted.
    let key_log = std::fs::read_to_string(path(&format!("{name}.keys"))).unwrap_or_default();
    let options = PcapOptions {
        kafka_ports: vec![port],
        ..with(keys(&key_log))
    };
    decode_with(options, &[&capture(&format!("{name}.pcap"))], usize::MAX)
}

/// The packets of a pcap file: where each record begins and ends.
pub fn packets(capture: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut packets = Vec::new();
    let mut at = 24;
    while at + 16 <= capture.len() {
        let length = u32::from_le_bytes(capture[at + 8..at + 12].try_into().unwrap()) as usize;
        packets.push(at..at + 16 + length);
        at += 16 + length;
    }
    packets
}
