//! The bpftrace scripts that kcorr ships: what each traces, its text, and the text made ready for a
//! process. `probes/README.md` says what they print.

/// A shipped script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Name, as in `kcorr probes NAME`.
    pub name: &'static str,
    /// What it traces, in one line.
    pub purpose: &'static str,
    /// The script. Its parameters are bpftrace's `$1` (process, 0 for all) and `$2` (threshold, ns), and
    /// `LIBJVM` for the path of the JVM's library.
    pub script: &'static str,
    /// Versions it was tried on, or what it waits to be tried on.
    pub tried_on: &'static str,
    /// Whether `LIBJVM` must be given.
    pub needs_libjvm: bool,
    /// Whether the kernel must have kprobes.
    pub needs_kprobes: bool,
}

/// What a script is made ready for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProbeParameters {
    /// Process to trace; all processes when not given.
    pub pid: Option<u32>,
    /// Shortest event that is printed, ns; the script's own choice when not given.
    pub threshold_ns: Option<u64>,
    /// Path of `libjvm.so`, as in `/proc/PID/maps`.
    pub libjvm: Option<String>,
    /// Version of the bpftrace that will run it. From 0.20 on the script itself says how long strings may
    /// be; without one, or before, its first lines tell the command that does.
    pub bpftrace: Option<BpftraceVersion>,
}

/// A version of bpftrace, as `0.17` or as `bpftrace --version` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BpftraceVersion {
    major: u32,
    minor: u32,
}

/// A version cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version of bpftrace, such as 0.17 or 0.23.1")]
pub struct UnknownVersion(String);

impl std::str::FromStr for BpftraceVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let unknown = || UnknownVersion(text.to_owned());
        let version = text.split_ascii_whitespace().last().ok_or_else(unknown)?;
        let version = version.strip_prefix('v').unwrap_or(version);
        let mut parts = version.split(['.', '-']);
        let mut number = || parts.next().and_then(|part| part.parse().ok());
        match (number(), number()) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(unknown()),
        }
    }
}

impl BpftraceVersion {
    /// Bytes of a string, if a script can set them: config blocks are of 0.20, and strings were held on
    /// a stack of 512 bytes until 0.21. 256 hold every name of a file (`NAME_MAX` and an end).
    fn max_strlen(self) -> Option<u32> {
        match (self.major, self.minor) {
            (0, ..20) => None,
            (0, 20) => Some(STRLEN),
            _ => Some(256),
        }
    }
}

/// The longest `BPFTRACE_STRLEN` with which old versions take the scripts.
const STRLEN: u32 = 128;

/// A script cannot be made ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The script attaches to the JVM's library.
    #[error("probe {0} needs the path of libjvm.so (see /proc/PID/maps)")]
    NeedsLibjvm(&'static str),
    /// The path would not be read as one by bpftrace.
    #[error("the path `{0}` of libjvm.so has a character that bpftrace does not take")]
    BadPath(String),
}

/// First line of every script.
const SHEBANG: &str = "#!/usr/bin/env bpftrace\n";

const TRACEPOINTS: &str = "bpftrace 0.17 on Linux 6.18 (ext4 and XFS on loop devices)";
const USDT: &str = "bpftrace 0.17 on Linux 6.18, OpenJDK 17 of Debian 12";
const KPROBES: &str =
    "compiled by bpftrace 0.17; not run: the kernel it was written on has no kprobes";

