//! Any bytes as what an encrypted connection carries: as records that are authentic, with any text, as records that
//! are not, with bytes of the conversation missing; and any bytes as a key log.
//!
//! Besides not panicking, the rows must be the same however the capture is pushed, and there must be none under
//! the keys of another session.
#![no_main]

use aws_lc_rs::{aead, hmac};
use kcorr_ingest_pcap::{KeyLogReader, PcapDecoder, PcapOptions, TlsKeys, recognise_key_log};
use kcorr_model::{Decoder, Output, SourceId, Summary, Table};

type Batches = Vec<(&'static Table, arrow::record_batch::RecordBatch)>;

const SECRETS: [[u8; 32]; 2] = [[0x11; 32], [0x22; 32]];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else {
        return;
    };
    let _ = recognise_key_log(data);
    let any = TlsKeys::default();
    let mut reader = KeyLogReader::new("any", &any);
    for piece in data.chunks(1 + usize::from(mode)) {
        reader.push(piece);
        reader.pause();
    }
    let capture = conversation(data);
    let whole = decoded(&capture, keys(SECRETS), usize::MAX);
    let pieces = decoded(&capture, keys(SECRETS), 1 + usize::from(mode) * 7);
    assert!(whole == pieces, "rows depend on the split");
    let (batches, _) = decoded(&capture, keys([[0x33; 32]; 2]), usize::MAX);
    assert!(
        batches.iter().all(|(table, _)| table.name != "requests"),
        "rows without a key"
    );
    let _ = decoded(&capture, any, usize::MAX);
});

fn keys(secrets: [[u8; 32]; 2]) -> TlsKeys {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let keys = TlsKeys::default();
    let mut reader = KeyLogReader::new("keys", &keys);
    for (label, secret) in ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"]
        .into_iter()
        .zip(secrets)
    {
        reader.push(format!("{label} {} {}\n", hex(&[7; 32]), hex(&secret)).as_bytes());
    }
    keys
}

fn decoded(capture: &[u8], tls_keys: TlsKeys, chunk: usize) -> (Batches, Summary) {
    let options = PcapOptions {
        buffer_bytes: 64 << 10,
        tls_keys,
        ..PcapOptions::default()
    };
    let mut decoder = PcapDecoder::new(SourceId(1), options);
    let mut batches = Batches::new();
    let output: &mut dyn Output = &mut batches;
    for piece in capture.chunks(chunk.min(capture.len().max(1))) {
        decoder.push(piece, output).expect("it is a capture");
    }
    let summary = decoder.finish(output).expect("it is a capture");
    (batches, summary)
}

/// One direction's key.
struct Sealer {
    secret: Vec<u8>,
    number: u64,
}

impl Sealer {
    fn label(&self, label: &str, bytes: usize) -> Vec<u8> {
        let mut info = vec![0, bytes as u8, 6 + label.len() as u8];
        info.extend(b"tls13 ");
        info.extend(label.as_bytes());
        info.extend([0, 1]);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        hmac::sign(&key, &info).as_ref()[..bytes].to_vec()
    }

    /// A record with a text and the type of what it is.
    fn seal(&mut self, kind: u8, text: &[u8]) -> Vec<u8> {
        let mut body = [text, &[kind]].concat();
        let mut nonce: [u8; 12] = self.label("iv", 12).try_into().unwrap();
        for (byte, mask) in nonce[4..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= mask;
        }
        self.number += 1;
        let length = u16::try_from(body.len() + 16).unwrap();
        let mut record = vec![0x17, 3, 3];
        record.extend(length.to_be_bytes());
        let key = aead::UnboundKey::new(&aead::AES_128_GCM, &self.label("key", 16)).unwrap();
        let key = aead::LessSafeKey::new(key);
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce, aead::Aad::from(record.clone()), &mut body)
            .unwrap();
        record.extend(body);
        if kind == 22 && text.first() == Some(&24) {
            self.secret = self.label("traffic upd", 32);
            self.number = 0;
        }
        record
    }
}

/// A capture of raw IPv4 packets: the hellos, and what `data` says, three bytes and the text of each step.
fn conversation(mut data: &[u8]) -> Vec<u8> {
    let mut capture = vec![
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0,
    ];
    capture.extend(101_u32.to_le_bytes());
    let mut next = [1000_u32; 2];
    let mut sealers = SECRETS.map(|secret| Sealer {
        secret: secret.to_vec(),
        number: 0,
    });
    let client_hello = [
        &[0x16, 3, 1, 0, 42, 1, 0, 0, 38, 3, 3][..],
        &[7; 32],
        &[0, 0, 0, 0],
    ]
    .concat();
    let server_hello = [
        &[0x16, 3, 3, 0, 52, 2, 0, 0, 48, 3, 3][..],
        &[9; 32],
        &[0, 0x13, 1, 0, 0, 8, 0, 43, 0, 2, 3, 4, 0, 0],
    ]
    .concat();
    packet(&mut capture, &mut next, 0, &client_hello);
    packet(&mut capture, &mut next, 1, &server_hello);
    while let Some((&[what, low, high], rest)) = data.split_first_chunk::<3>() {
        let length = usize::from(u16::from_le_bytes([low, high]) & 0x3ff);
        let (text, rest) = rest.split_at(length.min(rest.len()));
        data = rest;
        let side = usize::from(what & 1);
        let record = match what >> 1 & 7 {
            0 => text.to_vec(),
            1 => [&[0x17, 3, 3, 0, 40][..], text].concat(),
            2 => sealers[side].seal(22, text),
            3 => sealers[side].seal(22, &[24, 0, 0, 1, 0]),
            4 => [sealers[side].seal(23, text), sealers[side].seal(23, text)].concat(),
            _ => sealers[side].seal(23, text),
        };
        // Whole, in two packets, without its end, or not at all.
        let (first, second) = record.split_at(record.len() * usize::from(what >> 6) / 3);
        if what & 0x10 == 0 {
            packet(&mut capture, &mut next, side, first);
            packet(&mut capture, &mut next, side, second);
        } else {
            packet(&mut capture, &mut next, side, first);
            next[side] = next[side].wrapping_add(second.len() as u32);
        }
    }
    capture
}

fn packet(capture: &mut Vec<u8>, next: &mut [u32; 2], side: usize, payload: &[u8]) {
    let ports = [40_000_u16, 9092];
    let total = u16::try_from(40 + payload.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    let addresses = [[10, 0, 0, 9], [10, 0, 0, 1]];
    packet.extend(addresses[side]);
    packet.extend(addresses[1 - side]);
    packet.extend(ports[side].to_be_bytes());
    packet.extend(ports[1 - side].to_be_bytes());
    packet.extend(next[side].to_be_bytes());
    packet.extend(next[1 - side].to_be_bytes());
    packet.extend([0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend(payload);
    capture.extend(1_u32.to_le_bytes());
    capture.extend((capture.len() as u32 % 1_000_000).to_le_bytes());
    capture.extend((packet.len() as u32).to_le_bytes());
    capture.extend((packet.len() as u32).to_le_bytes());
    capture.extend(packet);
    next[side] = next[side].wrapping_add(payload.len() as u32);
}
