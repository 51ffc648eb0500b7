//! The broker and its JVM: what can be asked of them.

use super::Check;
use crate::attach::{can_attach, jcmd};
use crate::broker::{Broker, Status};
use crate::host::Host;
use crate::plan::Plan;
use crate::sources::{
    JVM_RECORDING, LEAST_FREE_BYTES, free_bytes, has_recording, log_kind, may_load, open_logs,
};

pub(super) fn checks(host: &Host, broker: &Broker, plan: &Plan) -> Vec<Check> {
    let mut checks = vec![process(broker).if_wanted(plan.wants("segments"))];
    checks.extend(listeners(broker, plan));
    if broker.status.inner_pid != broker.pid {
        checks.push(Check::note(
            "container",
            format!("the broker calls itself process {}", broker.status.inner_pid),
            "thread ids of its JVM's recordings are those of the container, those of kernel events the machine's: \
             threads of the two are matched by time and file, not by id",
        ));
    }
    checks.push(attach(host, broker).if_wanted(plan.wants("jvm") || plan.wants("threads")));
    checks.extend(flight_recorder(host, broker, plan));
    if plan.wants("monitors") && plan.probes.iter().any(|probe| probe == "monitors") {
        checks.push(monitors(broker));
    }
    if let Some(library) = &plan.profiler {
        checks.push(match may_load(&broker.jvm, library) {
            Err(why) => {
                let (found, advice) = why.split_once(": ").unwrap_or((&why, ""));
                Check::missing("profiler", found, advice).if_wanted(plan.wants("profiler"))
            }
            Ok(()) => Check::ok("profiler", library.display().to_string()),
        });
    } else if let Some(profiler) = &broker.jvm.profiler {
        checks.push(Check::note(
            "profiler",
            format!("{} is loaded already", profiler.display()),
            "kcorr loads no second one: give that one's recording to kcorr ingest",
        ));
    }
    checks.push(mappings(host, broker));
    checks.extend(logs(host, broker));
    checks
}

fn process(broker: &Broker) -> Check {
    let version = broker
        .jvm
        .version
        .as_deref()
        .unwrap_or("of an unknown version");
    let jvm = format!("process {}, JDK {version}", broker.pid);
    if broker.command_line.is_none() {
        return Check::missing(
            "broker",
            format!("{jvm}: no Kafka broker by its command line"),
            "name the broker's process with --pid",
        );
    }
    let dirs: Vec<String> = broker
        .log_dirs
        .iter()
        .map(|it| it.display().to_string())
        .collect();
    if dirs.is_empty() {
        return Check::missing(
            "broker",
            format!("{jvm}: its server.properties cannot be read"),
            "run as root, or as the broker's user",
        );
    }
    Check::ok("broker", format!("{jvm}, logs in {}", dirs.join(", ")))
}

fn listeners(broker: &Broker, plan: &Plan) -> Vec<Check> {
    if broker.listeners.is_empty() {
        let check = Check::missing(
            "listeners",
            "none is known",
            "run as root: neither the broker's settings nor its sockets can be read",
        );
        return vec![check.if_wanted(plan.wants("packets"))];
    }
    let for_clients = || broker.listeners.iter().filter(|it| !it.is_controller);
    let is_plain_anywhere = for_clients().any(|it| !it.is_encrypted());
    let checks = broker.listeners.iter().map(|listener| {
        let check = format!("listener {}", listener.port);
        let name = listener.name.as_deref().unwrap_or("of a socket");
        let protocol = listener.protocol.as_deref().unwrap_or("protocol unknown");
        let found = format!("{name}, {protocol}");
        if !listener.is_encrypted() {
            return Check::ok(check, found);
        }
        let missing = Check::missing(
            check,
            format!("{found}: encrypted, so packets show no requests"),
            "record the sessions' keys too (an agent such as extract-tls-secrets writes them) and give them to kcorr ingest \
             (--tls-keys), or record a listener without TLS; what TCP did is recorded anyway",
        );
        let is_all = !is_plain_anywhere && !listener.is_controller;
        missing.if_wanted(is_all && plan.wants("packets"))
    });
    checks.collect()
}

