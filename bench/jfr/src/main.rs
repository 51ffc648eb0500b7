//! Reads a recording by one reader, and prints what was found, the CPU time and the peak memory.
//!
//! `kcorr-bench-jfr READER FILE`, where READER is one of
//! - `skip`: from event to event by size, nothing decoded;
//! - `varints`: every byte of the file as part of a varint, nothing kept: the floor;
//! - `kcorr`: the whole decoding of kcorr: all its tables, all columns, all frames of all stacks;
//!   the batches are looked at and dropped; `kcorr-1`: on one thread;
//! - `kcorr-top`: the same, and the work of the comparison done on the batches: thread ids summed,
//!   top frames resolved;
//! - `jfrs`: jfrs as its README shows it (`get_field` by name); `jfrs-ids`: jfrs with the indices
//!   of the fields looked up once a type, thread and frame looked up once an id.

use std::collections::HashMap;
use std::fs::File;
use std::time::Instant;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use jfrs::reader::JfrReader;
use jfrs::reader::event::Accessor;
use jfrs::reader::value_descriptor::{Primitive, ValueDescriptor};
use kcorr_ingest_jfr::{JfrDecoder, JfrOptions};
use kcorr_model::{Decoder, Error, Output, SourceId, Table};

#[derive(Default)]
struct Found {
    events: u64,
    thread_ids: i64,
    name_bytes: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let reader = arguments.next().ok_or("usage: READER FILE")?;
    let path = arguments.next().ok_or("usage: READER FILE")?;
    let start = Instant::now();
    let file = File::open(&path)?;
    let map = unsafe { memmap2::Mmap::map(&file)? };
    let found = match reader.as_str() {
        "skip" => skip(&map),
        "varints" => varints(&map),
        "kcorr" => kcorr(&map, 0, false)?,
        "kcorr-1" => kcorr(&map, 1, false)?,
        "kcorr-top" => kcorr(&map, 1, true)?,
        "jfrs" => jfrs(&file, false)?,
        "jfrs-ids" => jfrs(&file, true)?,
        other => return Err(format!("no reader {other}").into()),
    };
    println!(
        "{} events, thread ids {}, names {}, {:.3} s",
        found.events,
        found.thread_ids,
        found.name_bytes,
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..56).step_by(7) {
        let Some(byte) = bytes.get(*at) else {
            return value;
        };
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    *at += 1;
    value
}

fn skip(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 68) {
        let length = u64::from_be_bytes(header[8..16].try_into().unwrap()) as usize;
        let end = at + length;
        at += 68;
        while at < end {
            let start = at;
            let size = varint(bytes, &mut at) as usize;
            found.thread_ids += varint(bytes, &mut at) as i64;
            found.events += 1;
            at = start + size;
        }
        at = end;
    }
    found
}

fn varints(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    let mut at = 0;
    while at < bytes.len() {
        found.thread_ids = found.thread_ids.wrapping_add(varint(bytes, &mut at) as i64);
        found.events += 1;
    }
    found
}

#[derive(Default)]
struct Sink {
    found: Found,
    top: bool,
    names: HashMap<i64, usize>,
    /// Rows by stack: ids count from the source's first.
    rows: Vec<u32>,
}

