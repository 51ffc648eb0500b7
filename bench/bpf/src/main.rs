//! `kcorr-bench-bpf generate PATH MEGABYTES` writes probe JSON lines like a busy broker's;
//! `kcorr-bench-bpf READER PATH [THREADS]` reads them once and prints how many rows it saw.
//! `run.py` measures all readers.

mod generate;

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use kcorr_ingest_bpf::{BpfDecoder, BpfOptions};
use kcorr_model::{Decoder, Output, SourceId, Table};
use serde::Deserialize;

const BLOCK_BYTES: usize = 8 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let rows = match arguments.as_slice() {
        ["generate", path, megabytes] => generate::write(path, megabytes.parse::<u64>()? << 20)?,
        ["floor", path] => floor(path)?,
        ["serde", path] => serde(path)?,
        ["arrow-json", path] => arrow_json(path)?,
        ["decode", path, threads] => {
            let mut rows = CountedRows(0);
            decode(path, threads.parse()?, &mut rows)?;
            rows.0
        }
        _ => return Err("expected generate, floor, serde, arrow-json or decode".into()),
    };
    println!("{rows}");
    Ok(())
}

/// Calls back for each block of a file.
fn blocks(
    path: &str,
    mut block: impl FnMut(&[u8]) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; BLOCK_BYTES];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        block(&buffer[..length])?;
    }
}

/// The least that any reader of lines must do.
fn floor(path: &str) -> Result<u64, Box<dyn Error>> {
    let mut lines = 0;
    blocks(path, |bytes| {
        lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        Ok(())
    })?;
    Ok(lines)
}

/// An event with every key that the generated lines have.
#[derive(Deserialize)]
#[allow(dead_code, reason = "decoding is what is measured")]
struct Event<'a> {
    #[serde(borrow)]
    ev: &'a str,
    start_ns: Option<i64>,
    end_ns: Option<i64>,
    pid: Option<i32>,
    tid: Option<i32>,
    comm: Option<&'a str>,
    bytes: Option<i64>,
    offset: Option<i64>,
    dir: Option<&'a str>,
    file: Option<&'a str>,
    monitor: Option<&'a str>,
    class: Option<&'a str>,
}

fn serde(path: &str) -> Result<u64, Box<dyn Error>> {
    let mut rows = 0;
    let mut rest = Vec::new();
    blocks(path, |bytes| {
        rest.extend_from_slice(bytes);
        let whole = memchr::memrchr(b'\n', &rest).map_or(0, |end| end + 1);
        for line in rest[..whole].split(|&byte| byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            let event: Event<'_> = serde_json::from_slice(line)?;
            rows += u64::from(event.start_ns.is_some());
        }
        rest.drain(..whole);
        Ok(())
    })?;
    Ok(rows)
}

fn arrow_json(path: &str) -> Result<u64, Box<dyn Error>> {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let number = |name: &str| Field::new(name, DataType::Int64, true);
    let schema = Arc::new(Schema::new(vec![
        text("ev"),
        number("start_ns"),
        number("end_ns"),
        number("pid"),
        number("tid"),
        text("comm"),
        number("bytes"),
        number("offset"),
        text("dir"),
        text("file"),
        text("monitor"),
        text("class"),
    ]));
    let mut decoder = arrow_json::ReaderBuilder::new(schema)
        .with_batch_size(65_536)
        .build_decoder()?;
    let mut rows = 0;
    blocks(path, |mut bytes| {
        while !bytes.is_empty() {
            let used = decoder.decode(bytes)?;
            bytes = &bytes[used..];
            if !bytes.is_empty()
                && let Some(batch) = decoder.flush()?
            {
                rows += batch.num_rows() as u64;
            }
        }
        Ok(())
    })?;
    rows += decoder.flush()?.map_or(0, |batch| batch.num_rows() as u64);
    Ok(rows)
}

struct CountedRows(u64);

impl Output for CountedRows {
    fn batch(
        &mut self,
        _table: &'static Table,
        batch: arrow_array::RecordBatch,
    ) -> Result<(), kcorr_model::Error> {
        self.0 += batch.num_rows() as u64;
        Ok(())
    }
}

fn decode(path: &str, threads: usize, output: &mut dyn Output) -> Result<(), Box<dyn Error>> {
    let options = BpfOptions {
        threads: NonZeroUsize::new(threads),
        ..BpfOptions::default()
    };
    let mut decoder = BpfDecoder::new(SourceId(1), options);
    blocks(path, |bytes| Ok(decoder.push(bytes, output)?))?;
    let summary = decoder.finish(output)?;
    for loss in summary.losses {
        eprintln!("{} × {}: {}", loss.kind.name, loss.count, loss.detail);
    }
    Ok(())
}
