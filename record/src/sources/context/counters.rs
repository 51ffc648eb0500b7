//! Limits and counters of the broker's control group and of the machine.

use super::Fact;
use crate::broker::Broker;
use crate::host::Host;

/// Limits: controller, file.
const LIMITS: [(&str, &str); 12] = [
    ("cpu", "cpu.max"),
    ("cpu", "cpu.weight"),
    ("cpu", "cpu.cfs_quota_us"),
    ("cpu", "cpu.cfs_period_us"),
    ("cpu", "cpu.shares"),
    ("memory", "memory.max"),
    ("memory", "memory.high"),
    ("memory", "memory.limit_in_bytes"),
    ("io", "io.max"),
    ("blkio", "blkio.throttle.write_bps_device"),
    ("blkio", "blkio.throttle.read_bps_device"),
    ("cpuset", "cpuset.cpus.effective"),
];

/// Counters of the control group: controller, file, and which of its lines.
const GROUP_COUNTERS: [(&str, &str, &[&str]); 3] = [
    (
        "cpu",
        "cpu.stat",
        &[
            "usage_usec",
            "nr_periods",
            "nr_throttled",
            "throttled_usec",
            "throttled_time",
        ],
    ),
    (
        "memory",
        "memory.stat",
        &[
            "file",
            "file_dirty",
            "file_writeback",
            "pgmajfault",
            "dirty",
            "writeback",
            "total_dirty",
            "total_writeback",
            "total_pgmajfault",
            "workingset_refault_file",
        ],
    ),
    ("memory", "memory.events", &["high", "max", "oom_kill"]),
];

/// Counters of the machine in `/proc/vmstat`.
const VMSTAT: [&str; 9] = [
    "nr_dirty",
    "nr_writeback",
    "nr_dirty_threshold",
    "nr_dirty_background_threshold",
    "pgmajfault",
    "allocstall_normal",
    "pgscan_direct",
    "pswpin",
    "pswpout",
];

/// The limits of the control group.
pub(super) fn limits(host: &Host, broker: &Broker, facts: &mut Vec<Fact>) {
    let group = &broker.control_group;
    if let Some(name) = group.name() {
        facts.push(Fact::new(
            "control_group",
            "",
            "path",
            name.display().to_string(),
        ));
    }
    for (controller, name) in LIMITS {
        let file = group.file(host, controller, name);
        if let Some(value) = file.and_then(|file| host.word(file)) {
            facts.push(Fact::new("control_group", "", name, value));
        }
    }
}

/// What the counters say now.
pub(super) fn sample(host: &Host, broker: &Broker) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (controller, file, names) in GROUP_COUNTERS {
        let path = broker.control_group.file(host, controller, file);
        let text = path
            .and_then(|path| host.text(path).ok())
            .unwrap_or_default();
        for (name, value) in numbers(&text).filter(|(name, _)| names.contains(name)) {
            facts.push(Fact::new(
                "control_group",
                "",
                format!("{file}.{name}"),
                value,
            ));
        }
    }
    let file = broker.control_group.file(host, "io", "io.stat");
    let text = file
        .and_then(|file| host.text(file).ok())
        .unwrap_or_default();
    // `259:1 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(device) = words.next() else { continue };
        for (name, value) in words.filter_map(|word| word.split_once('=')) {
            facts.push(Fact::new(
                "control_group",
                device,
                format!("io.stat.{name}"),
                value,
            ));
        }
    }
    let text = host.text("/proc/vmstat").unwrap_or_default();
    for (name, value) in numbers(&text).filter(|(name, _)| VMSTAT.contains(name)) {
        facts.push(Fact::new("host", "", format!("vmstat.{name}"), value));
    }
    for kind in ["cpu", "io", "memory"] {
        let text = host
            .text(format!("/proc/pressure/{kind}"))
            .unwrap_or_default();
        // `some avg10=0.00 avg60=0.00 avg300=0.00 total=12345`
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let Some(who) = words.next() else { continue };
            if let Some(total) = words.find_map(|word| word.strip_prefix("total=")) {
                facts.push(Fact::new(
                    "host",
                    "",
                    format!("pressure.{kind}.{who}_usec"),
                    total,
                ));
            }
        }
    }
    facts
}

/// `name number` lines.
fn numbers(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = text.lines().filter_map(|line| line.trim().split_once(' '));
    pairs.filter(|(_, value)| value.bytes().all(|byte| byte.is_ascii_digit()))
}
