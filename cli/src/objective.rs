//! The objective: the latency from which on a request is slow.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kcorr_engine::{GivenParameters, Parameter, SLO_PARAMETER};

use crate::duration::duration;

/// The objectives that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Objectives {
    /// That of requests of every API. Those of single APIs would stand beside it.
    pub(crate) all: Duration,
}

/// What an answer takes for slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objective {
    ms: String,
    is_default: bool,
}

impl FromStr for Objectives {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = duration(text)?;
        if all.is_zero() {
            return Err("every request takes longer than that".to_owned());
        }
        Ok(Self { all })
    }
}

impl Objectives {
    /// The objective in ms.
    pub(crate) fn ms(self) -> f64 {
        self.all.as_secs_f64() * 1e3
    }
}

impl Objective {
    /// The objective of an answer with these parameters; `None` when it has nothing to do with one.
    pub(crate) fn of(parameters: &[Parameter], given: &GivenParameters) -> Option<Self> {
        let parameter = parameters.iter().find(|p| p.name == SLO_PARAMETER)?;
        let asked_for = given.get(SLO_PARAMETER);
        Some(Self {
            ms: asked_for.or(parameter.default.as_ref())?.clone(),
            is_default: asked_for.is_none(),
        })
    }

    /// The objective that was asked for, or else a default, in ms.
    pub(crate) fn asked_for(asked_for: Option<Objectives>, default_ms: f64) -> Self {
        Self {
            ms: asked_for.map_or(default_ms, Objectives::ms).to_string(),
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
        let header = kcorr_engine::Header::parse("-- @param slo_ms DOUBLE = 65 -- slow").unwrap();
        header.parameters
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
        let ms = |text: &str| text.parse::<Objectives>().map(Objectives::ms);
        assert_eq!(ms("65ms"), Ok(65.0));
        assert_eq!(ms("1.5s"), Ok(1500.0));
        assert!(ms("0ms").is_err());
        assert!(ms("fetch").is_err());
    }
}
