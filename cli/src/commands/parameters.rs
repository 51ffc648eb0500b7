//! Values for queries' parameters: the same options in every command that asks queries.

use anyhow::bail;
use clap::Args;
use kcorr_engine::GivenParameters;

use crate::commands::Global;

/// Options of a command that asks queries.
#[derive(Debug, Args)]
pub(crate) struct Parameters {
    /// A value for a parameter of the queries, for example clock_slack_ms=2; `kcorr queries NAME` says which
    /// there are
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
}

impl Parameters {
    /// The values that were given, with the objectives among them.
    pub(crate) fn given(&self, global: &Global) -> anyhow::Result<GivenParameters> {
        let mut given = self.without_objective();
        for (name, value) in global.objectives()?.parameters() {
            if given.insert(name.to_owned(), value).is_some() {
                bail!("--slo and --param {name} say the same thing: give one of them");
            }
        }
        Ok(given)
    }

    /// The values that were given by name.
    pub(crate) fn without_objective(&self) -> GivenParameters {
        self.parameters.iter().cloned().collect()
    }

    /// The values as they were given.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.parameters.iter().cloned()
    }
}

/// `NAME=VALUE` in its parts.
fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let name = name.strip_prefix('$').unwrap_or(name);
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE, for example clock_slack_ms=2".to_owned()),
    }
}
