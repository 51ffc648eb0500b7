//! Packets on the broker's ports, by tcpdump.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::child::{Child, Observer, in_path};
use crate::host::Host;
use crate::kept::Kept;
use crate::place::{Place, size};
use crate::ring::Framing;
use crate::source::{Report, Source, State};
use crate::stretch::Stretch;

/// The file of the capture.
const FILE: &str = "packets.pcap";
/// KiB that the kernel holds for tcpdump: what comes while it does not run for a moment.
const BUFFER_KIB: &str = "32768";
/// How long tcpdump may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Records packets.
pub(crate) struct Packets {
    arguments: Vec<OsString>,
    program: &'static str,
    why_not: Option<String>,
    observer: Option<Box<dyn Observer>>,
    running: Option<Child>,
    begun: Instant,
    is_listening: bool,
    kept: Kept,
}

impl Packets {
    /// Of a broker's listeners; `snap_length` is how many bytes of each packet are kept, 0 for all.
    pub(crate) fn new(
        host: &Host,
        broker: &Broker,
        snap_length: u32,
        observer: Option<Box<dyn Observer>>,
    ) -> Self {
        let ports = broker.ports();
        let filter: Vec<String> = ports
            .iter()
            .map(|port| format!("tcp port {port}"))
            .collect();
        let mut words: Vec<String> = Vec::new();
        let mut program = "tcpdump";
        let namespace = format!("/proc/{}/ns/net", broker.pid);
        let theirs = host.link(&namespace);
        if theirs.is_some() && theirs != host.link("/proc/self/ns/net") {
            // In a container's own network.
            words.push(format!("--net={namespace}"));
            words.push("tcpdump".to_owned());
            program = "nsenter";
        }
        let snap_length = snap_length.to_string();
        for word in [
            "-i",
            "any",
            "-n",
            "-s",
            &snap_length,
            "-B",
            BUFFER_KIB,
            "-w",
            "-",
        ] {
            words.push(word.to_owned());
        }
        // A live decoder and a ring want packets when they come.
        words.push("-U".to_owned());
        if nix::unistd::geteuid().is_root() {
            // Else it changes its user, and the kernel forgets to end it with the recorder.
            words.push("-Z".to_owned());
            words.push("root".to_owned());
        }
        words.push(filter.join(" or "));
        let why_not = ports.is_empty().then(|| {
            "no listener of the broker is known: neither its settings nor its sockets may be read; run as root".to_owned()
        });
        Self {
            arguments: words.into_iter().map(OsString::from).collect(),
            program,
            why_not,
            observer,
            running: None,
            begun: Instant::now(),
            is_listening: false,
            kept: Kept::default(),
        }
    }
}

/// Packets that the kernel or the interface dropped, by what tcpdump says at its end.
fn dropped(lines: &[String]) -> Option<u64> {
    let counts = lines.iter().filter_map(|line| {
        let (count, what) = line.split_once(' ')?;
        let is_drop = what.starts_with("packet") && what.contains(" dropped by ");
        is_drop.then(|| count.parse::<u64>().ok())?
    });
    counts.reduce(u64::saturating_add)
}

/// What is said when tcpdump has ended before it was asked to.
fn ended_early(lines: &[String]) -> String {
    let text = lines.last().map_or("it said nothing", String::as_str);
    let advice = if text.contains("permission") || text.contains("Operation not permitted") {
        ": run as root, or with CAP_NET_RAW"
    } else {
        ""
    };
    format!("tcpdump ended: {text}{advice}")
}

impl Source for Packets {
    fn name(&self) -> &str {
        "packets"
    }

    fn start(&mut self, place: &Place) -> Result<(), String> {
        if let Some(why) = &self.why_not {
            return Err(why.clone());
        }
        if in_path("tcpdump").is_none() {
            return Err("tcpdump is not installed here: install it (package tcpdump)".to_owned());
        }
        let (sink, kept) = place.keep(FILE, Framing::Pcap)?;
        let observers = self.observer.take().into_iter().collect();
        let arguments = &self.arguments;
        let child = Child::start(
            &place.launcher,
            self.program,
            arguments,
            &[],
            sink,
            observers,
        );
        self.running =
            Some(child.map_err(|error| format!("{} does not start: {error}", self.program))?);
        self.begun = Instant::now();
        self.kept = kept;
        Ok(())
    }

    fn state(&mut self) -> State {
        let Some(child) = &self.running else {
            return State::Ended("it was not started".to_owned());
        };
        if !child.is_running() {
            return State::Ended(ended_early(&child.last_words()));
        }
        if !self.is_listening {
            let lines = child.messages.lines();
            self.is_listening = lines.iter().any(|line| line.contains("listening on"))
                || self.begun.elapsed() > PATIENCE;
        }
        if self.is_listening {
            State::Recording
        } else {
            State::Starting
        }
    }

    fn warning(&self) -> Option<String> {
        self.kept.warning()
    }

    fn bytes(&self) -> u64 {
        self.running
            .as_ref()
            .map_or(0, |child| child.counts.bytes.load(Ordering::Relaxed))
    }

    fn stop(&mut self) -> Report {
        let Some(child) = self.running.take() else {
            return Report::default();
        };
        let was_running = child.is_running();
        let messages = Arc::clone(&child.messages);
        let ended = child.stop();
        let lines = messages.lines();
        let lost = dropped(&lines);
        let mut troubles = Vec::new();
        if !was_running {
            troubles.push(ended_early(&lines));
        }
        if ended.is_killed {
            troubles.push("tcpdump had to be killed: the last packets are missing".to_owned());
        }
        if let Some(failure) = ended.failure {
            troubles.push(format!("packets were not all written: {failure}"));
        }
        if let Some(count @ 1..) = lost {
            troubles.push(format!(
                "{count} packets were dropped before tcpdump had them"
            ));
        }
        troubles.extend(self.kept.emptied());
        let files = self.kept.files();
        Report {
            bytes: files.iter().map(|file| size(file)).sum(),
            files,
            lost,
            cpu: ended.cpu,
            troubles,
        }
    }

    fn dump(&mut self, stretch: Stretch, folder: &Path) -> Result<Vec<PathBuf>, String> {
        self.kept.dump(stretch, folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn drops_of_the_kernel_and_the_interface_add_up() {
        let end = "tcpdump: listening on any, link-type LINUX_SLL2 (Linux cooked v2), snapshot length 262144 bytes\n\
                   9 packets captured\n12 packets received by filter\n3 packets dropped by kernel\n1 packet dropped by interface";
        assert_eq!(dropped(&lines(end)), Some(4));
        assert_eq!(dropped(&lines("0 packets dropped by kernel")), Some(0));
        assert_eq!(dropped(&lines("tcpdump: any: no such device")), None);
    }

    #[test]
    fn what_is_not_permitted_says_what_is_needed() {
        let text = "tcpdump: any: You don't have permission to perform this capture on that device";
        assert!(ended_early(&lines(text)).contains("CAP_NET_RAW"));
        assert!(ended_early(&[]).contains("said nothing"));
    }
}
