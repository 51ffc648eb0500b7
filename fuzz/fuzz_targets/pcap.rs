//! Any bytes as a capture, and any bytes as TCP payloads of a connection to a broker: plain or in tunnels,
//! seen before and after address translation, on ports that are named or to be found.
//!
//! Besides not panicking, the rows must be the same however the capture is pushed.
#![no_main]

use kcorr_ingest_pcap::{PcapDecoder, PcapOptions, first_time};
use kcorr_model::{Decoder, Error, Output, SourceId, Summary, Table};

type Batches = Vec<(&'static Table, arrow::record_batch::RecordBatch)>;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&mode, data)) = data.split_first() else {
        return;
    };
    let capture = if mode & 1 == 0 {
        data.to_vec()
    } else {
        conversation(data)
    };
    let chunk = 1 + usize::from(mode >> 2) * 7;
    let ports: &[u16] = if mode & 2 == 0 {
        &[9092, 19092, 19095, 19194, 19196, 19292, 19392]
    } else {
        &[]
    };
    let _ = first_time(&capture);
    let whole = decoded(&capture, ports, usize::MAX);
    let pieces = decoded(&capture, ports, chunk);
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => assert!(whole == pieces, "rows depend on the split"),
        (Err(_), Err(_)) => {}
        (whole, pieces) => panic!("{:?} but {:?}", whole.err(), pieces.err()),
    }
});

fn decoded(capture: &[u8], ports: &[u16], chunk: usize) -> Result<(Batches, Summary), Error> {
    let options = PcapOptions {
        buffer_bytes: 64 << 10,
        connections: 4,
        kafka_ports: ports.to_vec(),
        ..PcapOptions::default()
    };
    let mut decoder = PcapDecoder::new(SourceId(1), options);
    let mut batches = Batches::new();
    {
        let output: &mut dyn Output = &mut batches;
        for piece in capture.chunks(chunk.min(capture.len().max(1))) {
            decoder.push(piece, output)?;
        }
    }
    let summary = decoder.finish(&mut batches)?;
    Ok((batches, summary))
}

/// A capture of raw IPv4 packets: each five bytes of `data` describe one, its payload follows.
fn conversation(mut data: &[u8]) -> Vec<u8> {
    let mut capture = vec![
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0,
    ];
    capture.extend(101_u32.to_le_bytes());
    let mut next = [[1000_u32; 2]; 4];
    let mut time = 0_u32;
    while let Some((head, rest)) = data.split_first_chunk::<5>() {
        let [what, flags, length0, length1, shift] = *head;
        let length = usize::from(u16::from_le_bytes([length0, length1])) & 0x7ff;
        let (payload, rest) = rest.split_at(length.min(rest.len()));
        data = rest;
        let from_client = what & 1 == 0;
        let client = usize::from(what >> 1 & 3);
        let (own, other) = if from_client { (0, 1) } else { (1, 0) };
        // Mostly in order, sometimes shifted.
        let shift = if flags & 0xc0 == 0xc0 {
            i32::from(shift.cast_signed())
        } else {
            0
        };
        let sequence = next[client][own].wrapping_add(shift.cast_unsigned());
        let tcp_flags = match flags & 0x0f {
            0 => 0x02,
            1 => 0x12,
            2 => 0x11,
            3 => 0x14,
            _ => 0x10,
        };
        let cut = if flags & 0x30 == 0x30 {
            payload.len() / 2
        } else {
            0
        };
        let ports = [40_000 + u16::try_from(client).unwrap_or(0), 9092];
        let total = u16::try_from(40 + payload.len()).unwrap_or(u16::MAX);
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        // Either of two addresses of the broker.
        let broker = 1 + (what >> 6 & 1);
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        let addresses = [[10, 0, 0, 9], [10, 0, 0, broker]];
        packet.extend(addresses[own]);
        packet.extend(addresses[other]);
        packet.extend(ports[own].to_be_bytes());
        packet.extend(ports[other].to_be_bytes());
        packet.extend(sequence.to_be_bytes());
        packet.extend(next[client][other].to_be_bytes());
        packet.extend([0x50, tcp_flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);
        let packet = tunnelled(packet, what >> 3 & 7);
        let original = u32::try_from(packet.len()).unwrap_or(0);
        let mut packet = packet;
        packet.truncate(packet.len() - cut);
        time = time.wrapping_add(u32::from(flags));
        capture.extend((1 + time / 1_000_000).to_le_bytes());
        capture.extend((time % 1_000_000).to_le_bytes());
        capture.extend(u32::try_from(packet.len()).unwrap_or(0).to_le_bytes());
        capture.extend(original.to_le_bytes());
        capture.extend(packet);
        let syn = u32::from(tcp_flags & 0x02 != 0);
        if shift == 0 {
            next[client][own] = sequence
                .wrapping_add(u32::try_from(payload.len()).unwrap_or(0))
                .wrapping_add(syn);
        }
    }
    capture
}

/// The packet as it is, or in a tunnel.
fn tunnelled(packet: Vec<u8>, tunnel: u8) -> Vec<u8> {
    let (protocol, head): (u8, &[u8]) = match tunnel {
        4 => (4, &[]),
        5 => (47, &[0x20, 0, 8, 0, 0, 0, 0, 7]),
        6 => (137, &[0, 0, 0x11, 64]),
        7 => (
            17,
            &[
                0xc0, 0, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0,
                0, 0, 2, 8, 0,
            ],
        ),
        _ => return packet,
    };
    let total = u16::try_from(20 + head.len() + packet.len()).unwrap_or(u16::MAX);
    let mut outer = vec![0x45, 0];
    outer.extend(total.to_be_bytes());
    outer.extend([
        0, 0, 0, 0, 64, protocol, 0, 0, 192, 168, 0, 1, 192, 168, 0, 2,
    ]);
    outer.extend(head);
    outer.extend(packet);
    outer
}
