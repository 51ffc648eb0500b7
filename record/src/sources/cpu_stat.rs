//! The counters of the broker's CPU quota, ten times a second, as `kcorr ingest --cpu-stat` reads them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::samples::Samples;
use crate::broker::Broker;
use crate::host::Host;
use crate::place::Place;
use crate::source::{Report, Source};
use crate::stretch::Stretch;

/// The file of the samples.
const FILE: &str = "cpu-stat.txt";
/// The time between samples.
const EVERY: Duration = Duration::from_millis(100);

/// Records samples.
pub(crate) struct CpuStat {
    host: Host,
    counters: PathBuf,
    samples: Samples,
}

impl CpuStat {
    /// Of a broker whose control group counts what its quota took; none of one without a quota's counters.
    pub(crate) fn new(host: &Host, broker: &Broker) -> Option<Self> {
        let counters = broker.control_group.file(host, "cpu", "cpu.stat")?;
        let text = host.text(&counters).ok()?;
        let names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        let counts_time = names.contains(&"throttled_usec") || names.contains(&"throttled_time");
        (names.contains(&"nr_throttled") && counts_time).then(|| Self {
            host: host.clone(),
            counters,
            samples: Samples::new(FILE, EVERY),
        })
    }

    fn sample(&mut self, now: SystemTime) {
        let Ok(text) = self.host.text(&self.counters) else {
            self.samples.fail("the control group is gone".to_owned());
            return;
        };
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let sample = format!(
            "{}.{:09}\n{}\n",
            since.as_secs(),
            since.subsec_nanos(),
            text.trim_end()
        );
        self.samples.write(&sample);
    }
}

impl Source for CpuStat {
    fn name(&self) -> &str {
        "cpu-stat"
    }

    fn start(&mut self, place: &Place) -> Result<(), String> {
        self.samples.start(place)
    }

    fn tick(&mut self, now: SystemTime) {
        if self.samples.are_due(now) {
            self.sample(now);
        }
    }

    fn warning(&self) -> Option<String> {
        self.samples.warning()
    }

    fn bytes(&self) -> u64 {
        self.samples.bytes()
    }

    fn stop(&mut self) -> Report {
        self.samples.stop()
    }

    fn dump(&mut self, stretch: Stretch, folder: &Path) -> Result<Vec<PathBuf>, String> {
        self.samples.dump(stretch, folder)
    }
}
