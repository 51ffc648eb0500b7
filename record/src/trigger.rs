//! What asks for a dump: a request on the wire, or a write, that took too long.
//!
//! Requests are read from the capture while it is made, by the decoder that reads it into a store later. What a
//! request asked to wait itself (`max_wait`) is no slowness.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use kcorr_ingest_pcap::{PcapDecoder, PcapOptions};
use kcorr_model::{Decoder, Error, Output, SourceId, Table, integer_from_decimal};

use crate::child::Observer;
use crate::whole_lines::WholeLines;

/// How often the decoder of live packets is asked for its rows.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Memory of the decoder of live packets: connections, and bytes of what is not whole.
const MOST_CONNECTIONS: usize = 16_384;
const MOST_BUFFERED: usize = 16 << 20;
/// Bytes of a line that are looked at.
const MOST_LINE_BYTES: usize = 4 << 10;
/// Dumps that are asked for and not yet begun.
const MOST_WAITING: usize = 256;

/// `produce > 500ms`: what may not take longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    what: What,
    limit: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// A request of an API, by its name in lower case.
    Api(String),
    /// Any request.
    Request,
    /// A write or sync of a file.
    Write,
}

/// A condition cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no condition: expected `produce > 500ms`, the name of any API, `request` or `write`, and a time"
)]
pub struct UnknownCondition(String);

impl FromStr for Condition {
    type Err = UnknownCondition;

    fn from_str(text: &str) -> Result<Self, UnknownCondition> {
        let unknown = || UnknownCondition(text.to_owned());
        let (what, limit) = text.split_once('>').ok_or_else(unknown)?;
        let limit = duration(limit.strip_prefix('=').unwrap_or(limit)).ok_or_else(unknown)?;
        let what = match what.trim().to_lowercase().as_str() {
            "request" => What::Request,
            "write" => What::Write,
            api if !api.is_empty() && api.bytes().all(|it| it.is_ascii_alphanumeric()) => {
                What::Api(api.to_owned())
            }
            _ => return Err(unknown()),
        };
        Ok(Self { what, limit })
    }
}

/// `500ms`, `1.5s`, `2m`, `250us`.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let unit_ns = match unit.trim() {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        _ => return None,
    };
    let ns = integer_from_decimal(number, unit_ns)?;
    u64::try_from(ns)
        .ok()
        .filter(|&ns| ns > 0)
        .map(Duration::from_nanos)
}

impl Condition {
    fn limit_ns(&self) -> i64 {
        i64::try_from(self.limit.as_nanos()).unwrap_or(i64::MAX)
    }

    fn holds_for_request(&self, api: &str, latency_ns: i64) -> bool {
        let is_meant = match &self.what {
            What::Api(name) => api.eq_ignore_ascii_case(name),
            What::Request => true,
            What::Write => false,
        };
        is_meant && latency_ns > self.limit_ns()
    }

    fn holds_for_write(&self, duration_ns: i64) -> bool {
        self.what == What::Write && duration_ns > self.limit_ns()
    }
}

/// Something took too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// When it was seen.
    pub time: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// What it was.
    pub what: String,
}

impl fmt::Display for Firing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} took {:.3} s", self.what, self.took.as_secs_f64())
    }
}

/// Conditions, and what they held for.
#[derive(Debug, Clone, Default)]
pub struct Triggers {
    conditions: Arc<Vec<Condition>>,
    fired: Arc<Mutex<VecDeque<Firing>>>,
}

impl Triggers {
    /// Of conditions, any of which asks for a dump.
    pub fn new(conditions: Vec<Condition>) -> Self {
        Self {
            conditions: Arc::new(conditions),
            fired: Arc::default(),
        }
    }

    /// What was too slow since this was asked last.
    pub fn take(&self) -> Vec<Firing> {
        let mut fired = self.fired.lock().unwrap_or_else(PoisonError::into_inner);
        fired.drain(..).collect()
    }

    /// Whether a condition is about requests.
    pub(crate) fn need_packets(&self) -> bool {
        self.conditions.iter().any(|it| it.what != What::Write)
    }

    /// Whether a condition is about writes.
    pub(crate) fn need_writes(&self) -> bool {
        self.conditions.iter().any(|it| it.what == What::Write)
    }

    /// What looks at a capture, if a condition needs it.
    pub(crate) fn packets(&self, ports: Vec<u16>) -> Option<Box<dyn Observer>> {
        self.need_packets().then(|| {
            let observer = LivePackets {
                decoder: Some(decoder(&ports)),
                requests: LiveRequests(self.clone()),
                looked: Instant::now(),
                ports,
            };
            Box::new(observer) as Box<dyn Observer>
        })
    }

    /// What looks at the lines of file operations, if a condition needs it.
    pub(crate) fn writes(&self) -> Option<Box<dyn Observer>> {
        self.need_writes().then(|| {
            let observer = LiveWrites {
                triggers: self.clone(),
                lines: WholeLines::of(MOST_LINE_BYTES),
            };
            Box::new(observer) as Box<dyn Observer>
        })
    }

    fn fire(&self, what: String, took_ns: i64) {
        let mut fired = self.fired.lock().unwrap_or_else(PoisonError::into_inner);
        if fired.len() < MOST_WAITING {
            fired.push_back(Firing {
                time: SystemTime::now(),
                took: Duration::from_nanos(u64::try_from(took_ns).unwrap_or_default()),
                what,
            });
        }
    }
}

