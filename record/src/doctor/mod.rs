//! What a machine lacks for a recording, and what would help: a check a line.

mod broker;
mod kernel;
mod place;

use std::path::Path;

use serde::Serialize;

use crate::broker::Broker;
use crate::host::Host;
use crate::plan::Plan;
use crate::sources::installed_bpftrace;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth knowing; what was asked for is recorded.
    Note,
    /// Something that was asked for will not be recorded.
    Missing,
}

/// A check and how it came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at: `btf`, `listener 9093`.
    pub check: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Check {
    fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn note(check: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Note,
            advice: Some(advice.into()).filter(|it| !it.is_empty()),
            ..Self::ok(check, found)
        }
    }

    fn missing(
        check: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Missing,
            ..Self::note(check, found, advice)
        }
    }

    /// A lack is only worth knowing when nothing that needs it was asked for.
    fn if_wanted(mut self, is_wanted: bool) -> Self {
        if self.verdict == Verdict::Missing && !is_wanted {
            self.verdict = Verdict::Note;
        }
        self
    }
}

/// Programs that recordings need, as they are installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programs {
    /// The version of bpftrace, as it prints it.
    pub bpftrace: Option<String>,
    /// Whether there is a tcpdump.
    pub has_tcpdump: bool,
}

impl Programs {
    /// Those of this machine.
    pub fn here() -> Self {
        Self {
            bpftrace: installed_bpftrace(),
            has_tcpdump: crate::child::in_path("tcpdump").is_some(),
        }
    }
}

