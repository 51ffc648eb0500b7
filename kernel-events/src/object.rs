//! The object of all programs: fitted to the running kernel and told what to record.

use aya::maps::Array;
use aya::programs::iter::Iter;
use aya::programs::perf_event::{PerfEventConfig, PerfEventScope, SamplePolicy, SoftwareEvent};
use aya::programs::{BtfTracePoint, PerfEvent, ProgramError};
use aya::{Btf, Ebpf, EbpfError, EbpfLoader};

use crate::catalogue::{Hook, PROGRAMS, Program};
use crate::clock::ticks_a_second;
use crate::error::{Error, ErrorKind};
use crate::host::Host;
use crate::probe::{PROBES, Probe};
use crate::settings::Settings;

/// What `bpf/build` makes of `bpf/`.
const OBJECT: &[u8] = aya::include_bytes_aligned!("../bpf/kernel_events.bpf.o");

/// A probe that does not record here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The probe.
    pub probe: Probe,
    /// What it does not record: all, or what some program would have.
    pub is_all: bool,
    /// Why, and what would change it.
    pub reason: String,
}

/// The programs, loaded and attached. Dropping it detaches them.
pub(crate) struct Loaded {
    /// None once they are detached.
    ebpf: Option<Ebpf>,
    pub(crate) left_out: Vec<LeftOut>,
}

impl Loaded {
    /// Takes a map out.
    pub(crate) fn take_map(&mut self, name: &str) -> Option<aya::maps::Map> {
        self.ebpf.as_mut()?.take_map(name)
    }

    /// Takes the programs out of the kernel; maps that were taken stay.
    pub(crate) fn detach(&mut self) {
        self.ebpf = None;
    }
}

/// A process and this one, by the host's numbers.
#[derive(Debug, Clone, Copy)]
struct Processes {
    target: u32,
    own: u32,
}

/// Loads and attaches what the settings ask for.
pub(crate) fn load(settings: &Settings, host: &Host) -> Result<Loaded, Error> {
    let btf = Btf::from_sys_fs().map_err(|error| {
        Error::because(
            ErrorKind::NoBtf,
            "the kernel's types in /sys/kernel/btf/vmlinux cannot be read",
            error,
        )
    })?;
    let processes = processes(settings, host, &btf)?;
    let has = |name: &str| {
        let name = format!("btf_trace_{name}");
        btf.id_by_type_name_kind(&name, aya_kind_typedef()).is_ok()
    };
    let mut left_out = Vec::new();
    let mut settings = settings.clone();
    for program in PROGRAMS {
        let Hook::Tracepoint(names) = program.hook else {
            continue;
        };
        if !names.iter().any(|name| has(name)) {
            let reason = absent(names);
            leave_out(program, &reason, &mut settings, &mut left_out);
        }
    }
    let mut ebpf = told(&settings, processes, &btf)?;
    let mut loaded = Vec::new();
    for program in PROGRAMS {
        let is_asked_for = |settings: &Settings| {
            let mut probes = program.probes.iter();
            probes.any(|probe| settings.thresholds.contains_key(probe))
        };
        if !is_asked_for(&settings) || is_absent(program, &has) {
            continue;
        }
        match load_program(&mut ebpf, program, &btf, &has) {
            Ok(function) => loaded.push((program, function)),
            Err(error) => {
                if let Some(error) = refused(&error, host) {
                    return Err(error);
                }
                let reason = format!("the kernel does not take the program for it: {error}");
                leave_out(program, &reason, &mut settings, &mut left_out);
            }
        }
    }
    for (program, function) in loaded {
        // What would only begin something whose end cannot be seen.
        let mut probes = program.probes.iter();
        if !probes.any(|probe| settings.thresholds.contains_key(probe)) {
            continue;
        }
        if let Err(error) = attach_program(&mut ebpf, program, function) {
            if let Some(error) = refused(&error, host) {
                return Err(error);
            }
            let reason = format!("the kernel does not attach the program for it: {error}");
            leave_out(program, &reason, &mut settings, &mut left_out);
        }
    }
    if settings.thresholds.is_empty() {
        let reasons: Vec<String> = left_out
            .iter()
            .map(|left| format!("{}: {}", left.probe, left.reason))
            .collect();
        return Err(Error::new(
            ErrorKind::Kernel,
            format!("nothing can be recorded: {}", reasons.join("; ")),
        ));
    }
    Ok(Loaded {
        ebpf: Some(ebpf),
        left_out,
    })
}

