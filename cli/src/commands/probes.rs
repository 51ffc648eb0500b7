//! `kcorr probes`

use std::io::Write;

use anyhow::{Context, bail};
use clap::Args;
use kcorr_probes::{BpftraceVersion, PROBES, Probe, ProbeParameters, by_name};

use crate::exit::Status;
use crate::screen::Screen;

/// List the bpftrace probes, or print one that is ready to run
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr probes                                            one line for each
  kcorr probes file-writes --pid 4242 > writes.bt         then: BPFTRACE_STRLEN=128 bpftrace writes.bt > writes.jsonl
  kcorr probes monitors --pid 4242 --libjvm /usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so
  kcorr ingest --bpf writes.jsonl                         afterwards")]
pub(crate) struct Probes {
    /// Print this probe
    name: Option<String>,

    /// Trace only this process
    #[arg(long, value_name = "PID", requires = "name")]
    pid: Option<u32>,

    /// Print only what took at least this long
    #[arg(long, value_name = "MS", requires = "name")]
    min_ms: Option<u64>,

    /// Path of the JVM's libjvm.so; found by --pid when it runs here
    #[arg(long, value_name = "FILE", requires = "name")]
    libjvm: Option<String>,

    /// Version of bpftrace that will run it, such as 0.23; without it that of this machine's
    #[arg(long, value_name = "VERSION", requires = "name")]
    bpftrace: Option<BpftraceVersion>,
}

impl Probes {
    pub(crate) fn run(&self, screen: &Screen) -> anyhow::Result<Status> {
        let mut out = std::io::stdout().lock();
        let Some(name) = &self.name else {
            let width = PROBES
                .iter()
                .map(|probe| probe.name.len())
                .max()
                .unwrap_or(0);
            for probe in PROBES {
                let name = screen.heading(&format!("{:width$}", probe.name));
                writeln!(out, "{name}  {}", probe.purpose)?;
                writeln!(
                    out,
                    "{:width$}  {}",
                    "",
                    screen.dim(&format!("tried on {}", probe.tried_on))
                )?;
            }
            return Ok(Status::Done);
        };
        let Some(probe) = by_name(name) else {
            bail!("there is no probe {name}: see `kcorr probes`");
        };
        write!(out, "{}", probe.render(&self.parameters(probe)?)?)?;
        Ok(Status::Done)
    }

    fn parameters(&self, probe: &Probe) -> anyhow::Result<ProbeParameters> {
        let libjvm = match (&self.libjvm, self.pid) {
            (None, Some(pid)) if probe.needs_libjvm => Some(libjvm_of(pid)?),
            (given, _) => given.clone(),
        };
        Ok(ProbeParameters {
            pid: self.pid,
            threshold_ns: self.min_ms.map(|ms| ms.saturating_mul(1_000_000)),
            libjvm,
            bpftrace: self.bpftrace.or_else(version_here),
        })
    }
}

/// The version of this machine's bpftrace, if there is one.
fn version_here() -> Option<BpftraceVersion> {
    let output = std::process::Command::new("bpftrace")
        .arg("--version")
        .output()
        .ok()?;
    std::str::from_utf8(&output.stdout)
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The libjvm.so that a process of this machine has mapped.
fn libjvm_of(pid: u32) -> anyhow::Result<String> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))
        .with_context(|| format!("cannot read the maps of process {pid}: give --libjvm"))?;
    let line = maps.lines().find(|line| line.ends_with("/libjvm.so"));
    let path = line.and_then(|line| line.find('/').and_then(|start| line.get(start..)));
    path.map(str::to_owned)
        .with_context(|| format!("process {pid} has no libjvm.so mapped: give --libjvm"))
}
