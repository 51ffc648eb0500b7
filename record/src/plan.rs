//! What is to be recorded.

use std::path::PathBuf;
use std::time::Duration;

use crate::sources::{KernelEvents, OWN_PROGRAMS, SOURCES, is_known};
use crate::trigger::Triggers;

/// What takes kernel events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// bpftrace as it is installed, with the scripts of `kcorr probes`.
    #[default]
    Bpftrace,
    /// kcorr's own programs, and bpftrace for what they do not have.
    Own,
    /// The same where the kernel takes the programs, else bpftrace for all.
    Auto,
}

/// What is to be recorded of a broker. The default is everything that is of use for it.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Only these sources; all of use when empty. `kernel` stands for all kernel events.
    pub only: Vec<String>,
    /// Not these.
    pub without: Vec<String>,
    /// Probes besides those that are of use by themselves, such as `monitors`.
    pub probes: Vec<String>,
    /// The shortest kernel event that is recorded; none for the probes' own choices.
    pub threshold: Option<Duration>,
    /// Bytes of each packet that are recorded, 0 for all.
    pub snap_length: u32,
    /// Whether segments tell only to which topics something was appended, by their ids, and not what.
    pub topics_only: bool,
    /// What takes kernel events.
    pub engine: Engine,
    /// The library of async-profiler, as the broker sees its path, if it is to record too.
    pub profiler: Option<PathBuf>,
    /// What asks for a dump, when the recording goes on.
    pub triggers: Triggers,
}

/// The word for all kernel events.
const KERNEL: &str = "kernel";

impl Plan {
    /// The first name in it that no source has.
    pub fn unknown_name(&self) -> Option<&str> {
        let names = self.only.iter().chain(&self.without);
        let mut unknown = names.filter(|name| {
            *name != KERNEL && !SOURCES.contains(&name.as_str()) && is_known(name).is_none()
        });
        let mut probes = self.probes.iter().filter(|name| is_known(name).is_none());
        unknown.next().or_else(|| probes.next()).map(String::as_str)
    }

    /// Whether a source is wanted. Probes are kernel events.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let is_in = |names: &[String]| {
            names
                .iter()
                .any(|it| it == name || (it == KERNEL && is_known(name).is_some()))
        };
        let is_asked = self.probes.iter().any(|it| it == name);
        // Its events are chosen one by one.
        if name == OWN_PROGRAMS {
            return true;
        }
        (self.only.is_empty() || is_in(&self.only) || is_asked) && !is_in(&self.without)
    }

    /// The kernel events that are wanted of those that are of use, and those that are asked for besides.
    pub(crate) fn events(&self, of_use: Vec<KernelEvents>) -> Vec<KernelEvents> {
        let mut events = of_use;
        let asked = self
            .only
            .iter()
            .chain(&self.probes)
            .filter_map(|name| is_known(name));
        for probe in asked {
            if !events.iter().any(|event| event.probe == probe) {
                events.push(KernelEvents {
                    probe,
                    threshold: None,
                });
            }
        }
        events.retain(|event| self.wants(event.probe));
        for event in &mut events {
            event.threshold = self.threshold;
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &str) -> Vec<String> {
        words.split_ascii_whitespace().map(str::to_owned).collect()
    }

    fn events(plan: &Plan) -> Vec<&'static str> {
        let of_use = ["file-writes", "journal"];
        let of_use = of_use.map(|probe| KernelEvents {
            probe,
            threshold: None,
        });
        plan.events(of_use.to_vec())
            .iter()
            .map(|event| event.probe)
            .collect()
    }

    #[test]
    fn what_is_named_is_what_is_recorded() {
        let all = Plan::default();
        assert!(all.wants("packets") && all.wants("journal"));
        assert_eq!(events(&all), ["file-writes", "journal"]);
        let plan = Plan {
            only: names("packets journal"),
            ..Plan::default()
        };
        assert!(plan.wants("packets") && !plan.wants("jvm"));
        assert_eq!(events(&plan), ["journal"]);
        let plan = Plan {
            only: names("kernel"),
            without: names("journal"),
            probes: names("monitors"),
            ..Plan::default()
        };
        assert_eq!(events(&plan), ["file-writes", "monitors"]);
        assert!(!plan.wants("packets"));
    }

    #[test]
    fn an_unknown_name_is_told() {
        let plan = Plan {
            only: names("packets kernel monitors"),
            without: names("jmv"),
            ..Plan::default()
        };
        assert_eq!(plan.unknown_name(), Some("jmv"));
        let plan = Plan {
            probes: names("packets"),
            ..Plan::default()
        };
        assert_eq!(plan.unknown_name(), Some("packets"));
    }
}
