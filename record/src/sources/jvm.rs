//! The JVM's own recorder (Flight Recorder), started and ended in the running broker.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::attach::{can_attach, first_line, jcmd};
use crate::broker::Broker;
use crate::host::Host;
use crate::place::{Place, size};
use crate::source::{Report, Source, State};
use crate::stretch::Stretch;

/// The name of the recording in the JVM: fixed, so that one which a killed recorder left is found and ended.
pub(crate) const RECORDING: &str = "kcorr";
/// The file of the recording.
const FILE: &str = "jvm.jfr";
/// What is recorded.
const SETTINGS: &str = include_str!("kcorr.jfc");
/// Bytes that must be free where the JVM writes: in a container its `/tmp` may be of a few MB.
pub(crate) const LEAST_FREE_BYTES: u64 = 256 << 20;
/// Bytes that the JVM keeps at most.
const MOST_KEPT: &str = "1g";

/// Records with the JVM's Flight Recorder.
pub(crate) struct Jvm {
    host: Host,
    broker: Broker,
    keep: Option<Duration>,
    is_started: bool,
    file: PathBuf,
    dumps: u32,
}

impl Jvm {
    pub(crate) fn new(host: &Host, broker: &Broker) -> Self {
        Self {
            host: host.clone(),
            broker: broker.clone(),
            keep: None,
            is_started: false,
            file: PathBuf::new(),
            dumps: 0,
        }
    }

    /// A file in the JVM's own `/tmp`: its path there, and here.
    fn inner(&self, ending: &str) -> (String, PathBuf) {
        let inside = format!("/tmp/kcorr-{}.{ending}", self.broker.pid);
        let outside = self.broker.outside(Path::new(&inside));
        (inside, outside)
    }

    /// Puts a file of settings where the JVM can read it.
    fn settings(&self) -> Result<(String, PathBuf), String> {
        let (inside, outside) = self.inner("jfc");
        // Never through a link that somebody else has put there.
        let _ = std::fs::remove_file(&outside);
        let made = std::fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&outside);
        let made = made.and_then(|mut file| {
            file.write_all(SETTINGS.as_bytes())?;
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            file.set_permissions(mode)
        });
        made.map_err(|error| {
            format!(
                "cannot write settings where the JVM reads them ({}): {error}",
                outside.display()
            )
        })?;
        Ok((inside, outside))
    }

    /// Moves what the JVM wrote to where it belongs.
    fn fetch(&self, outside: &Path, target: &Path) -> Result<(), String> {
        let copied = std::fs::File::open(outside).and_then(|mut from| {
            let mut to = std::fs::File::create(target)?;
            std::io::copy(&mut from, &mut to)
        });
        let _ = std::fs::remove_file(outside);
        copied.map(|_| ()).map_err(|error| {
            format!(
                "cannot take the JVM's recording from {}: {error}",
                outside.display()
            )
        })
    }
}

/// Whether a JVM has a recording of ours, by what `JFR.check` prints.
pub(crate) fn has_recording(check: &str) -> bool {
    let mut words = check.split_ascii_whitespace();
    words.any(|word| {
        word.trim_end_matches(',') == format!("name={RECORDING}")
            || word == format!("\"{RECORDING}\"")
    })
}

/// Bytes that are free where a path lies.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let space = nix::sys::statvfs::statvfs(path).ok()?;
    space.blocks_available().checked_mul(space.fragment_size())
}

impl Source for Jvm {
    fn name(&self) -> &str {
        "jvm"
    }

