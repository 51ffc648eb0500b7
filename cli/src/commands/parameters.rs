//! Values for queries' parameters: the same options in every command that asks queries.

use std::collections::btree_map::Entry;

use anyhow::bail;
use clap::Args;
use kcorr_engine::{GivenParameters, Parameter};

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
            match given.entry(name.to_owned()) {
                Entry::Vacant(entry) => {
                    entry.insert(value);
                }
                Entry::Occupied(_) if global.has_objective() => {
                    bail!("--slo and --param {name} say the same thing: give one of them");
                }
                Entry::Occupied(_) => {}
            }
        }
        Ok(given)
    }

    /// The same for a query that has such parameters: objectives of the configuration are left out where it has
    /// none for them.
    pub(crate) fn given_to(
        &self,
        known: &[Parameter],
        global: &Global,
    ) -> anyhow::Result<GivenParameters> {
        let mut given = self.given(global)?;
        if !global.has_objective() {
            let by_name = self.without_objective();
            given.retain(|name, _| {
                by_name.contains_key(name) || known.iter().any(|p| p.name == *name)
            });
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
    let (name, value) = name_and_value(text, "clock_slack_ms=2")?;
    let name = name.strip_prefix('$').map(str::to_owned).unwrap_or(name);
    Ok((name, value))
}

/// `NAME=VALUE` in its parts; `example` is one for whoever wrote something else.
pub(super) fn name_and_value(text: &str, example: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("expected NAME=VALUE, for example {example}")),
    }
}
