//! The broker's settings and its JVM's, as far as they bear on latency and can hold no secret.

use super::Fact;
use crate::broker::Broker;
use crate::host::Host;

/// Settings of the broker. Only these are stored.
const SETTINGS: [&str; 38] = [
    "node.id",
    "broker.id",
    "process.roles",
    "num.io.threads",
    "num.network.threads",
    "num.replica.fetchers",
    "num.recovery.threads.per.data.dir",
    "background.threads",
    "queued.max.requests",
    "queued.max.request.bytes",
    "log.dirs",
    "log.dir",
    "metadata.log.dir",
    "log.segment.bytes",
    "log.roll.ms",
    "log.roll.hours",
    "log.flush.interval.messages",
    "log.flush.interval.ms",
    "log.flush.scheduler.interval.ms",
    "log.flush.offset.checkpoint.interval.ms",
    "log.preallocate",
    "log.retention.bytes",
    "log.retention.ms",
    "log.retention.hours",
    "log.cleaner.threads",
    "log.index.interval.bytes",
    "min.insync.replicas",
    "replica.lag.time.max.ms",
    "replica.fetch.wait.max.ms",
    "replica.fetch.min.bytes",
    "message.max.bytes",
    "socket.send.buffer.bytes",
    "socket.receive.buffer.bytes",
    "socket.request.max.bytes",
    "socket.listen.backlog.size",
    "offsets.topic.num.partitions",
    "compression.type",
    "remote.log.storage.system.enable",
];

/// Beginnings of the flags of the JVM that are stored: what is behind `-D` or an agent can be a secret.
const FLAGS: [&str; 5] = ["-Xm", "-Xs", "-Xlog", "-XX:+", "-XX:-"];
/// Flags with a value that are stored.
const VALUED: [&str; 9] = [
    "MaxGCPauseMillis",
    "InitiatingHeapOccupancyPercent",
    "G1HeapRegionSize",
    "ParallelGCThreads",
    "ConcGCThreads",
    "MaxMetaspaceSize",
    "MaxRAMPercentage",
    "MaxDirectMemorySize",
    "GuaranteedSafepointInterval",
];

/// What is known of the broker and its JVM.
pub(super) fn facts(host: &Host, broker: &Broker, facts: &mut Vec<Fact>) {
    let mut jvm = |name: &str, value: String| facts.push(Fact::new("jvm", "", name, value));
    let told = [
        ("version", &broker.jvm.version),
        ("vendor", &broker.jvm.vendor),
    ];
    for (name, value) in told {
        if let Some(value) = value {
            jvm(name, value.clone());
        }
    }
    jvm("map_count", broker.jvm.map_count.to_string());
    if let Some(line) = &broker.command_line {
        for flag in line.jvm_arguments.iter().filter(|flag| is_stored(flag)) {
            jvm("flag", flag.clone());
        }
    }
    let mut add = |name: &str, value: String| facts.push(Fact::new("broker", "", name, value));
    add("pid", broker.pid.to_string());
    add("pid_in_namespace", broker.status.inner_pid.to_string());
    if let Some(version) = version(host, broker) {
        add("version", version);
    }
    for (name, value) in broker
        .properties
        .iter()
        .filter(|(name, _)| SETTINGS.contains(name))
    {
        add(name, value.to_owned());
    }
    for listener in &broker.listeners {
        let name = listener.name.as_deref().unwrap_or("unnamed");
        let protocol = listener.protocol.as_deref().unwrap_or("unknown");
        let of = listener.port.to_string();
        facts.push(Fact::new("listener", of.clone(), "name", name));
        facts.push(Fact::new("listener", of.clone(), "protocol", protocol));
        facts.push(Fact::new(
            "listener",
            of,
            "is_controller",
            listener.is_controller.to_string(),
        ));
    }
}

fn is_stored(flag: &str) -> bool {
    // A command that is run on an error may hold anything.
    if flag.contains("=") && !flag.starts_with("-Xlog") {
        let name = flag
            .strip_prefix("-XX:")
            .and_then(|flag| flag.split('=').next());
        return name.is_some_and(|name| VALUED.contains(&name));
    }
    FLAGS.iter().any(|begin| flag.starts_with(begin))
}

/// Kafka's version, by the name of a library that the process has open: `kafka-clients-3.9.1.jar`.
fn version(host: &Host, broker: &Broker) -> Option<String> {
    let folder = format!("/proc/{}/fd", broker.pid);
    host.names(&folder).iter().find_map(|name| {
        let path = host.link(format!("{folder}/{name}"))?;
        let name = path.file_name()?.to_str()?;
        let version = name.strip_prefix("kafka-clients-")?.strip_suffix(".jar")?;
        Some(version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_can_hold_a_secret_are_not_stored() {
        for stored in [
            "-Xmx1g",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-Xlog:gc*:file=/var/log/gc.log",
        ] {
            assert!(is_stored(stored), "{stored}");
        }
        for other in [
            "-Djavax.net.ssl.keyStorePassword=x",
            "-javaagent:a.jar=token=x",
            "-agentpath:a.so=x",
            "-XX:OnOutOfMemoryError=curl -u me:x",
            "-XX:Flags=/etc/x",
            "-cp",
        ] {
            assert!(!is_stored(other), "{other}");
        }
        assert!(
            SETTINGS
                .iter()
                .all(|name| !name.contains("password") && !name.contains("sasl"))
        );
    }
}