    fn start(&mut self, place: &Place) -> Result<(), String> {
        can_attach(&self.host, &self.broker)?;
        let (_, tmp) = self.inner("jfr");
        if let Some(free) = tmp.parent().and_then(free_bytes)
            && free < LEAST_FREE_BYTES
        {
            return Err(format!(
                "the JVM's /tmp has {} MB free, and its recording needs {}: make it larger",
                free >> 20,
                LEAST_FREE_BYTES >> 20
            ));
        }
        let check = jcmd(&self.broker, "JFR.check").map_err(|error| {
            if error.contains("Unknown diagnostic command") {
                format!("{error}: this JVM has no Flight Recorder; give async-profiler's recording by hand")
            } else {
                error
            }
        })?;
        if has_recording(&check) {
            jcmd(&self.broker, &format!("JFR.stop name={RECORDING}"))?;
        }
        let (inside, outside) = self.settings()?;
        let keep = place.ring.map(|ring| ring.keep);
        let age = keep.map_or(String::new(), |keep| {
            format!(" maxage={}s", keep.as_secs().max(1))
        });
        let started = jcmd(
            &self.broker,
            &format!(
                "JFR.start name={RECORDING} settings={inside} disk=true maxsize={MOST_KEPT}{age}"
            ),
        );
        let _ = std::fs::remove_file(outside);
        let started = started?;
        if !started.contains("Started recording") {
            return Err(format!(
                "the JVM did not start a recording: {}",
                first_line(&started)
            ));
        }
        self.keep = keep;
        self.is_started = true;
        self.file = place.file(FILE);
        Ok(())
    }

    fn state(&mut self) -> State {
        if self.broker.is_running(&self.host) {
            State::Recording
        } else {
            State::Ended(
                "the broker's process has ended, and the JVM's recording with it".to_owned(),
            )
        }
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn stop(&mut self) -> Report {
        if !std::mem::take(&mut self.is_started) {
            return Report::default();
        }
        let mut report = Report::default();
        let (inside, outside) = self.inner("jfr");
        let command = match self.keep {
            // What was wanted of it was dumped.
            Some(_) => format!("JFR.stop name={RECORDING}"),
            None => format!("JFR.stop name={RECORDING} filename={inside}"),
        };
        let stopped = jcmd(&self.broker, &command);
        match stopped {
            Ok(_) if self.keep.is_some() => {}
            Ok(_) if outside.exists() => match self.fetch(&outside, &self.file) {
                Ok(()) => report.files.push(self.file.clone()),
                Err(trouble) => report.troubles.push(trouble),
            },
            Ok(text) => report
                .troubles
                .push(format!("the JVM wrote no recording: {}", first_line(&text))),
            Err(trouble) => report.troubles.push(trouble),
        }
        report.bytes = report.files.iter().map(|file| size(file)).sum();
        report
    }

    fn dump(&mut self, stretch: Stretch, folder: &Path) -> Result<Vec<PathBuf>, String> {
        self.dumps = self.dumps.wrapping_add(1);
        let (inside, outside) = self.inner(&format!("{}.jfr", self.dumps));
        let age = SystemTime::now()
            .duration_since(stretch.from)
            .unwrap_or_default();
        let command = format!(
            "JFR.dump name={RECORDING} filename={inside} maxage={}s",
            age.as_secs().saturating_add(1)
        );
        jcmd(&self.broker, &command)?;
        let target = folder.join(FILE);
        self.fetch(&outside, &target)?;
        Ok(vec![target])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_of_ours_is_known_by_its_name() {
        assert!(has_recording(
            "4242:\nRecording 1: name=kcorr maxsize=1.0GB (running)\n"
        ));
        assert!(has_recording("Recording: recording=1 name=\"kcorr\" (running)").eq(&false));
        assert!(has_recording("Recording 3: \"kcorr\" (running)"));
        assert!(!has_recording("Recording 1: name=kcorrelated (running)"));
        assert!(!has_recording("No available recordings.\n"));
    }

    #[test]
    fn the_settings_record_nothing_that_can_hold_a_secret() {
        let events = SETTINGS
            .lines()
            .filter(|line| line.trim_start().starts_with("<event"));
        let events: Vec<&str> = events.collect();
        assert!(events.len() > 15);
        for secret in [
            "InitialSystemProperty",
            "InitialEnvironmentVariable",
            "JVMInformation",
        ] {
            assert!(!events.iter().any(|event| event.contains(secret)));
        }
    }
}
