//! `kcorr.toml`: what the command line need not say each time.

use std::path::{Path, PathBuf};

use anyhow::Context;
use kcorr_store::{is_remote, plain_path};
use serde::Deserialize;

use crate::objective::AskedObjective;
use crate::screen::Color;
use crate::time_zone::TimeZone;

/// Name of the file.
const NAME: &str = "kcorr.toml";

/// What a configuration says; the command line and the environment come first.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Configuration {
    /// Folder that the tables are kept in, relative to the file's own folder, or a URL.
    pub(crate) store: Option<PathBuf>,
    /// Latency objectives.
    pub(crate) slo: Vec<AskedObjective>,
    /// When to use colours.
    pub(crate) color: Option<Color>,
    /// The time zone that times are shown in.
    pub(crate) tz: Option<TimeZone>,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    store: Option<PathBuf>,
    #[serde(default)]
    slo: Slo,
    color: Option<String>,
    tz: Option<String>,
}

/// `"65ms,fetch=200ms"`, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Slo {
    One(String),
    Several(Vec<String>),
}

impl Default for Slo {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Configuration {
    /// That of the folder one is in, or else of the user; nothing where neither has one.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let of_user = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))
            .map(|folder| folder.join("kcorr").join(NAME));
        let here = Some(PathBuf::from(NAME));
        let found = [here, of_user]
            .into_iter()
            .flatten()
            .find(|path| path.is_file());
        found.map_or_else(|| Ok(Self::default()), |path| Self::read(&path))
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
            .with_context(|| format!("{} is no configuration of kcorr", path.display()))
    }

    /// Reads a file's text; its paths are relative to its folder.
    fn parse(text: &str, folder: &Path) -> anyhow::Result<Self> {
        let written: Written = toml::from_str(text)?;
        let objectives = match &written.slo {
            Slo::One(text) => text.split(',').map(str::trim).collect(),
            Slo::Several(texts) => texts.iter().map(String::as_str).collect::<Vec<_>>(),
        };
        let slo = objectives.into_iter().map(|text| {
            let parsed = text.parse::<AskedObjective>();
            parsed.map_err(|why| anyhow::anyhow!("slo {text}: {why}"))
        });
        let color = written.color.as_deref().map(|name| {
            let known = <Color as clap::ValueEnum>::from_str(name, true);
            known.map_err(|_| anyhow::anyhow!("color {name}: expected auto, always or never"))
        });
        let tz = written.tz.as_deref().map(|name| {
            let parsed = name.parse::<TimeZone>();
            parsed.map_err(|why| anyhow::anyhow!("tz {name}: {why}"))
        });
        Ok(Self {
            store: written.store.map(|store| match plain_path(store) {
                url if is_remote(&url) => url,
                store => folder.join(store),
            }),
            slo: slo.collect::<anyhow::Result<_>>()?,
            color: color.transpose()?,
            tz: tz.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> anyhow::Result<Configuration> {
        Configuration::parse(text, Path::new("/etc/kcorr"))
    }

    #[test]
    fn paths_are_relative_to_the_file_and_objectives_are_as_on_the_command_line() {
        let configuration = parsed(
            "store = 'monday.kcorr'\nslo = '80ms, fetch=200ms'\ncolor = 'never'\ntz = 'Asia/Tokyo'",
        );
        let configuration = configuration.expect("a configuration");
        assert_eq!(
            configuration.store,
            Some(PathBuf::from("/etc/kcorr/monday.kcorr"))
        );
        assert_eq!(configuration.slo.len(), 2);
        assert_eq!(configuration.color, Some(Color::Never));
        assert_eq!(configuration.tz, "Asia/Tokyo".parse().ok());
        let remote = parsed("store = 's3://bucket/monday.kcorr'").expect("a configuration");
        assert_eq!(remote.store, Some("s3://bucket/monday.kcorr".into()));
        let named = parsed("store = 'file:///srv/monday.kcorr'").expect("a configuration");
        assert_eq!(named.store, Some("/srv/monday.kcorr".into()));
        let list = parsed("slo = ['80ms', 'fetch=200ms']").expect("a configuration");
        assert_eq!(list.slo, configuration.slo);
        assert_eq!(
            parsed("").expect("a configuration"),
            Configuration::default()
        );
    }

    #[test]
    fn a_slip_is_an_error_that_says_where() {
        for (text, said) in [
            ("stoer = 'a'", "stoer"),
            ("slo = 'fast'", "slo fast"),
            ("color = 'blue'", "color blue"),
            ("tz = 'Mars'", "tz Mars"),
        ] {
            let error = format!("{:#}", parsed(text).expect_err("a slip"));
            assert!(error.contains(said), "{error}");
        }
    }
}
