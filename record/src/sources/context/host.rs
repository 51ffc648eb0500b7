//! The machine: kernel, CPUs, memory, and how much of it may be dirty.

use super::Fact;
use crate::clocks::Clocks;
use crate::host::Host;

/// Settings of the kernel that bear on a broker's stalls.
const SYSCTLS: [&str; 11] = [
    "vm/dirty_ratio",
    "vm/dirty_bytes",
    "vm/dirty_background_ratio",
    "vm/dirty_background_bytes",
    "vm/dirty_expire_centisecs",
    "vm/dirty_writeback_centisecs",
    "vm/swappiness",
    "vm/max_map_count",
    "vm/min_free_kbytes",
    "net/core/somaxconn",
    "net/ipv4/tcp_congestion_control",
];

/// What is known of the machine.
pub(super) fn facts(host: &Host, facts: &mut Vec<Fact>) {
    for (name, path) in [
        ("release", "/proc/sys/kernel/osrelease"),
        ("version", "/proc/sys/kernel/version"),
    ] {
        if let Some(value) = host.word(path) {
            facts.push(Fact::new("kernel", "", name, value));
        }
    }
    for name in SYSCTLS {
        if let Some(value) = host.word(format!("/proc/sys/{name}")) {
            facts.push(Fact::new("kernel", "", name.replace('/', "."), value));
        }
    }
    let files = [
        ("cpus_online", "/sys/devices/system/cpu/online"),
        (
            "transparent_hugepage",
            "/sys/kernel/mm/transparent_hugepage/enabled",
        ),
        (
            "clocksource",
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        ),
    ];
    for (name, path) in files {
        if let Some(value) = host.word(path) {
            facts.push(Fact::new("host", "", name, value));
        }
    }
    let memory = host.text("/proc/meminfo").unwrap_or_default();
    for name in ["MemTotal", "SwapTotal"] {
        let value = memory
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        if let Some(kib) = value.and_then(|it| it.trim().strip_suffix(" kB")?.parse::<u64>().ok()) {
            facts.push(Fact::new(
                "host",
                "",
                format!("{name}_bytes"),
                (kib << 10).to_string(),
            ));
        }
    }
    if let Some(clocks) = Clocks::read() {
        let readings = [
            ("real_ns", clocks.real_ns),
            ("monotonic_ns", clocks.monotonic_ns),
            ("boot_ns", clocks.boot_ns),
            ("uncertainty_ns", clocks.uncertainty_ns),
        ];
        for (name, value) in readings {
            facts.push(Fact::new("clock", "", name, value.to_string()));
        }
    }
}
