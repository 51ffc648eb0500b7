//! Decodes a file of a tracer's output and prints what is in it.
//!
//! ```text
//! cargo run -p kcorr-ingest-bpf --example decode -- writes.jsonl [FORMAT]
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read;

use kcorr_ingest_bpf::{BpfDecoder, BpfOptions};
use kcorr_model::{Decoder, SourceId};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("expected a path")?;
    let format = arguments.next().map(|name| name.parse()).transpose()?;
    let options = BpfOptions {
        format,
        ..BpfOptions::default()
    };

    let mut decoder = BpfDecoder::new(SourceId(1), options);
    let mut input = std::fs::File::open(path)?;
    let mut buffer = vec![0; 8 << 20];
    let mut batches = Vec::new();
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    loop {
        let length = input.read(&mut buffer)?;
        let summary = if length == 0 {
            Some(decoder.finish(&mut batches)?)
        } else {
            decoder.push(buffer.get(..length).unwrap_or_default(), &mut batches)?;
            None
        };
        for (table, batch) in batches.drain(..) {
            *rows.entry(table.name).or_default() += batch.num_rows();
        }
        if let Some(summary) = summary {
            println!("{rows:#?}\n{summary:#?}");
            return Ok(());
        }
    }
}
