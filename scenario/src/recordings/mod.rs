//! The recordings of a scenario, in the formats of the tools that make them on a real broker.
//!
//! Each recording has its own clock error, and its own share of lost events.

mod bpf;
mod clock;
mod gc_log;
mod jfr;
mod pcap;
mod request_log;
mod segments;
mod server_log;
mod thread_dump;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;

use crate::account::truths_at;
use crate::history::History;
use crate::random::Random;
use crate::{Options, simulate_brokers};
use clock::SourceClock;

/// What a recording is made with.
struct Recorder {
    clock: SourceClock,
    random: Random,
    lost_share: f64,
    /// Events that the recorder lost.
    lost: u64,
}

impl Recorder {
    fn new(options: &Options, source: &str) -> Self {
        Self {
            clock: SourceClock::new(options, source),
            random: Random::new(options.seed, &format!("loss {source}")),
            lost_share: options.lost_share,
            lost: 0,
        }
    }

    /// Whether an event is lost.
    fn loses(&mut self) -> bool {
        let lost = self.lost_share > 0.0 && self.random.chance(self.lost_share);
        self.lost += u64::from(lost);
        lost
    }
}

/// What was written, for people.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    /// Requests.
    pub requests: usize,
    /// Slow ones.
    pub slow: usize,
    /// File operations.
    pub writes: usize,
    /// Waits for monitors.
    pub waits: usize,
}

/// Simulates a scenario, and writes its recordings and truth into a folder; of several brokers, the recordings of each
/// into a folder of its own, `broker-N`.
pub fn generate(options: &Options, folder: &Path) -> anyhow::Result<Written> {
    let brokers = simulate_brokers(options);
    let mut written = Written::default();
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut output = create(folder, "truth.jsonl")?;
    for (broker, (history, options)) in brokers.iter().zip(options.by_broker()).enumerate() {
        let folder = if brokers.len() > 1 {
            folder.join(format!("broker-{}", history.broker_id))
        } else {
            folder.to_owned()
        };
        write_recordings_at(&brokers, broker, &options, &folder)?;
        written.writes += history.writes.len();
        written.waits += history.waits.len();
        for truth in truths_at(&brokers, broker, &options) {
            written.requests += 1;
            written.slow += usize::from(truth.slow);
            serde_json::to_writer(&mut output, &truth)?;
            output.write_all(b"\n")?;
        }
    }
    output.flush()?;
    let mut output = create(folder, "options.json")?;
    serde_json::to_writer_pretty(&mut output, options)?;
    output.flush()?;
    Ok(written)
}

/// Writes the recordings of a broker that is alone into a folder.
pub fn write_recordings(history: &History, options: &Options, folder: &Path) -> anyhow::Result<()> {
    write_recordings_at(std::slice::from_ref(history), 0, options, folder)
}

/// Writes the recordings of one of several brokers, by its place, into a folder.
fn write_recordings_at(
    brokers: &[History],
    broker: usize,
    options: &Options,
    folder: &Path,
) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let history = &brokers[broker];
    let recorder = |source| Recorder::new(options, source);
    pcap::write(
        brokers,
        broker,
        recorder("pcap"),
        create(folder, "dump.pcap")?,
    )?;
    bpf::write(
        history,
        options,
        recorder("bpf"),
        create(folder, "writes.jsonl")?,
    )?;
    jfr::write(
        history,
        options,
        recorder("jfr"),
        create(folder, "profile.jfr")?,
    )?;
    gc_log::write(history, recorder("gc_log"), create(folder, "gc.log")?)?;
    thread_dump::write(history, create(folder, "threads.txt")?)?;
    request_log::write(
        history,
        recorder("request_log"),
        create(folder, "request.log")?,
    )?;
    server_log::write(
        history,
        recorder("server_log"),
        create(folder, "server.log")?,
    )?;
    if brokers.len() > 1 {
        let mut output = create(folder, "meta.properties")?;
        writeln!(output, "node.id={}\nversion=1", history.broker_id)?;
        output.flush()?;
    }
    segments::write(history, &folder.join("segments"))
}

fn create(folder: &Path, name: &str) -> anyhow::Result<BufWriter<File>> {
    let path = folder.join(name);
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::new(file))
}

/// Wall time as `date`, `time` with a fraction of three digits.
fn date_time(epoch_ns: i64) -> (String, String) {
    let time = chrono::DateTime::from_timestamp_nanos(epoch_ns);
    (
        time.format("%Y-%m-%d").to_string(),
        time.format("%H:%M:%S%.3f").to_string(),
    )
}
