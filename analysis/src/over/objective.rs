//! From which latency on requests were slow when they were accounted for.

use std::collections::BTreeMap;
use std::fmt;

/// An objective, and those of single APIs.
#[derive(Debug, Clone, PartialEq)]
pub struct OverObjective {
    /// That of all APIs without one of their own, in ms.
    pub ms: f64,
    /// Those of single APIs, in ms.
    pub apis_ms: BTreeMap<String, f64>,
}

impl OverObjective {
    /// That of an API; of all APIs it is all of it.
    pub(super) fn of_api(&self, api: Option<&str>) -> Self {
        let Some(api) = api else {
            return self.clone();
        };
        let own = self.apis_ms.iter();
        let mut own = own.filter(|(name, _)| name.eq_ignore_ascii_case(api));
        own.next().map_or(self.ms, |(_, ms)| *ms).into()
    }
}

impl From<f64> for OverObjective {
    /// One of all APIs, in ms.
    fn from(ms: f64) -> Self {
        Self {
            ms,
            apis_ms: BTreeMap::new(),
        }
    }
}

impl fmt::Display for OverObjective {
    /// `65 ms`, `65 ms, Fetch 200 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.ms)?;
        for (api, ms) in &self.apis_ms {
            write!(f, ", {api} {ms} ms")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_has_its_own_objective_or_that_of_all_others() {
        let objective = OverObjective {
            ms: 65.0,
            apis_ms: BTreeMap::from([("Fetch".to_owned(), 200.0)]),
        };
        assert_eq!(objective.to_string(), "65 ms, Fetch 200 ms");
        assert_eq!(objective.of_api(None), objective);
        assert_eq!(objective.of_api(Some("Produce")).to_string(), "65 ms");
        assert_eq!(objective.of_api(Some("fetch")), OverObjective::from(200.0));
    }
}