/// All checks of a recording that a plan asks for, which would be written below `target`.
pub fn examine(
    host: &Host,
    programs: &Programs,
    broker: &Broker,
    plan: &Plan,
    target: &Path,
) -> Vec<Check> {
    let mut checks = broker::checks(host, broker, plan);
    checks.extend(kernel::checks(host, programs, broker, plan));
    checks.extend(place::checks(host, broker, target));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Engine;

    /// A machine with a broker as process 7, and files besides.
    fn machine(properties: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Host, Broker) {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let write = |path: &str, text: &str| host.put(path, text);
        let all = [
            (
                "/proc/7/cmdline",
                "java\0-Xmx1g\0kafka.Kafka\0/server.properties\0",
            ),
            (
                "/proc/7/status",
                "Uid:\t5\t5\t5\t5\nNSpid:\t7\nSigCgt:\t4\n",
            ),
            ("/proc/7/maps", "1 r-xp 0 0 0 /jdk/lib/server/libjvm.so\n"),
            ("/proc/7/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda rw\n"),
            ("/proc/7/root/server.properties", properties),
            (
                "/proc/self/status",
                "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n",
            ),
            ("/proc/sys/vm/max_map_count", "65530\n"),
            ("/proc/sys/kernel/osrelease", "6.1.0\n"),
            ("/sys/kernel/btf/vmlinux", "x"),
            ("/sys/kernel/tracing/events/sched/enable", "0"),
        ];
        for (path, text) in all.iter().chain(files) {
            write(path, text);
        }
        let broker = Broker::of(&host, 7).unwrap();
        (root, host, broker)
    }

    const PLAIN: &str = "listeners=PLAINTEXT://:9092\nlog.dirs=/data\n";

    fn programs() -> Programs {
        Programs {
            bpftrace: Some("bpftrace v0.21.2".to_owned()),
            has_tcpdump: true,
        }
    }

    /// What is not as it should be.
    fn wrong(
        host: &Host,
        programs: &Programs,
        broker: &Broker,
        plan: &Plan,
    ) -> Vec<(String, Verdict)> {
        let checks = examine(host, programs, broker, plan, Path::new("/tmp"));
        let wrong = checks
            .into_iter()
            .filter(|check| check.verdict != Verdict::Ok);
        wrong.map(|check| (check.check, check.verdict)).collect()
    }

    fn has(found: &[(String, Verdict)], check: &str, verdict: Verdict) -> bool {
        found.contains(&(check.to_owned(), verdict))
    }

    /// All checks for a recording of everything.
    fn examined(host: &Host, broker: &Broker) -> Vec<Check> {
        examine(
            host,
            &programs(),
            broker,
            &Plan::default(),
            Path::new("/tmp"),
        )
    }

    #[test]
    fn a_machine_that_has_everything_misses_nothing() {
        let (_root, host, broker) = machine(PLAIN, &[]);
        let found = wrong(&host, &programs(), &broker, &Plan::default());
        assert!(
            found.iter().all(|(_, verdict)| *verdict == Verdict::Note),
            "{found:?}"
        );
    }

    #[test]
    fn without_btf_and_tracefs_kernel_events_are_missing_if_they_are_wanted() {
        let (_root, host, broker) = machine(PLAIN, &[]);
        std::fs::remove_dir_all(host.path("/sys/kernel")).unwrap();
        let found = wrong(&host, &programs(), &broker, &Plan::default());
        assert!(has(&found, "btf", Verdict::Missing) && has(&found, "tracefs", Verdict::Missing));
        let plan = Plan {
            without: vec!["kernel".to_owned()],
            ..Plan::default()
        };
        let found = wrong(&host, &programs(), &broker, &plan);
        assert!(has(&found, "btf", Verdict::Note) && has(&found, "tracefs", Verdict::Note));
    }

    #[test]
    fn bpftrace_is_needed_only_for_what_the_programs_of_kcorr_do_not_see() {
        let (_root, host, broker) = machine(PLAIN, &[]);
        std::fs::remove_dir_all(host.path("/sys/kernel/tracing")).unwrap();
        let programs = Programs {
            bpftrace: None,
            has_tcpdump: true,
        };
        let found = |engine, probes: &[&str]| {
            let plan = Plan {
                engine,
                probes: probes.iter().map(|&probe| probe.to_owned()).collect(),
                ..Plan::default()
            };
            let found = wrong(&host, &programs, &broker, &plan);
            ["bpftrace", "tracefs"].map(|check| has(&found, check, Verdict::Missing))
        };
        assert_eq!(found(Engine::Auto, &[]), [false, false]);
        assert_eq!(found(Engine::Own, &["monitors"]), [true, true]);
        assert_eq!(found(Engine::Bpftrace, &[]), [true, true]);
        std::fs::remove_file(host.path("/sys/kernel/btf/vmlinux")).unwrap();
        assert_eq!(found(Engine::Auto, &[]), [true, true]);
    }

    #[test]
    fn without_root_what_is_not_permitted_is_named() {
        let status = "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n";
        let (_root, host, broker) = machine(PLAIN, &[("/proc/self/status", status)]);
        let checks = examined(&host, &broker);
        let of = |name: &str| checks.iter().find(|check| check.check == name).unwrap();
        assert_eq!(of("capabilities: packets").verdict, Verdict::Missing);
        assert!(
            of("capabilities: packets")
                .advice
                .as_deref()
                .unwrap()
                .contains("CAP_NET_RAW")
        );
        assert_eq!(of("capabilities: kernel events").verdict, Verdict::Missing);
        assert_eq!(of("attach").verdict, Verdict::Missing);
    }

    #[test]
    fn listeners_with_tls_are_told_and_miss_packets_only_when_all_have_it() {
        let tls = "listeners=SSL://:9093,REPLICATION://:9094\n\
                   listener.security.protocol.map=SSL:SSL,REPLICATION:SASL_SSL\nlog.dirs=/data\n";
        let (_root, host, broker) = machine(tls, &[]);
        let checks = examined(&host, &broker);
        let listeners: Vec<_> = checks
            .iter()
            .filter(|it| it.check.starts_with("listener"))
            .collect();
        assert_eq!(listeners.len(), 2);
        for check in listeners {
            assert_eq!(check.verdict, Verdict::Missing);
            assert!(check.advice.as_deref().unwrap().contains("keys"));
        }
        let mixed = tls.replace("REPLICATION:SASL_SSL", "REPLICATION:PLAINTEXT");
        let (_root, host, broker) = machine(&mixed, &[]);
        let found = wrong(&host, &programs(), &broker, &Plan::default());
        assert!(has(&found, "listener 9093", Verdict::Note), "{found:?}");
        assert!(!found.iter().any(|(check, _)| check == "listener 9094"));
    }

    #[test]
    fn a_broker_in_a_container_is_told() {
        let (_root, host, broker) = machine(
            PLAIN,
            &[(
                "/proc/7/status",
                "Uid:\t5\t5\t5\t5\nNSpid:\t7\t1\nSigCgt:\t4\n",
            )],
        );
        let found = wrong(&host, &programs(), &broker, &Plan::default());
        assert!(has(&found, "container", Verdict::Note), "{found:?}");
    }

    #[test]
    fn a_jvm_that_cannot_be_asked_says_why() {
        let quiet = ("/proc/7/status", "Uid:\t5\t5\t5\t5\nSigCgt:\t0\n");
        let (_root, host, broker) = machine(PLAIN, &[quiet]);
        let checks = examined(&host, &broker);
        let attach = checks.iter().find(|check| check.check == "attach").unwrap();
        assert!(
            attach.verdict == Verdict::Missing && attach.found.contains("-Xrs"),
            "{attach:?}"
        );
    }

    #[test]
    fn what_a_probe_needs_is_missing_only_when_it_is_asked_for() {
        let (_root, host, broker) = machine(PLAIN, &[]);
        let found = wrong(&host, &programs(), &broker, &Plan::default());
        assert!(!found.iter().any(|(check, _)| check == "monitor probes"));
        let plan = Plan {
            probes: vec!["monitors".to_owned()],
            ..Plan::default()
        };
        let found = wrong(&host, &programs(), &broker, &plan);
        assert!(has(&found, "monitor probes", Verdict::Missing), "{found:?}");
    }

    #[test]
    fn a_second_profiler_beside_one_that_is_loaded_is_missing() {
        let maps = "1 r-xp 0 0 0 /jdk/lib/server/libjvm.so\n2 r-xp 0 0 0 /x/libasyncProfiler.so\n";
        let (_root, host, broker) = machine(PLAIN, &[("/proc/7/maps", maps)]);
        let found = |library: &str| {
            let plan = Plan {
                profiler: Some(library.into()),
                ..Plan::default()
            };
            let found = wrong(&host, &programs(), &broker, &plan);
            has(&found, "profiler", Verdict::Missing)
        };
        assert!(found("/y/libasyncProfiler.so"));
        assert!(!found("/x/libasyncProfiler.so"));
    }

    #[test]
    fn lockdown_old_tracers_many_maps_and_a_profiler_are_seen() {
        let maps = format!(
            "1 r-xp 0 0 0 /jdk/lib/server/libjvm.so\n2 r-xp 0 0 0 /x/libasyncProfiler.so\n{}",
            "3 rw-p 0 0 0 \n".repeat(900)
        );
        let (_root, host, broker) = machine(
            PLAIN,
            &[
                ("/proc/7/maps", &maps),
                ("/proc/sys/vm/max_map_count", "1000\n"),
                (
                    "/sys/kernel/security/lockdown",
                    "none integrity [confidentiality]\n",
                ),
            ],
        );
        let programs = Programs {
            bpftrace: None,
            has_tcpdump: false,
        };
        let found = wrong(&host, &programs, &broker, &Plan::default());
        for check in ["lockdown", "bpftrace", "tcpdump"] {
            assert!(has(&found, check, Verdict::Missing), "{check}: {found:?}");
        }
        for check in ["mappings", "profiler"] {
            assert!(has(&found, check, Verdict::Note), "{check}: {found:?}");
        }
    }
}
