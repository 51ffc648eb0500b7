//! The time zone that times are shown in, and read in.

use std::env;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;

/// A time zone by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeZone(Tz);

impl TimeZone {
    /// UTC.
    pub(crate) const UTC: Self = Self(Tz::UTC);

    /// Its name, as Arrow has it in types of times.
    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }

    /// What a clock on the wall showed, for ns since 1970.
    pub(crate) fn wall_time(self, ns: i64) -> NaiveDateTime {
        DateTime::<Utc>::from_timestamp_nanos(ns)
            .with_timezone(&self.0)
            .naive_local()
    }

    /// When a clock on the wall showed a time, the first time where it did twice; `None` where it never did, and
    /// out of reach of ns since 1970.
    pub(crate) fn ns(self, wall_time: NaiveDateTime) -> Option<i64> {
        match self.0.from_local_datetime(&wall_time) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => {
                time.timestamp_nanos_opt()
            }
            LocalResult::None => None,
        }
    }

    /// That of this machine: `TZ`, else what the system is set to.
    fn local() -> Result<Self, String> {
        let name = match env::var("TZ") {
            Ok(name) if !name.is_empty() => name.trim_start_matches(':').to_owned(),
            _ => iana_time_zone::get_timezone()
                .map_err(|e| format!("the time zone of this machine is not known: {e}"))?,
        };
        Self::named(&name)
    }

    fn named(name: &str) -> Result<Self, String> {
        let known = name.parse::<Tz>().or_else(|_| {
            let folded = chrono_tz::TZ_VARIANTS.iter().copied();
            let mut same = folded.filter(|zone| zone.name().eq_ignore_ascii_case(name));
            same.next().ok_or(())
        });
        known.map(Self).map_err(|()| {
            format!(
                "there is no time zone {name}: expected UTC, local, or a name such as Europe/Berlin"
            )
        })
    }
}

impl FromStr for TimeZone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "local" => Self::local(),
            name => Self::named(name),
        }
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        name.parse().expect("a time zone")
    }

    #[test]
    fn a_time_is_read_as_it_is_shown() {
        let hour_ns = 3_600_000_000_000;
        for (name, hours) in [("UTC", 0), ("Asia/Tokyo", 9), ("america/new_york", -5)] {
            let wall_time = zone(name).wall_time(0);
            assert_eq!(wall_time, zone("UTC").wall_time(hours * hour_ns), "{name}");
            assert_eq!(zone(name).ns(wall_time), Some(0), "{name}");
        }
        assert_eq!(zone("america/new_york").to_string(), "America/New_York");
    }

    #[test]
    fn an_hour_that_clocks_leave_out_has_no_times() {
        let at =
            |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time");
        let berlin = zone("Europe/Berlin");
        assert_eq!(berlin.ns(at("2026-03-29 02:30")), None);
        let twice = berlin.ns(at("2026-10-25 02:30"));
        assert_eq!(twice, TimeZone::UTC.ns(at("2026-10-25 00:30")), "the first");
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        assert!("Mars".parse::<TimeZone>().is_err());
        assert!("".parse::<TimeZone>().is_err());
    }
}
