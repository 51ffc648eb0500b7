//! Objectives: the latencies from which on requests are slow, of all APIs and of single ones.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::bail;
use kcorr_engine::{API_SLO_PARAMETER, GivenParameters, Parameter, SLO_PARAMETER};
use kcorr_kafka::api;

use crate::duration::duration;

/// One objective as it is asked for: `65ms`, or `fetch=200ms` for one API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedObjective {
    /// Name of the API; `None` for all others.
    api: Option<&'static str>,
    time: Duration,
}

/// The objectives that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Objectives {
    all: Option<Duration>,
    /// Those of single APIs, by name.
    apis: BTreeMap<&'static str, Duration>,
}

/// What an answer takes for slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objective {
    ms: String,
    /// `NAME=MS`, separated by spaces.
    apis: String,
    is_default: bool,
}

impl FromStr for AskedObjective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (api, time) = match text.split_once('=') {
            None => (None, text),
            Some((name, time)) => {
                let known = api::names().find(|known| known.eq_ignore_ascii_case(name));
                let known = known.ok_or_else(|| {
                    format!("{name} is no API of Kafka: expected a name such as fetch or metadata")
                })?;
                (Some(known), time)
            }
        };
        let time = duration(time)?;
        if time.is_zero() {
            return Err("every request takes longer than that".to_owned());
        }
        Ok(Self { api, time })
    }
}

impl Objectives {
    /// The objectives of an option that may be repeated.
    pub(crate) fn of(asked_for: &[AskedObjective]) -> anyhow::Result<Self> {
        let mut objectives = Self::default();
        for asked in asked_for {
            let before = match asked.api {
                Some(api) => objectives.apis.insert(api, asked.time),
                None => objectives.all.replace(asked.time),
            };
            if before.is_some() {
                bail!(
                    "--slo has two objectives for {}: give one of them",
                    asked.api.unwrap_or("all requests")
                );
            }
        }
        Ok(objectives)
    }

    /// That of produce requests in ms; `None` for the default.
    pub(crate) fn of_produce_ms(&self) -> Option<f64> {
        self.apis.get("Produce").copied().or(self.all).map(ms)
    }

    /// Whether one is asked for that has no effect on produce requests.
    pub(crate) fn others(&self) -> impl Iterator<Item = &'static str> {
        self.apis.keys().copied().filter(|api| *api != "Produce")
    }

    /// The parameters of queries that say them.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let all = self.all.map(|time| (SLO_PARAMETER, ms(time).to_string()));
        let apis: Vec<String> = self
            .apis
            .iter()
            .map(|(api, time)| format!("{api}={}", ms(*time)))
            .collect();
        let apis = (!apis.is_empty()).then(|| (API_SLO_PARAMETER, apis.join(" ")));
        all.into_iter().chain(apis)
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Objective {
    /// The objective of an answer with these parameters; `None` when it has nothing to do with one.
    pub(crate) fn of(parameters: &[Parameter], given: &GivenParameters) -> Option<Self> {
        let default = |name: &str| {
            let parameter = parameters.iter().find(|p| p.name == name);
            parameter.and_then(|p| p.default.clone())
        };
        let asked_for = given.get(SLO_PARAMETER);
        let apis = given.get(API_SLO_PARAMETER);
        Some(Self {
            ms: asked_for.cloned().or_else(|| default(SLO_PARAMETER))?,
            apis: apis.cloned().unwrap_or_default(),
            is_default: asked_for.is_none() && apis.is_none(),
        })
    }

    /// The objective of produce requests that was asked for, or else a default, in ms.
    pub(crate) fn asked_for(asked_for: Option<f64>, default_ms: f64) -> Self {
        Self {
            ms: asked_for.unwrap_or(default_ms).to_string(),
            apis: String::new(),
            is_default: asked_for.is_none(),
        }
    }

    /// Whether nobody asked for it.
    pub(crate) fn is_default(&self) -> bool {
        self.is_default
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "objective: a request is slow from {} ms on", self.ms)?;
        for part in self.apis.split_whitespace() {
            let (api, ms) = part.split_once('=').unwrap_or((part, "?"));
            write!(f, ", {api} from {ms} ms")?;
        }
        if self.is_default {
            f.write_str(" (the default; --slo sets another)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Vec<Parameter> {
        let header = kcorr_engine::Header::parse(
            "-- @param slo_ms DOUBLE = 65 -- slow\n-- @param api_slo VARCHAR = '' -- others",
        );
        header.unwrap().parameters
    }

    fn objectives(texts: &[&str]) -> anyhow::Result<Objectives> {
        let asked: Result<Vec<AskedObjective>, String> = texts.iter().map(|t| t.parse()).collect();
        Objectives::of(&asked.map_err(anyhow::Error::msg)?)
    }

    #[test]
    fn an_objective_that_nobody_asked_for_is_said_to_be_the_default() {
        let default = Objective::of(&parameters(), &GivenParameters::new()).unwrap();
        assert!(
            default.to_string().contains("65 ms on (the default"),
            "{default}"
        );
        let given = GivenParameters::from([("slo_ms".to_owned(), "65".to_owned())]);
        let given = Objective::of(&parameters(), &given).unwrap();
        assert!(given.to_string().ends_with("65 ms on"), "{given}");
        assert_eq!(Objective::of(&[], &GivenParameters::new()), None);
    }

    #[test]
    fn objectives_are_times_with_a_unit() {
        let ms = |text: &str| objectives(&[text]).ok().and_then(|o| o.of_produce_ms());
        assert_eq!(ms("65ms"), Some(65.0));
        assert_eq!(ms("1.5s"), Some(1500.0));
        assert_eq!(ms("0ms"), None);
        assert_eq!(ms("fetch"), None);
    }

    #[test]
    fn an_api_has_its_own_objective() {
        let asked = objectives(&["100ms", "fetch=0.2s", "METADATA=1s"]).unwrap();
        assert_eq!(asked.of_produce_ms(), Some(100.0));
        assert_eq!(asked.others().collect::<Vec<_>>(), ["Fetch", "Metadata"]);
        let given: GivenParameters = asked
            .parameters()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        assert_eq!(given[SLO_PARAMETER], "100");
        assert_eq!(given[API_SLO_PARAMETER], "Fetch=200 Metadata=1000");
        assert_eq!(
            Objective::of(&parameters(), &given).unwrap().to_string(),
            "objective: a request is slow from 100 ms on, Fetch from 200 ms, Metadata from 1000 ms"
        );
        assert!(objectives(&["fetsh=1s"]).is_err());
        assert!(objectives(&["fetch=1s", "Fetch=2s"]).is_err());
    }
}
