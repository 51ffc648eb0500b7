//! Model tables of any size, written directly: for benchmarks of joins and queries, not for scores.
//!
//! A statistical broker, not the simulated one: a queue for each log. Rows are written as they come, each
//! table into one Parquet file sorted as the model says; what is held is bounded by the requests that are
//! open at the same time. There is no truth beside them.

mod appends;
mod file;
mod options;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int16Array, StringArray};
use kcorr_model::tables::{FUNCTION_CALLS, LOCK_WAITS, REQUEST_PARTITIONS, REQUESTS, WRITES};
use kcorr_model::{RowIds, SourceId};

use appends::{Append, Appends};
use file::{TableFile, ints, label, labels, longs, times};
pub use options::{Skew, TableOptions};

const BATCH_ROWS: usize = 64 << 10;
const PARTITIONS: usize = 12;
const CONNECTIONS: i64 = 500;
const PID: i32 = 4_400;
const JOURNAL_TID: i32 = 812;
const PCAP: SourceId = SourceId(1);
const BPF: SourceId = SourceId(2);
const JFR: SourceId = SourceId(3);

/// Writes the tables into a folder; answers rows by table.
pub fn write(options: &TableOptions, folder: &Path) -> anyhow::Result<Vec<(&'static str, u64)>> {
    std::fs::create_dir_all(folder)?;
    let texts = Texts::new(options.logs.max(1));
    let mut requests = Requests::create(folder, &texts)?;
    let mut writes = Rows::create(folder, Kind::Writes, &texts)?;
    let mut waits = Rows::create(folder, Kind::Waits, &texts)?;
    let mut commits = Rows::create(folder, Kind::Commits, &texts)?;
    for append in Appends::new(options) {
        // What comes later starts later than this arrival.
        for rows in [&mut writes, &mut waits, &mut commits] {
            rows.pass(append.arrival)?;
        }
        if append.shows_request {
            requests.push(&append)?;
        }
        writes.push(append.write_start, append);
        if append.shows_wait {
            waits.push(append.taken, append);
        }
        if append.is_stalled {
            commits.push(append.write_start, append);
        }
    }
    Ok(vec![
        ("requests", requests.finish()?),
        ("writes", writes.finish()?),
        ("lock_waits", waits.finish()?),
        ("function_calls", commits.finish()?),
    ])
}

/// Texts that rows refer to by their places.
struct Texts {
    topics: Arc<StringArray>,
    directories: Arc<StringArray>,
    clients: Arc<StringArray>,
    client_ids: Arc<StringArray>,
}

impl Texts {
    fn new(logs: usize) -> Self {
        let all = |count: usize, of: &dyn Fn(usize) -> String| {
            Arc::new(StringArray::from_iter_values((0..count).map(of)))
        };
        let connections = CONNECTIONS as usize;
        Self {
            topics: all(logs.div_ceil(PARTITIONS), &|n| format!("topic-{n}")),
            directories: all(logs, &|n| {
                format!("topic-{}-{}", n / PARTITIONS, n % PARTITIONS)
            }),
            clients: all(connections, &|n| {
                format!("10.1.{}.{}:{}", n / 250, n % 250, 40_000 + n)
            }),
            client_ids: all(connections, &|n| format!("producer-{n}")),
        }
    }
}

/// Columns made of rows, one value a row.
fn column<T, V>(rows: &[T], of: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(of).collect()
}

/// `requests` and `request_partitions`, which come in the order of arrival.
struct Requests<'a> {
    texts: &'a Texts,
    requests: TableFile,
    partitions: TableFile,
    request_ids: RowIds,
    partition_ids: RowIds,
    rows: Vec<Append>,
    count: u64,
}

impl<'a> Requests<'a> {
    fn create(folder: &Path, texts: &'a Texts) -> anyhow::Result<Self> {
        Ok(Self {
            texts,
            requests: TableFile::create(folder, &REQUESTS)?,
            partitions: TableFile::create(folder, &REQUEST_PARTITIONS)?,
            request_ids: PCAP.row_ids(),
            partition_ids: PCAP.row_ids(),
            rows: Vec::new(),
            count: 0,
        })
    }