impl Output for Sink {
    fn batch(&mut self, table: &'static Table, batch: RecordBatch) -> Result<(), Error> {
        match table.name {
            "lock_waits" | "stack_samples" => {
                self.found.events += batch.num_rows() as u64;
                if self.top {
                    self.top(&batch);
                }
            }
            "stacks" if self.top => {
                let ids = batch.column(0).as_primitive::<Int64Type>();
                let frames = batch.column(2).as_list::<i32>();
                for row in 0..batch.num_rows() {
                    let frames = frames.value(row);
                    let frames = frames.as_string::<i32>();
                    let length = if frames.is_empty() {
                        0
                    } else {
                        frames.value(0).len()
                    };
                    self.names.insert(ids.value(row), length);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Sink {
    /// Sums thread ids, and counts the stacks whose top frame is wanted; stacks come behind.
    fn top(&mut self, batch: &RecordBatch) {
        let tids = batch
            .column_by_name("tid")
            .unwrap()
            .as_primitive::<Int32Type>();
        self.found.thread_ids += tids.iter().flatten().map(i64::from).sum::<i64>();
        let stacks = batch
            .column_by_name("stack_id")
            .unwrap()
            .as_primitive::<Int64Type>();
        for stack in stacks.iter().flatten() {
            let index = (stack - FIRST_ID) as usize;
            if self.rows.len() <= index {
                self.rows.resize(index + 1, 0);
            }
            self.rows[index] += 1;
        }
    }
}

/// Row ids of source 1.
const FIRST_ID: i64 = 10_000_000_000;

fn kcorr(bytes: &[u8], threads: usize, top: bool) -> Result<Found, Error> {
    let options = JfrOptions {
        threads,
        ..JfrOptions::default()
    };
    let mut sink = Sink {
        top,
        ..Sink::default()
    };
    let mut decoder = JfrDecoder::new(SourceId(1), options);
    decoder.push_whole(bytes, &mut sink)?;
    decoder.finish(&mut sink)?;
    for (id, count) in (FIRST_ID..).zip(&sink.rows) {
        sink.found.name_bytes += sink.names.get(&id).copied().unwrap_or(0) * *count as usize;
    }
    Ok(sink.found)
}

fn long(value: Option<Accessor<'_>>) -> i64 {
    match value.map(|accessor| accessor.value) {
        Some(ValueDescriptor::Primitive(Primitive::Long(value))) => *value,
        _ => 0,
    }
}

fn text_length(value: Option<Accessor<'_>>) -> usize {
    let value = value.and_then(Accessor::resolve);
    match value.map(|accessor| accessor.value) {
        Some(ValueDescriptor::Primitive(Primitive::String(text))) => text.len(),
        _ => 0,
    }
}

fn top_name(stack: Accessor<'_>) -> usize {
    let frames = stack.get_field("frames").and_then(Accessor::as_iter);
    let Some(frame) = frames.and_then(|mut frames| frames.next()) else {
        return 0;
    };
    let Some(method) = frame.get_field("method") else {
        return 0;
    };
    let symbol = |value: Option<Accessor<'_>>| {
        text_length(value.and_then(|symbol| symbol.get_field("string")))
    };
    let class = method
        .get_field("type")
        .and_then(|class| class.get_field("name"));
    symbol(method.get_field("name")) + symbol(class)
}

fn jfrs(file: &File, by_ids: bool) -> Result<Found, Box<dyn std::error::Error>> {
    let mut found = Found::default();
    let mut reader = JfrReader::new(file);
    for chunk in reader.chunks() {
        let (mut reader, chunk) = chunk.map_err(|error| error.to_string())?;
        let mut wanted = HashMap::new();
        for declared in chunk.metadata.type_pool.get_types() {
            let (thread, is_wanted) = match declared.name() {
                "jdk.JavaMonitorEnter" | "jdk.ThreadPark" => ("eventThread", true),
                "jdk.ExecutionSample" => ("sampledThread", true),
                _ => ("", false),
            };
            let index = |name| declared.get_field(name).map(|(index, _)| index);
            if let (true, Some(thread_at), Some(stack_at)) =
                (is_wanted, index(thread), index("stackTrace"))
            {
                wanted.insert(declared.class_id, (thread, thread_at, stack_at));
            }
        }
        let mut threads: HashMap<i64, i64> = HashMap::new();
        let mut names: HashMap<i64, usize> = HashMap::new();
        for event in reader.events(&chunk) {
            let event = event.map_err(|error| error.to_string())?;
            let Some((thread, thread_at, stack_at)) = wanted.get(&event.class.class_id) else {
                continue;
            };
            found.events += 1;
            if !by_ids {
                let value = event.value();
                found.thread_ids += long(
                    value
                        .get_field(thread)
                        .and_then(|t| t.get_field("osThreadId")),
                );
                found.name_bytes += value.get_field("stackTrace").map_or(0, top_name);
                continue;
            }
            let ValueDescriptor::Object(object) = event.value().value else {
                continue;
            };
            let id = |at: &usize| match object.fields.get(*at) {
                Some(ValueDescriptor::ConstantPool { constant_index, .. }) => *constant_index,
                _ => 0,
            };
            let field = |at: &usize| Accessor::new(&chunk, &object.fields[*at]);
            found.thread_ids += *threads
                .entry(id(thread_at))
                .or_insert_with(|| long(field(thread_at).get_field("osThreadId")));
            found.name_bytes += *names
                .entry(id(stack_at))
                .or_insert_with(|| top_name(field(stack_at)));
        }
    }
    Ok(found)
}
