//! The contenders of the capture benchmark that are Rust: one run of one of them, for `run.py`.
//!
//! `kcorr-bench-pcap floor|no-ids|ids|no-ids-mapped|ids-mapped CAPTURE [PORT [KEYS]]` prints the seconds it took,
//! the requests and the partition rows it yielded, and the peak of its anonymous memory.
#![allow(clippy::print_stdout)]

use std::fs::File;
use std::io::Read;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use kcorr_ingest_pcap::{KeyLogReader, PcapDecoder, PcapOptions, TlsKeys};
use kcorr_model::{Decoder, Error, Output, SourceId, Table, tables};

/// Bytes read at a time, where the capture is read and not mapped.
const READ_BYTES: usize = 1 << 20;

/// Counts rows and drops them.
#[derive(Debug, Default)]
struct Count {
    requests: usize,
    partitions: usize,
}

impl Output for Count {
    fn batch(
        &mut self,
        table: &'static Table,
        batch: arrow::record_batch::RecordBatch,
    ) -> Result<(), Error> {
        if table.name == tables::REQUESTS.name {
            self.requests += batch.num_rows();
        } else if table.name == tables::REQUEST_PARTITIONS.name {
            self.partitions += batch.num_rows();
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(contender), Some(path)) = (arguments.next(), arguments.next()) else {
        bail!("usage: kcorr-bench-pcap CONTENDER CAPTURE [PORT [KEYS]]");
    };
    let port = arguments.next().map_or(Ok(9092), |port| port.parse())?;
    let tls_keys = TlsKeys::default();
    if let Some(path) = arguments.next() {
        let key_log = std::fs::read(&path).with_context(|| format!("reading {path}"))?;
        KeyLogReader::new(path, &tls_keys).push(&key_log);
    }
    let mut file = File::open(&path).with_context(|| format!("opening {path}"))?;
    let mut count = Count::default();
    let start = Instant::now();
    let checksum = match contender.as_str() {
        "floor" => floor(&map(&file)?),
        "no-ids" | "ids" | "no-ids-mapped" | "ids-mapped" => {
            let mut options = PcapOptions {
                kafka_ports: vec![port],
                tls_keys,
                ..PcapOptions::default()
            };
            if contender.starts_with("no-ids") {
                options.message_id_headers = None;
            }
            let mut decoder = PcapDecoder::new(SourceId(1), options);
            if contender.ends_with("mapped") {
                decoder.push_whole(&map(&file)?, &mut count)?;
            } else {
                let mut buffer = vec![0; READ_BYTES];
                loop {
                    let read = file.read(&mut buffer)?;
                    let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                        break;
                    };
                    decoder.push(bytes, &mut count)?;
                }
            }
            let summary = decoder.finish(&mut count)?;
            summary.losses.len() as u64
        }
        other => bail!("no contender {other}"),
    };
    let seconds = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let of = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map_or("", str::trim)
            .to_owned()
    };
    println!(
        "seconds={seconds} requests={} partitions={} checksum={checksum} anonymous={}",
        count.requests,
        count.partitions,
        of("RssAnon:")
    );
    Ok(())
}

/// Nothing writes to the captures of the benchmark while they are mapped.
#[allow(unsafe_code)]
fn map(file: &File) -> Result<memmap2::Mmap> {
    // SAFETY: the file is a generated capture that no one changes during the run.
    Ok(unsafe { memmap2::Mmap::map(file)? })
}

/// What every reader of a capture must do at least: find each TCP payload of a classic
/// little-endian pcap of Ethernet frames, and copy every payload byte once.
fn floor(bytes: &[u8]) -> u64 {
    let mut at = 24;
    let mut buffer = vec![0_u8; 1 << 20];
    let mut filled = 0;
    let mut checksum = 0_u64;
    while let Some(header) = bytes.get(at..at + 16) {
        let field = |from: usize| {
            let mut four = [0; 4];
            four.copy_from_slice(header.get(from..from + 4).unwrap_or(&[0; 4]));
            u32::from_le_bytes(four) as usize
        };
        let captured = field(8);
        let Some(packet) = bytes.get(at + 16..at + 16 + captured) else {
            break;
        };
        at += 16 + captured;
        let Some(payload) = payload(packet) else {
            continue;
        };
        if filled + payload.len() > buffer.len() {
            checksum = checksum.wrapping_add(u64::from(buffer.first().copied().unwrap_or(0)));
            filled = 0;
        }
        if let Some(target) = buffer.get_mut(filled..filled + payload.len()) {
            target.copy_from_slice(payload);
            filled += payload.len();
        }
    }
    checksum.wrapping_add(std::hint::black_box(&buffer).len() as u64)
}

fn payload(packet: &[u8]) -> Option<&[u8]> {
    let (ip, header, total, protocol) = match packet.get(12..14)? {
        [0x08, 0x00] => {
            let ip = packet.get(14..)?;
            let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
            (ip, usize::from(ip.first()? & 15) * 4, total, *ip.get(9)?)
        }
        [0x86, 0xdd] => {
            let ip = packet.get(14..)?;
            let length = usize::from(u16::from_be_bytes([*ip.get(4)?, *ip.get(5)?]));
            (ip, 40, 40 + length, *ip.get(6)?)
        }
        _ => return None,
    };
    if protocol != 6 {
        return None;
    }
    let total = if total == 0 { ip.len() } else { total };
    let tcp = ip.get(header..total.min(ip.len()))?;
    tcp.get(usize::from(tcp.get(12)? >> 4) * 4..)
}