    fn push(&mut self, append: &Append) -> anyhow::Result<()> {
        self.rows.push(*append);
        if self.rows.len() >= BATCH_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let (n, first) = (rows.len(), self.count as i64);
        self.count += n as u64;
        let ids: Vec<i64> = rows.iter().map(|_| self.request_ids.next()).collect();
        let partition_ids: Vec<i64> = rows.iter().map(|_| self.partition_ids.next()).collect();
        let numbers: Vec<i64> = (first..first + n as i64).collect();
        let connections = column(&numbers, |n| n % CONNECTIONS);
        let places = column(&connections, |c| *c as i32);
        let arrivals = times(column(&rows, |r| r.arrival));
        let produce = Arc::new(Int16Array::from(vec![0; n]));
        let connection_ids = column(&connections, |c| c + 10_000_000_001);
        self.requests.append(
            n,
            vec![
                ("request_id", longs(ids.clone())),
                ("source_id", longs(vec![PCAP.0; n])),
                ("connection_id", longs(connection_ids)),
                (
                    "client_address",
                    labels(places.clone(), &self.texts.clients),
                ),
                ("server_address", label("10.0.0.1:9092", n)),
                ("api", label("Produce", n)),
                ("api_key", produce.clone()),
                ("api_version", Arc::new(Int16Array::from(vec![11; n]))),
                (
                    "correlation_id",
                    ints(column(&numbers, |n| (n / CONNECTIONS) as i32)),
                ),
                ("client_id", labels(places, &self.texts.client_ids)),
                ("arrival_time", arrivals.clone()),
                ("read_time", times(column(&rows, |r| r.arrival + 2_000))),
                ("response_time", times(column(&rows, |r| r.end))),
                ("end_time", times(column(&rows, |r| r.end))),
                ("latency_ns", longs(column(&rows, |r| r.end - r.arrival))),
                ("request_bytes", longs(column(&rows, |r| r.bytes + 90))),
                ("response_bytes", longs(vec![60; n])),
                ("acks", Arc::new(Int16Array::from(vec![1; n]))),
                ("error_code", produce.clone()),
            ],
        )?;
        self.partitions.append(
            n,
            vec![
                ("request_partition_id", longs(partition_ids)),
                ("source_id", longs(vec![PCAP.0; n])),
                ("request_id", longs(ids)),
                ("arrival_time", arrivals),
                ("topic", labels(column(&rows, topic), &self.texts.topics)),
                ("partition", ints(column(&rows, partition))),
                ("records_bytes", longs(column(&rows, |r| r.bytes))),
                ("record_count", longs(column(&rows, Append::records))),
                ("base_offset", longs(column(&rows, |r| r.base_offset))),
                ("compression", label("none", n)),
                ("error_code", produce),
            ],
        )
    }

    fn finish(mut self) -> anyhow::Result<u64> {
        self.flush()?;
        self.requests.finish()?;
        self.partitions.finish()?;
        Ok(self.count)
    }
}

fn topic(append: &Append) -> i32 {
    (append.log / PARTITIONS) as i32
}

fn partition(append: &Append) -> i32 {
    (append.log % PARTITIONS) as i32
}

/// The tables whose rows start later than their append arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Writes,
    Waits,
    Commits,
}

/// A row that waits for its turn in the order of time.
struct Held(i64, u64, Append);

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// One of these tables, put into the order of time.
struct Rows<'a> {
    kind: Kind,
    texts: &'a Texts,
    file: TableFile,
    ids: RowIds,
    held: BinaryHeap<Reverse<Held>>,
    pushed: u64,
    rows: Vec<Append>,
    count: u64,
}

