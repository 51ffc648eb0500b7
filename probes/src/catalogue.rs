//! The list of the shipped scripts.

use crate::probe::Probe;

const TRACEPOINTS: &str = "bpftrace 0.17 on Linux 6.18 (ext4 and XFS on loop devices)";
const USDT: &str = "bpftrace 0.17 on Linux 6.18, OpenJDK 17 of Debian 12";
const KPROBES: &str =
    "compiled by bpftrace 0.17; not run: the kernel it was written on has no kprobes";

macro_rules! probe {
    ($name:literal, $purpose:literal, $tried_on:expr) => {
        Probe {
            name: $name,
            purpose: $purpose,
            script: include_str!(concat!("../", $name, ".bt")),
            tried_on: $tried_on,
            needs_libjvm: false,
            needs_kprobes: false,
        }
    };
}

/// The shipped scripts.
pub static PROBES: &[Probe] = &[
    probe!(
        "file-writes",
        "file writes and syncs with their file, start and end",
        TRACEPOINTS
    ),
    probe!(
        "file-reads",
        "file reads and sendfile with their file, start and end",
        TRACEPOINTS
    ),
    Probe {
        needs_libjvm: true,
        ..probe!(
            "monitors",
            "waits for Java monitors (needs -XX:+DTraceMonitorProbes)",
            USDT
        )
    },
    probe!(
        "journal",
        "ext4's journal: commits and their phases, fast commits, waits for a handle",
        TRACEPOINTS
    ),
    probe!(
        "xfs-log",
        "XFS's log: waits for space, reservations, log forces of a sync",
        TRACEPOINTS
    ),
    probe!(
        "write-stacks",
        "time off CPU inside file writes, by kernel stack",
        TRACEPOINTS
    ),
    probe!(
        "run-queue",
        "waits of runnable threads for a CPU",
        TRACEPOINTS
    ),
    probe!(
        "standing",
        "why threads stood still: state, kernel stack, call, waker, who ran meanwhile",
        "bpftrace 0.17 on Linux 6.18 (x86-64)"
    ),
    probe!(
        "memory",
        "waits for memory: reclaim, compaction, too many dirty pages, page faults that read",
        "bpftrace 0.17 on Linux 6.18; compaction was not seen"
    ),
    probe!(
        "network",
        "which thread reads and writes which TCP connection",
        "bpftrace 0.17 on Linux 6.18 (IPv4, IPv6, and IPv4 on sockets of both)"
    ),
    probe!("block-io", "requests to block devices", TRACEPOINTS),
    Probe {
        needs_libjvm: true,
        ..probe!(
            "pauses",
            "garbage collections, safepoints and VM operations",
            USDT
        )
    },
    Probe {
        needs_kprobes: true,
        ..probe!(
            "file-writes-kprobe",
            "file writes inside ext4 and XFS, for kernels with kprobes",
            KPROBES
        )
    },
    Probe {
        needs_kprobes: true,
        ..probe!(
            "journal-kprobe",
            "calls in which ext4 writes wait for the journal, for kernels with kprobes",
            KPROBES
        )
    },
];

/// The script with a name.
pub fn by_name(name: &str) -> Option<&'static Probe> {
    PROBES.iter().find(|probe| probe.name == name)
}
