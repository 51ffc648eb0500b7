//! Kernel events, whatever engine takes them.

use std::time::Duration;

use crate::broker::Broker;
use crate::host::Host;
use crate::source::Source;

/// Takes kernel events of a broker.
///
/// An engine makes a source of each kind of events that it is asked for, or one of several.
pub(crate) trait BpfEngine {
    /// Sources of the events, in the order in which they should be started.
    fn sources(
        &self,
        host: &Host,
        broker: &Broker,
        events: &[KernelEvents],
    ) -> Vec<Box<dyn Source>>;
}

/// A kind of kernel events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelEvents {
    /// The probe that prints them: `file-writes`.
    pub probe: &'static str,
    /// The shortest that is recorded; none for the probe's own choice.
    pub threshold: Option<Duration>,
}

/// Probes of every kind, for `--probe`.
pub(crate) fn is_known(probe: &str) -> Option<&'static str> {
    kcorr_probes::by_name(probe).map(|probe| probe.name)
}

/// The kinds that tell of a broker's stalls, by what its logs lie on and what this machine can show.
pub(crate) fn events_by_need(host: &Host, broker: &Broker) -> Vec<KernelEvents> {
    let mounts = broker.log_mounts();
    let is_on = |name: &str| {
        mounts
            .iter()
            .any(|(mount, _)| mount.file_system.starts_with(name))
    };
    let mut probes = vec!["file-writes", "file-reads"];
    // What lies below a container's overlay is the machine's own.
    let is_unknown = mounts.is_empty() || is_on("overlay");
    if is_on("ext") || is_unknown {
        probes.push("journal");
    }
    if is_on("xfs") {
        probes.push("xfs-log");
    }
    probes.push(if shows_standings(host) {
        "standing"
    } else {
        "run-queue"
    });
    probes.extend(["block-io", "memory", "network"]);
    let event = |probe| KernelEvents {
        probe,
        threshold: None,
    };
    probes.into_iter().map(event).collect()
}

/// Whether the probe of standing threads can run: it reads registers of x86-64 and the quota's counters.
fn shows_standings(host: &Host) -> bool {
    let release = host.word("/proc/sys/kernel/osrelease").unwrap_or_default();
    let configurations = [
        format!("/boot/config-{release}"),
        format!("/lib/modules/{release}/config"),
    ];
    let mut known = configurations
        .iter()
        .filter_map(|path| host.text(path).ok());
    // Where the configuration is not there to be read, the kernel says it when the probe is loaded.
    let has_quota = known
        .next()
        .is_none_or(|text| text.contains("CONFIG_CFS_BANDWIDTH=y"));
    cfg!(target_arch = "x86_64") && has_quota
}
