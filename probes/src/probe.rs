//! A script, and the script made ready for a process.

use crate::bpftrace_version::{BpftraceVersion, STRLEN};

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