impl<'a> Rows<'a> {
    fn create(folder: &Path, kind: Kind, texts: &'a Texts) -> anyhow::Result<Self> {
        let (table, source) = match kind {
            Kind::Writes => (&WRITES, BPF),
            Kind::Waits => (&LOCK_WAITS, JFR),
            Kind::Commits => (&FUNCTION_CALLS, BPF),
        };
        Ok(Self {
            kind,
            texts,
            file: TableFile::create(folder, table)?,
            ids: source.row_ids(),
            held: BinaryHeap::new(),
            pushed: 0,
            rows: Vec::new(),
            count: 0,
        })
    }

    fn push(&mut self, start: i64, append: Append) {
        self.pushed += 1;
        self.held.push(Reverse(Held(start, self.pushed, append)));
    }

    /// Nothing that starts before this comes any more.
    fn pass(&mut self, time: i64) -> anyhow::Result<()> {
        while let Some(Reverse(Held(start, ..))) = self.held.peek() {
            if *start > time {
                break;
            }
            if let Some(Reverse(Held(_, _, append))) = self.held.pop() {
                self.rows.push(append);
            }
            if self.rows.len() >= BATCH_ROWS {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let n = rows.len();
        self.count += n as u64;
        let ids = longs(rows.iter().map(|_| self.ids.next()).collect());
        let columns = match self.kind {
            Kind::Writes => vec![
                ("write_id", ids),
                ("source_id", longs(vec![BPF.0; n])),
                ("operation", label("write", n)),
                ("origin", label("bpf", n)),
                ("start_time", times(column(&rows, |r| r.write_start))),
                ("end_time", times(column(&rows, |r| r.write_end))),
                (
                    "duration_ns",
                    longs(column(&rows, |r| r.write_end - r.write_start)),
                ),
                ("pid", ints(vec![PID; n])),
                ("tid", ints(column(&rows, |r| r.tid))),
                ("comm", label("data-plane-kafk", n)),
                ("bytes", longs(column(&rows, |r| r.bytes))),
                ("file_offset", longs(column(&rows, |r| r.file_offset))),
                (
                    "directory",
                    labels(column(&rows, |r| r.log as i32), &self.texts.directories),
                ),
                ("file", label("00000000000000000000.log", n)),
                ("topic", labels(column(&rows, topic), &self.texts.topics)),
                ("partition", ints(column(&rows, partition))),
                ("segment_base_offset", longs(vec![0; n])),
                ("file_kind", label("log", n)),
                ("file_system", label("ext4", n)),
            ],
            Kind::Waits => vec![
                ("lock_wait_id", ids),
                ("source_id", longs(vec![JFR.0; n])),
                ("kind", label("monitor", n)),
                ("origin", label("jfr", n)),
                ("start_time", times(column(&rows, |r| r.taken))),
                ("end_time", times(column(&rows, |r| r.locked))),
                ("duration_ns", longs(column(&rows, |r| r.locked - r.taken))),
                ("pid", ints(vec![PID; n])),
                ("tid", ints(column(&rows, |r| r.tid))),
                ("comm", label("data-plane-kafk", n)),
                ("lock_class", label("java.lang.Object", n)),
                (
                    "lock_address",
                    longs(column(&rows, |r| 0xc000_0000 + 64 * r.log as i64)),
                ),
            ],
            Kind::Commits => vec![
                ("function_call_id", ids),
                ("source_id", longs(vec![BPF.0; n])),
                ("function", label("jbd2_journal_commit_transaction", n)),
                ("start_time", times(column(&rows, |r| r.write_start))),
                ("end_time", times(column(&rows, |r| r.write_end))),
                (
                    "duration_ns",
                    longs(column(&rows, |r| r.write_end - r.write_start)),
                ),
                ("tid", ints(vec![JOURNAL_TID; n])),
                ("comm", label("jbd2/nvme1n1-8", n)),
                ("device", label("259:1", n)),
            ],
        };
        self.file.append(n, columns)
    }

    fn finish(mut self) -> anyhow::Result<u64> {
        self.pass(i64::MAX)?;
        self.flush()?;
        self.file.finish()?;
        Ok(self.count)
    }
}
