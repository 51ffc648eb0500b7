//! A store with requests, writes and lock waits at random times.
//!
//! Times are spread evenly, lengths are as a broker has them: most are short, one in a thousand lasts a
//! hundred times as long. The key is in `correlation_id` of a request and in `tid` of the others. With
//! skew `partition`, nine of ten rows have key 0; with `long`, the first write lasts throughout.

use std::sync::Arc;

use anyhow::{Context, Result};
use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, Int16Array, Int32Array, Int64Array, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::Int32Type;
use kcorr_model::{BatchBuilder, ClockKind, Output, Summary, Table, tables};
use kcorr_store::{InputIdentity, SourceWriter, StoreWriter};

/// 2024-01-01
const DAY_NS: i64 = 1_704_067_200_000_000_000;
const BATCH_ROWS: usize = 64 * 1024;

/// Writes a store: its folder, and then keys, seconds, requests, writes, lock waits, and the skew.
pub(crate) fn generate(store: &str, arguments: &[&str]) -> Result<()> {
    let number = |place: usize| -> Result<i64> {
        Ok(arguments.get(place).context("too few arguments")?.parse()?)
    };
    let draw = Draw {
        keys: number(0)?,
        seconds: number(1)?,
        skew: (*arguments.get(5).unwrap_or(&"none")).to_owned(),
    };
    let mut writer = StoreWriter::open(store, || {})?;
    let identity = InputIdentity {
        kind: "generated".to_owned(),
        paths: vec!["generated".to_owned()],
    };
    let mut source = writer.begin(identity);
    rows(&mut source, &tables::REQUESTS, number(2)?, &draw, 4_000_000)?;
    rows(&mut source, &tables::WRITES, number(3)?, &draw, 200_000)?;
    rows(&mut source, &tables::LOCK_WAITS, number(4)?, &draw, 500_000)?;
    let summary = Summary {
        format: "generated".to_owned(),
        clock: ClockKind::Realtime,
        anchors: Vec::new(),
        losses: Vec::new(),
        limits: Vec::new(),
    };
    writer.finish(source, summary, 0, String::new());
    kcorr_engine::commit(&mut writer)?;
    Ok(())
}

struct Draw {
    keys: i64,
    seconds: i64,
    skew: String,
}

/// A multiplicative congruential generator with its high bits: enough to spread rows.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = i64::from(u32::try_from(self.0 >> 33).unwrap_or(0));
        i64::try_from((i128::from(high) * i128::from(limit)) >> 31).unwrap_or(0)
    }
}

fn rows(
    source: &mut SourceWriter,
    table: &'static Table,
    count: i64,
    draw: &Draw,
    usual_ns: i64,
) -> Result<()> {
    let mut random = Random(u64::try_from(count + usual_ns)?);
    let mut next = 0;
    while next < count {
        let ids: Vec<i64> = (next..count.min(next + i64::try_from(BATCH_ROWS)?)).collect();
        next += i64::try_from(ids.len())?;
        let (mut starts, mut ends, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for &id in &ids {
            let step = draw.seconds * 1_000_000_000 / count;
            let start = DAY_NS + id * step + random.below(step.max(1));
            let length = match random.below(1000) {
                0 => random.below(200 * usual_ns),
                _ => random.below(2 * usual_ns),
            };
            let is_long = draw.skew == "long" && table.name == "writes" && id == 0;
            starts.push(start);
            ends.push(if is_long {
                start + draw.seconds * 1_000_000_000
            } else {
                start + length
            });
            let is_first = draw.skew == "partition" && random.below(10) > 0;
            keys.push(if is_first {
                0
            } else {
                i32::try_from(random.below(draw.keys))?
            });
        }
        let batch = batch(table, ids, starts, ends, keys)?;
        source
            .batch(table, batch)
            .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    }
    Ok(())
}

fn batch(
    table: &'static Table,
    ids: Vec<i64>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    keys: Vec<i32>,
) -> Result<datafusion::arrow::array::RecordBatch> {
    let count = ids.len();
    let label = |text: &str| -> ArrayRef {
        Arc::new(std::iter::repeat_n(Some(text), count).collect::<DictionaryArray<Int32Type>>())
    };
    let time = |times: &[i64]| -> ArrayRef {
        Arc::new(TimestampNanosecondArray::from(times.to_vec()).with_timezone("UTC"))
    };
    let same = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value; count])) };
    let durations: Vec<i64> = ends
        .iter()
        .zip(&starts)
        .map(|(end, start)| end - start)
        .collect();
    let durations: ArrayRef = Arc::new(Int64Array::from(durations));
    let keys: ArrayRef = Arc::new(Int32Array::from(keys));
    let ids: ArrayRef = Arc::new(Int64Array::from(ids));
    let rows = BatchBuilder::new(table, count).set("source_id", same(1));
    let rows = match table.name {
        "requests" => rows
            .set("request_id", ids)
            .set("connection_id", same(1))
            .set("client_address", label("10.0.0.1:50000"))
            .set("server_address", label("10.0.0.2:9092"))
            .set("api", label("Produce"))
            .set("api_key", Arc::new(Int16Array::from(vec![0; count])))
            .set("api_version", Arc::new(Int16Array::from(vec![11; count])))
            .set("correlation_id", keys)
            .set("arrival_time", time(&starts))
            .set("end_time", time(&ends))
            .set("latency_ns", durations)
            .set("request_bytes", same(1000)),
        "writes" => rows
            .set("write_id", ids)
            .set("operation", label("write"))
            .set("origin", label("bpf"))
            .set("start_time", time(&starts))
            .set("end_time", time(&ends))
            .set("duration_ns", durations)
            .set("tid", keys),
        _ => rows
            .set("lock_wait_id", ids)
            .set("kind", label("monitor"))
            .set("origin", label("jfr"))
            .set("start_time", time(&starts))
            .set("end_time", time(&ends))
            .set("duration_ns", durations)
            .set("tid", keys),
    };
    Ok(rows.finish()?)
}
