//! Puts one recording into a new store, as `kcorr ingest` does but without what asks SQL (the check of clocks, and
//! of what is stored twice): `kcorr-bench-ingest bpf|pcap|jfr FILE STORE [PORT]`.
//!
//! It needs no DataFusion, so it is built in a minute. Prints the rows of each table, and the bytes of its files.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use kcorr_ingest_bpf::{BpfDecoder, BpfOptions};
use kcorr_ingest_jfr::{JfrDecoder, JfrOptions};
use kcorr_ingest_pcap::{PcapDecoder, PcapOptions};
use kcorr_model::{ClockKind, Decoder, SourceId, Summary};
use kcorr_store::input::{CHUNK_BYTES, ContentHash, Input, InputKind, Stop, fill, map};
use kcorr_store::{Alignment, InputIdentity, SourceWriter, Store, StoreWriter};
use tikv_jemallocator::Jemalloc;

/// As the program has.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (kind, path, store, port) = match arguments.as_slice() {
        [kind, path, store] => (*kind, *path, *store, None),
        [kind, path, store, port] => (*kind, *path, *store, Some(port.parse()?)),
        _ => bail!("usage: kcorr-bench-ingest bpf|pcap|jfr FILE STORE [PORT]"),
    };
    ensure!(!Path::new(store).exists(), "{store} exists");
    ingest(kind, Path::new(path), Path::new(store), port)?;
    show(Path::new(store))
}

fn decoder(kind: &str, id: SourceId, port: Option<u16>) -> Result<Box<dyn Decoder>> {
    Ok(match kind {
        "bpf" => Box::new(BpfDecoder::new(id, BpfOptions::default())),
        "jfr" => Box::new(JfrDecoder::new(id, JfrOptions::default())),
        "pcap" => {
            let options = PcapOptions {
                kafka_ports: port.into_iter().collect(),
                ..PcapOptions::default()
            };
            Box::new(PcapDecoder::new(id, options))
        }
        other => bail!("no kind {other}"),
    })
}

fn ingest(kind: &str, path: &Path, store: &Path, port: Option<u16>) -> Result<()> {
    let mut writer = StoreWriter::open(store, || ())?;
    let identity = InputIdentity {
        kind: kind.to_owned(),
        paths: vec![path.display().to_string()],
    };
    let mut source = writer.begin(identity);
    let mut decoder = decoder(kind, source.id(), port)?;
    let mut hash = ContentHash::default();
    read(path, decoder.as_mut(), &mut source, &mut hash)?;
    let summary = decoder.finish(&mut source)?;
    source.end_input()?;
    let offset_ns = offset_ns(&summary);
    source.begins_with(hash.head_hex());
    writer.finish(source, summary, path.metadata()?.len(), hash.hex());
    let mut commit = writer.begin_commit();
    for source in commit.take_staged() {
        let alignment = Alignment {
            offset_ns: Some(offset_ns),
            uncertainty_ns: None,
            basis: "its first anchor".to_owned(),
        };
        commit.add(source, alignment)?;
    }
    commit.publish(&[])?;
    Ok(())
}

/// As the engine does: a whole file is handed over where a decoder wants one, others in pieces.
fn read(
    path: &Path,
    decoder: &mut dyn Decoder,
    source: &mut SourceWriter,
    hash: &mut ContentHash,
) -> Result<()> {
    let input = Input::open(path, &Stop::default())?;
    if let InputKind::File(file, _) = &input.kind
        && decoder.wants_whole()
        && let Some(map) = map(file)
    {
        hash.update(&map);
        decoder.push_whole(&map, source)?;
        return Ok(());
    }
    let mut reader = input.reader(|raw| hash.update(raw))?;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let (filled, error) = fill(&mut reader, &mut buffer);
        if let Some(error) = error {
            return Err(error).with_context(|| path.display().to_string());
        }
        decoder.push(&buffer[..filled], source)?;
        if filled < buffer.len() {
            return Ok(());
        }
    }
}

/// What its first anchor makes wall time of.
fn offset_ns(summary: &Summary) -> i64 {
    let anchor = summary
        .anchors
        .iter()
        .find(|anchor| anchor.reference == ClockKind::Realtime);
    anchor.map_or(0, |anchor| anchor.reference_time_ns - anchor.time_ns)
}

fn show(store: &Path) -> Result<()> {
    let store = Store::open(PathBuf::from(store))?;
    let mut bytes = 0;
    let mut tables: Vec<(String, u64)> = Vec::new();
    for source in &store.manifest().sources {
        for file in &source.files {
            bytes += file.size_bytes;
            match tables.iter_mut().find(|(table, _)| *table == file.table) {
                Some((_, rows)) => *rows += file.row_count,
                None => tables.push((file.table.clone(), file.row_count)),
            }
        }
    }
    let tables: Vec<String> = tables
        .into_iter()
        .map(|(table, rows)| format!("{table}={rows}"))
        .collect();
    println!("bytes={bytes} {}", tables.join(" "));
    Ok(())
}
