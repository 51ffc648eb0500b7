//! What a broker runs on and with: mounts, devices, limits, settings; and counters of the host, once a second.
//!
//! The file has one JSON object a line: `context` (the kind of thing), `of` (which one), `name`, `value` and `time_ns`
//! (of the wall clock). Settings and flags are those of a list, so that a password is never among them.

mod broker;
mod counters;
mod host;
mod log_directory;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::samples::Samples;
use crate::broker::{Broker, mounts};
use crate::host::Host;
use crate::place::Place;
use crate::source::{Report, Source};
use crate::stretch::Stretch;

/// The file of the context.
pub(crate) const FILE: &str = "context.jsonl";
/// The version of its form.
const FORM: &str = "1";
/// The time between samples of counters.
const EVERY: Duration = Duration::from_secs(1);

/// One thing that is known of the broker, or of the recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Fact {
    /// `kernel`, `host`, `log_directory`, `control_group`, `jvm`, `broker`, `clock`, `recording`.
    context: &'static str,
    /// Which one of its kind: a path, a device, a source; empty when there is one only.
    #[serde(skip_serializing_if = "String::is_empty")]
    of: String,
    /// What it is called, as the kernel or the broker calls it.
    name: String,
    /// Its value.
    value: String,
}

impl Fact {
    pub(crate) fn new(
        context: &'static str,
        of: impl Into<String>,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self {
            context,
            of: of.into(),
            name: name.into(),
            value: value.into(),
        }
    }
}

/// Lines of facts that hold at a time.
pub(crate) fn lines(facts: &[Fact], time: SystemTime) -> String {
    #[derive(Serialize)]
    struct Timed<'a> {
        #[serde(flatten)]
        fact: &'a Fact,
        time_ns: u64,
    }
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let time_ns = u64::try_from(since.as_nanos()).unwrap_or_default();
    let mut text = String::new();
    for fact in facts {
        // Strings and a number are always JSON.
        if let Ok(line) = serde_json::to_string(&Timed { fact, time_ns }) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

/// All that does not change while it is recorded.
fn standing_facts(host: &Host, broker: &Broker) -> Vec<Fact> {
    let mut facts = vec![Fact::new("recording", "", "form", FORM)];
    host::facts(host, &mut facts);
    log_directory::facts(host, broker, &mut facts);
    counters::limits(host, broker, &mut facts);
    broker::facts(host, broker, &mut facts);
    facts
}

/// Records the context.
pub(crate) struct Context {
    host: Host,
    broker: Broker,
    samples: Samples,
}

impl Context {
    pub(crate) fn new(host: &Host, broker: &Broker) -> Self {
        Self {
            host: host.clone(),
            broker: broker.clone(),
            samples: Samples::new(FILE, EVERY),
        }
    }
}

impl Context {
    /// The samples of a stretch of time; `folder` is made for them.
    fn sampled(&self, stretch: Stretch, folder: &Path) -> Result<String, String> {
        let cannot = |error| format!("cannot read its samples: {error}");
        std::fs::create_dir_all(folder).map_err(cannot)?;
        let files = self.samples.dump(stretch, folder)?;
        let texts = files.iter().map(std::fs::read_to_string);
        texts.collect::<Result<_, _>>().map_err(cannot)
    }
}

impl Source for Context {
    fn name(&self) -> &str {
        "context"
    }

    fn start(&mut self, place: &Place) -> Result<(), String> {
        self.samples.start(place)?;
        if self.samples.are_whole() {
            let facts = standing_facts(&self.host, &self.broker);
            self.samples.write(&lines(&facts, SystemTime::now()));
        }
        Ok(())
    }

    fn tick(&mut self, now: SystemTime) {
        if self.samples.are_due(now) {
            let facts = counters::sample(&self.host, &self.broker);
            self.samples.write(&lines(&facts, now));
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
        let target = folder.join(FILE);
        // Something may have been mounted anew since.
        let now = mounts(&self.host, &self.broker.pid.to_string());
        if !now.is_empty() {
            self.broker.mounts = now;
        }
        let facts = standing_facts(&self.host, &self.broker);
        let mut text = lines(&facts, SystemTime::now());
        let folder = folder.join(".samples");
        let sampled = self.sampled(stretch, &folder);
        let _ = std::fs::remove_dir_all(&folder);
        text.push_str(&sampled?);
        std::fs::write(&target, text).map_err(|error| format!("cannot write {FILE}: {error}"))?;
        Ok(vec![target])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_a_line_of_json_whatever_it_holds() {
        let time = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_001);
        let facts = [
            Fact::new("log_directory", "/a \"b\"", "options", "rw,\ncommit=5"),
            Fact::new("kernel", "", "release", "6.1"),
        ];
        assert_eq!(
            lines(&facts, time),
            "{\"context\":\"log_directory\",\"of\":\"/a \\\"b\\\"\",\"name\":\"options\",\"value\":\"rw,\\ncommit=5\",\"time_ns\":1700000000000000001}\n\
             {\"context\":\"kernel\",\"name\":\"release\",\"value\":\"6.1\",\"time_ns\":1700000000000000001}\n"
        );
    }
}
