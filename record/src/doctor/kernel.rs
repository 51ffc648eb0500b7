//! The kernel and the tracers: what may be traced here.

use super::broker::own_status;
use super::{Check, Programs};
use crate::broker::Broker;
use crate::host::Host;
use crate::plan::{Engine, Plan};
use crate::sources::{events_by_need, is_own};

/// Numbers of capabilities (`linux/capability.h`).
const CAP_NET_RAW: u32 = 13;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

pub(super) fn checks(host: &Host, programs: &Programs, broker: &Broker, plan: &Plan) -> Vec<Check> {
    let events = plan.events(events_by_need(host, broker));
    let wants_events = !events.is_empty();
    let needs_bpftrace = match plan.engine {
        Engine::Bpftrace => wants_events,
        Engine::Auto if !host.path("/sys/kernel/btf/vmlinux").exists() => wants_events,
        Engine::Auto | Engine::Own => events.iter().any(|event| !is_own(event.probe)),
    };
    let wants_packets = plan.wants("packets");
    let probes: Vec<&str> = events.iter().map(|event| event.probe).collect();
    let mut checks = vec![
        tcpdump(programs).if_wanted(wants_packets),
        network_capability(host).if_wanted(wants_packets),
        bpftrace(programs).if_wanted(needs_bpftrace),
        bpf_capability(host).if_wanted(wants_events),
        btf(host).if_wanted(wants_events),
        tracefs(host).if_wanted(needs_bpftrace),
        lockdown(host).if_wanted(wants_events),
        locked_memory(host),
    ];
    if wants_events {
        checks.push(Check::ok("kernel events", probes.join(", ")));
    }
    let source = host.word("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    checks.extend(source.map(|source| match source.as_str() {
        "tsc" | "arch_sys_counter" | "kvm-clock" => Check::ok("clock source", source),
        _ => Check::note(
            "clock source",
            format!("{source}, which is slow to read"),
            "each event that is recorded costs more; use tsc where the machine has a steady one",
        ),
    }));
    checks
}

fn tcpdump(programs: &Programs) -> Check {
    if programs.has_tcpdump {
        Check::ok("tcpdump", "installed")
    } else {
        Check::missing("tcpdump", "not installed", "install it (package tcpdump)")
    }
}

fn bpftrace(programs: &Programs) -> Check {
    match &programs.bpftrace {
        Some(version) => Check::ok("bpftrace", version.clone()),
        None => Check::missing("bpftrace", "not installed", "install it (package bpftrace)"),
    }
}

fn network_capability(host: &Host) -> Check {
    let has = own_status(host).is_ok_and(|own| own.has_capability(CAP_NET_RAW));
    let check = "capabilities: packets";
    if has {
        Check::ok(check, "CAP_NET_RAW")
    } else {
        Check::missing(
            check,
            "CAP_NET_RAW is absent",
            "run as root, or with CAP_NET_RAW",
        )
    }
}

fn bpf_capability(host: &Host) -> Check {
    let check = "capabilities: kernel events";
    let Ok(own) = own_status(host) else {
        return Check::note(check, "unknown", "");
    };
    let has = |number| own.has_capability(number);
    let may_trace = has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON));
    if !may_trace {
        return Check::missing(
            check,
            "CAP_BPF and CAP_PERFMON are absent",
            "run as root: bpftrace asks for it",
        );
    }
    if own.uid != 0 {
        return Check::missing(check, "bpftrace runs as root only", "run as root");
    }
    Check::ok(check, "root, CAP_BPF, CAP_PERFMON")
}

fn btf(host: &Host) -> Check {
    if host.path("/sys/kernel/btf/vmlinux").exists() {
        return Check::ok("btf", "/sys/kernel/btf/vmlinux");
    }
    Check::missing(
        "btf",
        "/sys/kernel/btf/vmlinux is absent",
        "use a kernel with CONFIG_DEBUG_INFO_BTF (distributions have it since 2020): names of files are read by it",
    )
}

fn tracefs(host: &Host) -> Check {
    let folders = [
        "/sys/kernel/tracing/events",
        "/sys/kernel/debug/tracing/events",
    ];
    match folders.iter().find(|folder| !host.names(folder).is_empty()) {
        Some(folder) => Check::ok("tracefs", *folder),
        None => Check::missing(
            "tracefs",
            "not mounted, or not to be read",
            "mount -t tracefs tracefs /sys/kernel/tracing; mount -t debugfs debugfs /sys/kernel/debug",
        ),
    }
}

fn lockdown(host: &Host) -> Check {
    let text = host
        .word("/sys/kernel/security/lockdown")
        .unwrap_or_default();
    let mode = text
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    match mode.map(|(mode, _)| mode) {
        Some("confidentiality") => Check::missing(
            "lockdown",
            "confidentiality: BPF programs may not read the kernel",
            "boot with lockdown=integrity or none",
        ),
        Some(mode) => Check::ok("lockdown", mode),
        None => Check::ok("lockdown", "none"),
    }
}

/// Maps of BPF programs are locked memory before Linux 5.11; since then they count to the control group.
fn locked_memory(host: &Host) -> Check {
    let release = host.word("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release
        .split(['.', '-'])
        .map(|it| it.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= (5, 11) {
        return Check::ok("locked memory", "no limit for BPF programs");
    }
    let limits = host.text("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max locked memory"));
    match line.and_then(|line| line.split_ascii_whitespace().next()) {
        Some("unlimited") | None => Check::ok("locked memory", "unlimited"),
        Some(limit) => Check::note(
            "locked memory",
            format!("{limit} bytes, and Linux {release} counts BPF maps to it"),
            "ulimit -l unlimited",
        ),
    }
}
