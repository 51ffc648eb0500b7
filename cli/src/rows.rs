//! Which rows of an answer are shown: of which time, topic and client, and how many.

use anyhow::{Context, bail};
use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};
use clap::Args;
use kcorr_engine::{PlannedQuery, RowFilter};
use kcorr_store::Store;

use crate::time_zone::TimeZone;

/// Rows of a table that a terminal shows unless more are asked for.
pub(crate) const TERMINAL_ROWS: usize = 20;

/// Options of a command that shows rows of an answer.
#[derive(Debug, Args)]
pub(crate) struct Rows {
    /// Only what ended at this time or later: 16:23, 16:23:11.5, or with a day, 2026-11-20T16:23; in the zone of --tz unless it names
    /// one
    #[arg(long, value_name = "TIME")]
    since: Option<AskedTime>,

    /// Only what began before this time
    #[arg(long, value_name = "TIME")]
    until: Option<AskedTime>,

    /// Only what is about this topic
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,

    /// Only what is about this client: its id, or its address with or without the port
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,

    /// At most this many rows
    #[arg(long, value_name = "COUNT", conflicts_with = "all")]
    limit: Option<usize>,

    /// All rows; without it a table on a terminal shows the first 20
    #[arg(long)]
    all: bool,
}

/// A time as it is written: of a day, or of the day that was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AskedTime {
    /// With its zone.
    Exact(DateTime<FixedOffset>),
    At(NaiveDateTime),
    OfDay(NaiveTime),
}

impl std::str::FromStr for AskedTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Exact(time));
        }
        if let Some(utc) = text.strip_suffix('Z') {
            let Ok(Self::At(time)) = utc.parse() else {
                return Err("expected a time with its day before the Z".to_owned());
            };
            return Ok(Self::Exact(time.and_utc().fixed_offset()));
        }
        let plain = text.replace('T', " ");
        let with_day = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
        for format in with_day {
            if let Ok(time) = NaiveDateTime::parse_from_str(&plain, format) {
                return Ok(Self::At(time));
            }
        }
        if let Ok(day) = NaiveDate::parse_from_str(&plain, "%Y-%m-%d") {
            return Ok(Self::At(day.and_time(NaiveTime::MIN)));
        }
        for format in ["%H:%M:%S%.f", "%H:%M"] {
            if let Ok(time) = NaiveTime::parse_from_str(&plain, format) {
                return Ok(Self::OfDay(time));
            }
        }
        Err("expected a time such as 16:23:11 or 2026-11-20T16:23:11".to_owned())
    }
}

impl AskedTime {
    /// In ns since 1970. A time without a day is the first one that a recording, from one time to another, has or
    /// that comes after its beginning.
    fn ns(self, recorded: Option<(i64, i64)>, zone: TimeZone) -> anyhow::Result<i64> {
        let time = match self {
            Self::Exact(time) => {
                let ns = time.timestamp_nanos_opt();
                return ns.context("the time is too far from now");
            }
            Self::At(time) => time,
            Self::OfDay(time) => {
                let (first_ns, last_ns) =
                    recorded.context("no time was recorded, so that a time needs its day")?;
                let first = zone.wall_time(first_ns);
                let last = zone.wall_time(last_ns);
                let that_day = first.date().and_time(time);
                match that_day.checked_add_days(Days::new(1)) {
                    Some(next) if that_day < first && next <= last => next,
                    _ => that_day,
                }
            }
        };
        let ns = zone.ns(time);
        ns.with_context(|| format!("no clock showed {time} in {zone}"))
    }
}

impl Rows {
    /// A query with only the rows that were asked for.
    pub(crate) fn of(
        &self,
        query: PlannedQuery,
        store: &Store,
        zone: TimeZone,
    ) -> anyhow::Result<PlannedQuery> {
        let query = query.only(&self.filter(store, zone)?)?;
        Ok(match self.limit {
            Some(limit) => query.first(limit)?,
            None => query,
        })
    }

    /// Refuses what would have no effect, where no rows are shown.
    pub(crate) fn refuse(&self, why: &str) -> anyhow::Result<()> {
        let asks = self.since.is_some()
            || self.until.is_some()
            || self.topic.is_some()
            || self.client.is_some()
            || self.limit.is_some()
            || self.all;
        if asks {
            bail!("--since, --until, --topic, --client, --limit and --all have no effect {why}");
        }
        Ok(())
    }

    /// How many rows a table on a terminal shows.
    pub(crate) fn on_terminal(&self) -> Option<usize> {
        match (self.all, self.limit) {
            (true, _) | (_, Some(_)) => None,
            (false, None) => Some(TERMINAL_ROWS),
        }
    }

    fn filter(&self, store: &Store, zone: TimeZone) -> anyhow::Result<RowFilter> {
        let sources = &store.manifest().sources;
        let first = sources.iter().filter_map(|source| source.first_time_ns);
        let last = sources.iter().filter_map(|source| source.last_time_ns);
        let recorded = first.min().zip(last.max());
        let ns = |time: Option<AskedTime>| time.map(|time| time.ns(recorded, zone)).transpose();
        let filter = RowFilter {
            since_ns: ns(self.since)?,
            until_ns: ns(self.until)?,
            topic: self.topic.clone(),
            client: self.client.clone(),
        };
        if let (Some(since), Some(until)) = (filter.since_ns, filter.until_ns)
            && since >= until
        {
            bail!("--since is not before --until: no row can be between them");
        }
        Ok(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_NS: i64 = 86_400_000_000_000;

    fn ns(text: &str, recorded: (i64, i64)) -> i64 {
        let time: AskedTime = text.parse().expect("a time");
        time.ns(Some(recorded), TimeZone::UTC).expect("ns")
    }

    #[test]
    fn a_time_has_the_day_that_was_recorded() {
        let hour = DAY_NS / 24;
        let recorded = (23 * hour, 26 * hour);
        assert_eq!(ns("23:30", recorded), 23 * hour + hour / 2);
        assert_eq!(ns("01:00:00", recorded), 25 * hour, "after midnight");
        assert_eq!(ns("12:00", recorded), 12 * hour, "before all of it");
        assert_eq!(
            ns("1970-01-02T00:00:01.5Z", recorded),
            DAY_NS + 1_500_000_000
        );
        assert_eq!(ns("1970-01-02T02:00:00+02:00", recorded), DAY_NS);
        assert_eq!(ns("1970-01-02", recorded), DAY_NS);
        assert!("noon".parse::<AskedTime>().is_err());
        let tokyo = "Asia/Tokyo".parse().expect("a zone");
        let nine: AskedTime = "09:00".parse().expect("a time");
        assert_eq!(nine.ns(Some((0, hour)), tokyo).ok(), Some(0));
    }
}