fn attach(host: &Host, broker: &Broker) -> Check {
    let may = Status::of(host, std::process::id()).or_else(|_| own_status(host));
    let is_permitted = may.is_ok_and(|own| own.uid == 0 || own.uid == broker.status.uid);
    match can_attach(host, broker) {
        Err(why) => {
            let (found, advice) = why.split_once(": ").unwrap_or((&why, ""));
            Check::missing("attach", found, advice)
        }
        Ok(()) if !is_permitted => Check::missing(
            "attach",
            format!(
                "the JVM takes commands of user {} and of root only",
                broker.status.uid
            ),
            "run as one of them",
        ),
        Ok(()) => Check::ok("attach", "the JVM can be asked for recordings and threads"),
    }
}

/// The status of the recorder itself.
pub(super) fn own_status(host: &Host) -> std::io::Result<Status> {
    let text = host.text("/proc/self/status")?;
    Ok(Status::parse(&text, 0))
}

fn flight_recorder(host: &Host, broker: &Broker, plan: &Plan) -> Vec<Check> {
    let mut checks = Vec::new();
    let tmp = host.path(broker.outside(std::path::Path::new("/tmp")));
    if let Some(free) = free_bytes(&tmp)
        && free < LEAST_FREE_BYTES
    {
        let check = Check::missing(
            "jfr space",
            format!("the JVM's /tmp has {} MB free", free >> 20),
            format!(
                "its recording needs {} MB there: make it larger",
                LEAST_FREE_BYTES >> 20
            ),
        );
        checks.push(check.if_wanted(plan.wants("jvm")));
    }
    // Asking opens the JVM's socket, which doctor does: a recording would too.
    if !host.is_here() || can_attach(host, broker).is_err() {
        return checks;
    }
    checks.push(match jcmd(broker, "JFR.check") {
        Ok(text) if has_recording(&text) => Check::note(
            "jfr",
            format!("a recording called {JVM_RECORDING} runs, of a recorder that was killed"),
            "the next kcorr record ends it",
        ),
        Ok(_) => Check::ok("jfr", "the JVM has a Flight Recorder"),
        Err(why) => Check::missing(
            "jfr",
            why,
            "the JVM must have a Flight Recorder: JDK 11, or 8u262, and later",
        )
        .if_wanted(plan.wants("jvm")),
    });
    checks
}

fn monitors(broker: &Broker) -> Check {
    let line = broker.command_line.as_ref();
    if line.and_then(|line| line.flag("DTraceMonitorProbes")) == Some(true) {
        return Check::ok("monitor probes", "-XX:+DTraceMonitorProbes is set");
    }
    Check::missing(
        "monitor probes",
        "-XX:+DTraceMonitorProbes is not set",
        "start the broker with it, or do without: the JVM's own recording has waits for monitors too",
    )
}

fn mappings(host: &Host, broker: &Broker) -> Check {
    let most = host
        .word("/proc/sys/vm/max_map_count")
        .and_then(|it| it.parse::<u64>().ok());
    let count = broker.jvm.map_count;
    match most {
        Some(most) if count.saturating_mul(5) > most.saturating_mul(4) => Check::note(
            "mappings",
            format!("the broker has {count} of {most} mappings of memory (vm.max_map_count)"),
            "raise vm.max_map_count: a broker that has used them up ends",
        ),
        Some(most) => Check::ok("mappings", format!("{count} of {most}")),
        None => Check::ok("mappings", format!("{count}")),
    }
}

fn logs(host: &Host, broker: &Broker) -> Vec<Check> {
    let kinds: Vec<_> = open_logs(host, broker)
        .into_iter()
        .filter_map(|(path, mut file)| Some((log_kind(&mut file)?, path)))
        .collect();
    let find =
        |kind: &str, found: &str, advice: &str| match kinds.iter().find(|(it, _)| *it == kind) {
            Some((_, path)) => Check::ok(found.to_owned(), path.display().to_string()),
            None => Check::note(found, "the broker writes none", advice),
        };
    vec![
        find(
            "request-log",
            "request log",
            "kafka.request.logger at DEBUG says each request's stages, at a cost; it can be switched on for a while \
             (kafka-configs --entity-type broker-loggers)",
        ),
        find(
            "server-log",
            "server log",
            "log4j's kafkaAppender writes it (server.log): of followers that left the in-sync set only it tells",
        ),
        find(
            "gc-log",
            "gc log",
            "the JVM's own recording has pauses too; -Xlog:gc*,safepoint*:file=gc.log:time,uptimenanos costs next to nothing",
        ),
    ]
}