fn aya_kind_typedef() -> aya_obj::btf::BtfKind {
    aya_obj::btf::BtfKind::Typedef
}

fn is_absent(program: &Program, has: &impl Fn(&str) -> bool) -> bool {
    match program.hook {
        Hook::Tracepoint(names) => !names.iter().any(|name| has(name)),
        Hook::MajorFault => false,
    }
}

fn absent(names: &[&str]) -> String {
    let name = names.first().copied().unwrap_or_default();
    format!(
        "the kernel's own types have no tracepoint {name}: it is of a module, or not of this kernel; \
         bpftrace's script sees it where it is of a module"
    )
}

/// Notes that a program is missing, and stops asking for the probes that are worth nothing without it.
fn leave_out(
    program: &Program,
    reason: &str,
    settings: &mut Settings,
    left_out: &mut Vec<LeftOut>,
) {
    for &probe in program.probes {
        if !settings.thresholds.contains_key(&probe) {
            continue;
        }
        if !program.is_optional {
            settings.thresholds.remove(&probe);
            left_out.retain(|left| left.probe != probe);
        }
        left_out.push(LeftOut {
            probe,
            is_all: !program.is_optional,
            reason: reason.to_owned(),
        });
    }
}

/// The object with its constants set and its maps made.
fn told(settings: &Settings, processes: Processes, btf: &Btf) -> Result<Ebpf, Error> {
    let flag = |probe: Probe| u8::from(settings.thresholds.contains_key(&probe));
    let flags: Vec<(&str, u8)> = vec![
        ("with_file_writes", flag(Probe::FileWrites)),
        ("with_file_reads", flag(Probe::FileReads)),
        ("with_network", flag(Probe::Network)),
        ("with_xfs_log", flag(Probe::XfsLog)),
        ("with_run_queue", flag(Probe::RunQueue)),
        ("with_standing", flag(Probe::Standing)),
    ];
    let thresholds: Vec<(String, u64)> = PROBES
        .into_iter()
        // A connection has no length.
        .filter(|&probe| probe != Probe::Network)
        .map(|probe| {
            let name = format!("{}_threshold", probe.name().replace('-', "_"));
            (name, settings.threshold_ns(probe))
        })
        .collect();
    let ticks = ticks_a_second();
    let mut loader = EbpfLoader::new();
    loader
        .btf(Some(btf))
        .allow_unsupported_maps()
        .map_max_entries("events", settings.ring_bytes)
        .override_global("target", &processes.target, true)
        .override_global("self", &processes.own, true)
        .override_global("ticks_a_second", &ticks, true);
    for (name, value) in &flags {
        loader.override_global(name, value, true);
    }
    for (name, value) in &thresholds {
        loader.override_global(name, value, true);
    }
    loader
        .load(OBJECT)
        .map_err(|error| not_loaded(error, &Host::this()))
}

/// Why the object could not be made ready.
fn not_loaded(error: EbpfError, host: &Host) -> Error {
    if let Some(error) = refused(&error, host) {
        return error;
    }
    Error::because(
        ErrorKind::Kernel,
        format!(
            "the programs cannot be fitted to the kernel {}: {}",
            host.release(),
            chain(&error)
        ),
        error,
    )
}

/// What an error says, with what is behind it, where that says more.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = error.source();
    }
    text
}