fn decoder(ports: &[u16]) -> PcapDecoder {
    let options = PcapOptions {
        kafka_ports: ports.to_vec(),
        message_id_headers: None,
        buffer_bytes: MOST_BUFFERED,
        connections: MOST_CONNECTIONS,
        ..PcapOptions::default()
    };
    PcapDecoder::new(SourceId(0), options)
}

/// Looks at packets.
struct LivePackets {
    decoder: Option<PcapDecoder>,
    requests: LiveRequests,
    looked: Instant,
    ports: Vec<u16>,
}

impl Observer for LivePackets {
    fn see(&mut self, bytes: &[u8]) {
        let Some(decoder) = &mut self.decoder else {
            return;
        };
        let pushed = decoder.push(bytes, &mut self.requests).and_then(|()| {
            if self.looked.elapsed() < LOOK_EVERY {
                return Ok(());
            }
            self.looked = Instant::now();
            decoder.yield_rows(&mut self.requests)
        });
        if pushed.is_err() {
            // It is used no more after an error; a stream that is no capture is none from its begin.
            self.decoder = None;
            self.requests.0.fire(
                format!(
                    "the capture of ports {:?} cannot be read live; its trigger",
                    self.ports
                ),
                0,
            );
        }
    }
}

/// Looks at requests.
struct LiveRequests(Triggers);

impl LiveRequests {
    fn look(&self, batch: &RecordBatch) -> Option<()> {
        let latencies = batch
            .column_by_name("latency_ns")?
            .as_primitive_opt::<Int64Type>()?;
        let asked = batch
            .column_by_name("max_wait_ns")?
            .as_primitive_opt::<Int64Type>()?;
        let mut apis: Option<arrow::array::ArrayRef> = None;
        for row in 0..batch.num_rows() {
            if latencies.is_null(row) {
                continue;
            }
            let waits = if asked.is_null(row) {
                0
            } else {
                asked.value(row)
            };
            let latency = latencies.value(row).saturating_sub(waits);
            // Few are slow enough for any.
            if !self.0.conditions.iter().any(|it| latency > it.limit_ns()) {
                continue;
            }
            if apis.is_none() {
                let column = batch.column_by_name("api")?;
                let text = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8);
                apis = Some(text.ok()?);
            }
            let api = apis.as_ref()?.as_string_opt::<i32>()?.value(row);
            if self
                .0
                .conditions
                .iter()
                .any(|it| it.holds_for_request(api, latency))
            {
                self.0.fire(format!("a {api} request"), latency);
            }
        }
        Some(())
    }
}

impl Output for LiveRequests {
    fn batch(&mut self, table: &'static Table, batch: RecordBatch) -> Result<(), Error> {
        if table.name == "requests" {
            self.look(&batch);
        }
        Ok(())
    }
}

/// Looks at lines of file operations.
struct LiveWrites {
    triggers: Triggers,
    lines: WholeLines,
}

impl Observer for LiveWrites {
    fn see(&mut self, bytes: &[u8]) {
        let Self { triggers, lines } = self;
        lines.take(bytes, |line| {
            let Some(took) = write_time(line) else {
                return;
            };
            if triggers
                .conditions
                .iter()
                .any(|it| it.holds_for_write(took))
            {
                triggers.fire("a write".to_owned(), took);
            }
        });
    }
}

/// How long a write took, in ns, if a line tells of one.
fn write_time(line: &str) -> Option<i64> {
    if !line.starts_with("{\"ev\":\"write\"") {
        return None;
    }
    let number = |key: &str| {
        let (_, behind) = line.split_once(key)?;
        let end = behind.find(|c: char| !c.is_ascii_digit())?;
        behind.get(..end)?.parse::<i64>().ok()
    };
    Some(number("\"end_ns\":")?.saturating_sub(number("\"start_ns\":")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(text: &str) -> Condition {
        text.parse().unwrap()
    }

    #[test]
    fn conditions_are_read_and_others_refused() {
        let produce = condition("produce > 500ms");
        assert!(produce.holds_for_request("Produce", 500_000_001));
        assert!(!produce.holds_for_request("Produce", 500_000_000));
        assert!(!produce.holds_for_request("Fetch", i64::MAX));
        assert!(condition("request>=1.5s").holds_for_request("Fetch", 1_500_000_001));
        assert!(condition("WRITE > 250us").holds_for_write(250_001));
        assert!(!produce.holds_for_write(i64::MAX));
        for bad in [
            "produce",
            "produce > fast",
            "> 5ms",
            "p q > 5ms",
            "write > 0ms",
            "write > 5",
            "write < 5ms",
        ] {
            assert!(bad.parse::<Condition>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_long_write_fires_once_however_its_line_comes() {
        let text = "{\"ev\":\"write\",\"start_ns\":1000,\"end_ns\":900001000,\"dir\":\"a-0\"}\n\
                    {\"ev\":\"write\",\"start_ns\":1000,\"end_ns\":2000}\nnot a line\n";
        for size in [1, 10, 1000] {
            let triggers = Triggers::new(vec![condition("write > 800ms")]);
            let mut writes = triggers.writes().unwrap();
            for piece in text.as_bytes().chunks(size) {
                writes.see(piece);
            }
            let fired = triggers.take();
            assert_eq!(fired.len(), 1, "{size}");
            assert_eq!(fired[0].to_string(), "a write took 0.900 s");
            assert!(triggers.take().is_empty());
        }
    }

    #[test]
    fn what_no_condition_needs_is_not_looked_at() {
        let triggers = Triggers::new(vec![condition("write > 1s")]);
        assert!(triggers.packets(vec![9092]).is_none());
        let triggers = Triggers::new(vec![condition("fetch > 1s")]);
        assert!(triggers.writes().is_none());
    }
}