macro_rules! probe {
    ($name:literal, $purpose:literal, $tried_on:expr) => {
        Probe {
            name: $name,
            purpose: $purpose,
            script: include_str!(concat!("../../probes/", $name, ".bt")),
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

impl Probe {
    /// The script with what makes its strings long enough for names of directories and classes.
    fn with_long_strings(&self, script: &str, version: Option<BpftraceVersion>) -> String {
        let has_strings = script.contains("str(");
        let Some(body) = script.strip_prefix(SHEBANG).filter(|_| has_strings) else {
            return script.to_owned();
        };
        match version.and_then(BpftraceVersion::max_strlen) {
            Some(bytes) => format!("{SHEBANG}config = {{ max_strlen = {bytes} }}\n\n{body}"),
            None => format!(
                "#!/usr/bin/env -S BPFTRACE_STRLEN={STRLEN} bpftrace\n\
                 // Run it as: BPFTRACE_STRLEN={STRLEN} bpftrace FILE (or make it executable). Without it names are\n\
                 // cut at 63 bytes; from bpftrace 0.20 on `kcorr probes --bpftrace VERSION` sets it in the script.\n{body}"
            ),
        }
    }

    /// The script with its parameters in place: it runs as `bpftrace FILE`.
    ///
    /// # Errors
    /// When it needs the path of `libjvm.so` and there is none, or one that bpftrace cannot read.
    pub fn render(&self, parameters: &ProbeParameters) -> Result<String, ProbeError> {
        let pid = parameters.pid.unwrap_or(0).to_string();
        let threshold = parameters.threshold_ns.unwrap_or(0).to_string();
        let script = self.script.replace("$1", &pid).replace("$2", &threshold);
        let script = self.with_long_strings(&script, parameters.bpftrace);
        if !self.needs_libjvm {
            return Ok(script);
        }
        let path = parameters.libjvm.as_deref();
        let path = path.ok_or(ProbeError::NeedsLibjvm(self.name))?;
        let is_plain = !path.is_empty()
            && path
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte));
        if !is_plain {
            return Err(ProbeError::BadPath(path.to_owned()));
        }
        Ok(script.replace("usdt:LIBJVM:", &format!("usdt:{path}:")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendered_script_has_no_parameters_left() {
        let parameters = ProbeParameters {
            pid: Some(4242),
            threshold_ns: Some(1_000_000),
            libjvm: Some("/usr/lib/jvm/java-17/lib/server/libjvm.so".to_owned()),
            bpftrace: None,
        };
        for probe in PROBES {
            let script = probe.render(&parameters).unwrap();
            assert!(
                !script.contains("$1") && !script.contains("$2"),
                "{}",
                probe.name
            );
            assert!(!script.contains("usdt:LIBJVM"), "{}", probe.name);
            assert!(script.contains("1000000"), "{}", probe.name);
        }
        let script = by_name("file-writes").unwrap().render(&parameters).unwrap();
        assert!(script.contains("pid == 4242"));
    }

    #[test]
    fn every_script_prints_what_it_is_and_the_clocks() {
        for probe in PROBES {
            let name = format!("\\\"name\\\":\\\"{}\\\"", probe.name);
            assert!(probe.script.contains(&name), "{}", probe.name);
            let clock = "\\\"ev\\\":\\\"clock\\\"";
            assert_eq!(probe.script.matches(clock).count(), 2, "{}", probe.name);
        }
    }

    #[test]
    fn a_script_sets_the_length_of_strings_or_tells_how() {
        let rendered = |name: &str, version: Option<&str>| {
            let parameters = ProbeParameters {
                bpftrace: version.map(|version| version.parse().unwrap()),
                libjvm: Some("/libjvm.so".to_owned()),
                ..ProbeParameters::default()
            };
            by_name(name).unwrap().render(&parameters).unwrap()
        };
        for name in [
            "file-writes",
            "file-reads",
            "file-writes-kprobe",
            "monitors",
            "pauses",
        ] {
            for version in [None, Some("bpftrace v0.17.0"), Some("0.19")] {
                let script = rendered(name, version);
                assert!(script.starts_with("#!/usr/bin/env -S BPFTRACE_STRLEN=128 bpftrace\n"));
                assert!(script.contains("// Run it as: BPFTRACE_STRLEN=128 bpftrace FILE"));
                assert!(!script.contains("config ="));
            }
            let script = rendered(name, Some("v0.20.1"));
            assert!(script.starts_with("#!/usr/bin/env bpftrace\nconfig = { max_strlen = 128 }\n"));
            assert!(rendered(name, Some("0.23.5-dirty")).contains("max_strlen = 256 }"));
        }
        assert!(!rendered("journal", Some("0.23")).contains("max_strlen"));
        assert!("bpftrace".parse::<BpftraceVersion>().is_err());
    }

    #[test]
    fn a_path_that_is_no_path_is_refused() {
        let monitors = by_name("monitors").unwrap();
        assert!(monitors.render(&ProbeParameters::default()).is_err());
        let parameters = ProbeParameters {
            libjvm: Some("/x:hotspot:y { system(\"id\") }".to_owned()),
            ..ProbeParameters::default()
        };
        assert!(monitors.render(&parameters).is_err());
    }
}