/// What an error means that has nothing to do with the program: the kernel lets nobody, or not this process, load
/// any, or has no memory for it.
fn refused(error: &(dyn std::error::Error + 'static), host: &Host) -> Option<Error> {
    let mut next = Some(error);
    let mut number = None;
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            number = io.raw_os_error();
        }
        next = error.source();
    }
    match number? {
        // EPERM: the host's own reasons say it better where they are known.
        1 => Some(host.check().err().unwrap_or_else(|| {
            let memlock = match host.version() {
                Some(version) if version < (5, 11) => {
                    "; before Linux 5.11 `ulimit -l unlimited`, too"
                }
                _ => "",
            };
            Error::new(
                ErrorKind::Permission,
                format!(
                    "the kernel refuses to load programs (EPERM): the process needs CAP_BPF and \
                     CAP_PERFMON in the host's user namespace, and no seccomp filter on bpf(2), as \
                     containers have one{memlock}"
                ),
            )
        })),
        // ENOMEM
        12 => Some(Error::new(
            ErrorKind::Memory,
            "there is no memory for the programs' maps (ENOMEM): a smaller ring needs less, and so \
             may a higher limit of the control group, or before Linux 5.11 `ulimit -l unlimited`",
        )),
        _ => None,
    }
}

/// Loads a program by the first of its functions that the kernel takes.
fn load_program(
    ebpf: &mut Ebpf,
    program: &Program,
    btf: &Btf,
    has: &impl Fn(&str) -> bool,
) -> Result<&'static str, ProgramError> {
    let mut refusal = ProgramError::NotLoaded;
    for function in program.functions {
        let found = ebpf.program_mut(function).ok_or(ProgramError::NotLoaded)?;
        let result = match program.hook {
            Hook::Tracepoint(names) => {
                let name = names.iter().find(|name| has(name)).copied();
                let tracepoint: &mut BtfTracePoint = found.try_into()?;
                tracepoint.load(name.unwrap_or_default(), btf)
            }
            Hook::MajorFault => {
                let event: &mut PerfEvent = found.try_into()?;
                event.load()
            }
        };
        match result {
            Ok(()) => return Ok(function),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

fn attach_program(
    ebpf: &mut Ebpf,
    program: &Program,
    function: &'static str,
) -> Result<(), ProgramError> {
    let found = ebpf.program_mut(function).ok_or(ProgramError::NotLoaded)?;
    match program.hook {
        Hook::Tracepoint(_) => {
            let tracepoint: &mut BtfTracePoint = found.try_into()?;
            tracepoint.attach()?;
        }
        Hook::MajorFault => {
            let event: &mut PerfEvent = found.try_into()?;
            let cpus =
                aya::util::online_cpus().map_err(|(_, error)| ProgramError::IOError(error))?;
            for cpu in cpus {
                event.attach(
                    PerfEventConfig::Software(SoftwareEvent::PageFaultsMaj),
                    PerfEventScope::AllProcessesOneCpu { cpu },
                    SamplePolicy::Period(1),
                    false,
                )?;
            }
        }
    }
    Ok(())
}

/// The host's numbers of the process and of this one: those that this process sees, unless it is in a PID namespace
/// of its own.
fn processes(settings: &Settings, host: &Host, btf: &Btf) -> Result<Processes, Error> {
    let own = std::process::id();
    if settings.pid != 0 && !host.has_process(settings.pid) {
        return Err(Error::new(
            ErrorKind::NoProcess,
            format!("there is no process {}", settings.pid),
        ));
    }
    let seen = Processes {
        target: settings.pid,
        own,
    };
    match host.inner_namespace() {
        None => Ok(seen),
        Some(namespace) => of_host(seen, namespace, btf),
    }
}

/// Asks the kernel for the host's numbers of processes of a namespace.
fn of_host(seen: Processes, namespace: u32, btf: &Btf) -> Result<Processes, Error> {
    let cannot = |error: &(dyn std::error::Error + 'static)| {
        refused(error, &Host::this()).unwrap_or_else(|| {
            Error::new(
                ErrorKind::Kernel,
                format!(
                    "the process's number on the host cannot be found from inside of a container \
                     ({}): run the recorder in the host's PID namespace",
                    chain(error)
                ),
            )
        })
    };
    let mut loader = EbpfLoader::new();
    loader
        .btf(Some(btf))
        .allow_unsupported_maps()
        .map_max_entries("events", 1 << 16)
        .override_global("namespace_number", &namespace, true)
        .override_global("process_in_namespace", &seen.target, true)
        .override_global("self", &seen.own, true);
    let mut ebpf = loader.load(OBJECT).map_err(|error| cannot(&error))?;
    let search = || -> Result<(), ProgramError> {
        let program = ebpf
            .program_mut("find_process")
            .ok_or(ProgramError::NotLoaded)?;
        let iterator: &mut Iter = program.try_into()?;
        iterator.load("task", btf)?;
        let link = iterator.attach()?;
        let link = iterator.take_link(link)?;
        let file = link.into_file();
        let mut file = file.map_err(|error| ProgramError::IOError(std::io::Error::other(error)))?;
        std::io::copy(&mut file, &mut std::io::sink())
            .map(|_| ())
            .map_err(ProgramError::IOError)
    };
    let mut search = search;
    search().map_err(|error| cannot(&error))?;
    let found = |place: u32| -> Option<u32> {
        let map = ebpf.map("found_processes")?;
        let numbers: Array<_, u32> = map.try_into().ok()?;
        numbers.get(&place, 0).ok().filter(|&number| number != 0)
    };
    let target = match seen.target {
        0 => Some(0),
        _ => found(0),
    };
    match (target, found(1)) {
        (Some(target), Some(own)) => Ok(Processes { target, own }),
        _ => Err(Error::new(
            ErrorKind::NoProcess,
            format!("there is no process {} in this PID namespace", seen.target),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test ends where its input is wrong"
    )]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_program_of_the_object_is_in_the_catalogue_and_each_hook_is_as_its_section_says() {
        let object = aya_obj::Object::parse(OBJECT).expect("an object");
        let mut told: BTreeSet<&str> = PROGRAMS.iter().flat_map(|p| p.functions).copied().collect();
        // Loaded by itself.
        told.insert("find_process");
        let there: BTreeSet<&str> = object.programs.keys().map(String::as_str).collect();
        assert_eq!(there, told);
        let license = object.license.to_str().expect("a text");
        assert_eq!(license, "Dual MIT/GPL");
        let source = [
            include_str!("../bpf/block_io.h"),
            include_str!("../bpf/journal.h"),
            include_str!("../bpf/memory.h"),
            include_str!("../bpf/scheduler.h"),
            include_str!("../bpf/system_calls.h"),
            include_str!("../bpf/xfs_log.h"),
        ]
        .concat();
        for program in PROGRAMS {
            if let Hook::Tracepoint(names) = program.hook {
                let has = names.iter().any(|name| source.contains(name));
                assert!(has, "{names:?}");
            }
        }
    }

    #[test]
    fn a_probe_that_lacks_a_program_is_left_out_unless_it_is_worth_something_without() {
        let mut settings = Settings::of_probes(1, [Probe::Journal, Probe::Memory]);
        let mut left_out = Vec::new();
        let by_name = |name| {
            let mut programs = PROGRAMS.iter();
            programs.find(|p| p.functions.contains(&name)).unwrap()
        };
        let mut leave = |name, settings: &mut Settings| {
            leave_out(by_name(name), "why", settings, &mut left_out);
        };
        leave("stop_fast_commit", &mut settings);
        leave("end_compaction", &mut settings);
        leave("insert_request", &mut settings);
        leave("start_commit", &mut settings);
        let left: Vec<(Probe, bool)> = left_out.iter().map(|l| (l.probe, l.is_all)).collect();
        assert_eq!(left, [(Probe::Memory, false), (Probe::Journal, true)]);
        let rest: Vec<Probe> = settings.thresholds.into_keys().collect();
        assert_eq!(rest, [Probe::Memory]);
    }

    #[test]
    fn what_is_for_older_kernels_is_taken_by_a_newer_one_that_has_more() {
        let host = Host::this();
        if let Err(error) = host.check() {
            println!("left out: {error}");
            return;
        }
        let btf = Btf::from_sys_fs().unwrap();
        let settings = Settings::of_process(0);
        let own = Processes { target: 0, own: 1 };
        let mut ebpf = match told(&settings, own, &btf) {
            Ok(ebpf) => ebpf,
            Err(error) => {
                println!("left out: {error}");
                return;
            }
        };
        let older = Program {
            functions: &["change_5_17"],
            hook: Hook::Tracepoint(&["sched_switch"]),
            probes: &[Probe::Standing],
            is_optional: false,
        };
        load_program(&mut ebpf, &older, &btf, &|_| true).unwrap();
    }
}
