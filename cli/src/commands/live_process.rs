//! The processes that `kcorr live` starts of itself: one for an account, one for a brief.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use kcorr_engine::GivenParameters;
use kcorr_live::{AccountCommand, Recorded};

use crate::commands::{account_window, held};

/// What writes the report of a store to a file.
pub(super) type ReportCommand = Box<dyn Fn(&Path, &Path) -> Command + Send + Sync>;

/// This program, after the broker when the CPU is short, and ended with the one that starts it: what goes on after a kill
/// would write to what the next start makes anew.
fn program() -> anyhow::Result<impl Fn() -> Command + Send + Sync + 'static> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let is_nice = Path::new("/usr/bin/nice").exists();
    Ok(move || {
        let mut command = Command::new(&program);
        command.arg(held::NAME).arg(std::process::id().to_string());
        if is_nice {
            command.args(["/usr/bin/nice", "-n", "10"]);
        }
        command.arg(&program);
        command
    })
}

/// What makes a store of a recording, and an account.
pub(super) fn account_command(
    given: &GivenParameters,
    memory_limit: Option<usize>,
) -> anyhow::Result<AccountCommand> {
    let program = program()?;
    let given = given.clone();
    Ok(Box::new(move |recorded: &Recorded| {
        let mut command = program();
        command.arg("--quiet").arg("--store").arg(recorded.store());
        command
            .arg(account_window::NAME)
            .arg("--raw")
            .arg(&recorded.folder);
        command
            .arg("--from-ns")
            .arg(recorded.period.from_ns.to_string());
        command
            .arg("--to-ns")
            .arg(recorded.period.to_ns.to_string());
        command.arg("--result").arg(recorded.result());
        for (name, value) in &given {
            command.arg("--given").arg(format!("{name}={value}"));
        }
        if let Some(bytes) = memory_limit {
            command.arg("--memory-limit").arg(bytes.to_string());
        }
        command
    }))
}

/// What writes reports with these objectives: briefs, or whole ones. The tests of verdicts, which take most of the time,
/// are left out.
pub(super) fn report_command(
    given: &GivenParameters,
    memory_limit: Option<usize>,
    is_brief: bool,
) -> anyhow::Result<ReportCommand> {
    let program = program()?;
    let given = given.clone();
    Ok(Box::new(move |store: &Path, file: &Path| {
        let mut command = program();
        command
            .arg("--quiet")
            .arg("--store")
            .arg(PathBuf::from(store));
        command.args(["report", "--shifts", "0", "--no-ablation", "--no-replay"]);
        if is_brief {
            command.arg("--brief");
        }
        command.arg("--output").arg(file);
        for (name, value) in &given {
            command.arg("--param").arg(format!("{name}={value}"));
        }
        if let Some(bytes) = memory_limit {
            command.arg("--memory-limit").arg(bytes.to_string());
        }
        command
    }))
}
