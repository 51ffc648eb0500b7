//! Local times without a zone, and often without a day, put where the other recordings are.
//!
//! Recordings of one incident overlap. Of all zones (they differ by quarters of an hour), and of all days
//! when none was given, the one is taken in which the recording overlaps the others most; among equals,
//! the one nearest to UTC. Dates that can be read in two orders, or have no year, are put where the
//! others are in the same way.

use chrono::{DateTime, Datelike};
use kcorr_model::Limit;

use kcorr_store::Alignment;

const DAY_NS: i64 = 86_400_000_000_000;
const QUARTER_NS: i64 = 15 * 60 * 1_000_000_000;

/// Zones lie between UTC−12 and UTC+14.
const ZONES: std::ops::RangeInclusive<i64> = -14 * 4..=12 * 4;

/// What a source's dates leave open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dates {
    /// Nothing: times have a date that can be read in one way, or none at all.
    Told,
    /// Read in another order, they are later by one of these.
    Other(Vec<i64>),
    /// They have no year, and are in 1972.
    NoYear,
}

impl Dates {
    pub(super) fn from_limits(limits: &[Limit]) -> Self {
        if limits.iter().any(|limit| limit.name == Limit::NO_YEAR) {
            return Self::NoYear;
        }
        let others = limits
            .iter()
            .filter(|limit| limit.name == Limit::OTHER_DATE);
        let others: Vec<i64> = others.map(|limit| limit.value).collect();
        if others.is_empty() {
            Self::Told
        } else {
            Self::Other(others)
        }
    }
}

/// What is known of a source's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zones {
    /// Times are in UTC.
    Told,
    /// It may be any.
    Any,
}

/// Aligns a recording in local time, or with dates that leave something open, given its own time range and
/// that of the recordings in wall time.
pub(super) fn align(
    own: Option<(i64, i64)>,
    others: Option<(i64, i64)>,
    dates: &Dates,
    zones: Zones,
) -> Alignment {
    let Some(own) = own else {
        return unknown("it has no times");
    };
    // Times without a day are on the first days of 1970.
    let has_day = own.0 >= 7 * DAY_NS;
    let is_dated = has_day && *dates != Dates::NoYear;
    let Some(others) = others else {
        return match dates {
            Dates::NoYear => unknown("no other recording tells the year: give --date"),
            _ if has_day && zones == Zones::Any => {
                utc("no other recording tells the zone, so it is taken as UTC")
            }
            _ if has_day => utc("no other recording tells which number of its dates is the day"),
            _ => unknown("no other recording tells the day: give --date"),
        };
    };
    let days: Vec<i64> = match dates {
        Dates::NoYear => years(own.0, others),
        Dates::Other(offsets) => std::iter::once(0).chain(offsets.iter().copied()).collect(),
        Dates::Told if has_day => vec![0],
        Dates::Told => {
            let first_day = others.0.saturating_sub(own.0).div_euclid(DAY_NS);
            let days = first_day - 1..=first_day + 1;
            days.map(|day| day.saturating_mul(DAY_NS)).collect()
        }
    };
    let zones = match zones {
        Zones::Any => ZONES,
        Zones::Told => 0..=0,
    };
    let mut best: Option<(i64, i64)> = None;
    for day in days {
        for zone in zones.clone() {
            let offset = day.saturating_add(zone * QUARTER_NS);
            let overlap = overlap_ns(own, offset, others);
            let is_better = best.is_none_or(|(best_overlap, best_offset)| {
                let nearness = |offset: i64| distance_to_utc(offset);
                overlap > best_overlap
                    || overlap == best_overlap && nearness(offset) < nearness(best_offset)
            });
            if overlap >= 0 && is_better {
                best = Some((overlap, offset));
            }
        }
    }
    match best {
        Some((_, offset_ns)) => Alignment {
            offset_ns: Some(offset_ns),
            uncertainty_ns: None,
            basis: format!(
                "local time; day and zone ({}) are those in which it overlaps the other recordings most",
                zone_name(offset_ns)
            ),
        },
        None if is_dated => {
            utc("in no zone does it overlap the other recordings, so it is taken as UTC")
        }
        None => unknown("on no day does it overlap the other recordings: give --date"),
    }
}

/// What has to be added to a time of 1972 for the years around those of the other recordings.
fn years(own: i64, others: (i64, i64)) -> Vec<i64> {
    let day = |ns: i64| DateTime::from_timestamp_nanos(ns).date_naive();
    let told = day(own);
    let first = day(others.0).year() - 1;
    let last = day(others.1).year().min(first + 10) + 1;
    (first..=last)
        .filter_map(|year| told.with_year(year))
        .map(|then| then.signed_duration_since(told).num_days() * DAY_NS)
        .collect()
}

/// How long two ranges are both running once the first is moved; −1 when they do not meet.
fn overlap_ns(own: (i64, i64), offset: i64, others: (i64, i64)) -> i64 {
    let start = own.0.saturating_add(offset).max(others.0);
    let end = own.1.saturating_add(offset).min(others.1);
    end.saturating_sub(start).max(-1)
}

/// The zone's part of an offset, between −12 and +12 hours.
fn distance_signed(offset: i64) -> i64 {
    let part = offset.rem_euclid(DAY_NS);
    if part > DAY_NS / 2 {
        part - DAY_NS
    } else {
        part
    }
}

/// The zone as `UTC+05:30`: local time is ahead of UTC by what has to be taken away from it.
fn zone_name(offset: i64) -> String {
    let minutes = -distance_signed(offset) / 60_000_000_000;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!(
        "UTC{sign}{:02}:{:02}",
        minutes.abs() / 60,
        minutes.abs() % 60
    )
}

fn distance_to_utc(offset: i64) -> i64 {
    distance_signed(offset).abs()
}

fn utc(why: &str) -> Alignment {
    Alignment {
        offset_ns: Some(0),
        uncertainty_ns: None,
        basis: format!("local time; {why}"),
    }
}

fn unknown(why: &str) -> Alignment {
    Alignment {
        offset_ns: None,
        uncertainty_ns: None,
        basis: format!("local time; {why}; times are left as recorded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In local time, with dates that leave nothing open.
    fn align(own: Option<(i64, i64)>, others: Option<(i64, i64)>) -> Alignment {
        super::align(own, others, &Dates::Told, Zones::Any)
    }

    const HOUR_NS: i64 = 4 * QUARTER_NS;

    #[test]
    fn a_time_of_day_takes_the_day_and_the_zone_of_the_other_recordings() {
        let midnight = 20_000 * DAY_NS;
        let others = (
            midnight + 15 * HOUR_NS,
            midnight + 15 * HOUR_NS + QUARTER_NS,
        );
        // 17:00 to 17:15 local is 15:00 to 15:15 UTC: the zone is two hours ahead.
        let own = (17 * HOUR_NS, 17 * HOUR_NS + QUARTER_NS);
        let alignment = align(Some(own), Some(others));
        assert_eq!(alignment.offset_ns, Some(midnight - 2 * HOUR_NS));
        assert!(alignment.basis.contains("UTC+02:00"), "{}", alignment.basis);
    }

    #[test]
    fn utc_is_taken_when_several_zones_fit() {
        let day = 20_000 * DAY_NS;
        let alignment = align(Some((HOUR_NS, 2 * HOUR_NS)), Some((day, day + DAY_NS)));
        assert_eq!(alignment.offset_ns, Some(day));
    }

    #[test]
    fn a_time_of_day_alone_stays_as_it_is() {
        assert_eq!(align(Some((HOUR_NS, 2 * HOUR_NS)), None).offset_ns, None);
    }

    #[test]
    fn a_full_local_time_alone_is_taken_as_utc() {
        let day = 20_000 * DAY_NS;
        assert_eq!(align(Some((day, day + HOUR_NS)), None).offset_ns, Some(0));
    }

    #[test]
    fn a_recording_past_midnight_of_the_others_day_is_found() {
        let midnight = 20_000 * DAY_NS;
        let others = (midnight - HOUR_NS, midnight + HOUR_NS);
        let own = (23 * HOUR_NS, 25 * HOUR_NS);
        let alignment = align(Some(own), Some(others));
        assert_eq!(alignment.offset_ns, Some(midnight - DAY_NS));
    }

    fn midnight(year: i32, month: u32, day: u32) -> i64 {
        let day = chrono::NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let midnight = day.and_hms_opt(0, 0, 0).unwrap();
        midnight.and_utc().timestamp_nanos_opt().unwrap()
    }

    #[test]
    fn a_date_of_two_orders_is_the_one_on_which_the_other_recordings_are() {
        let april_3 = midnight(2026, 4, 3);
        let march_4 = midnight(2026, 3, 4);
        let own = (april_3 + 10 * HOUR_NS, april_3 + 11 * HOUR_NS);
        let other = Dates::Other(vec![march_4 - april_3]);
        let align = |others, zones| super::align(Some(own), others, &other, zones).offset_ns;
        let at = |midnight| Some((midnight + 10 * HOUR_NS, midnight + 11 * HOUR_NS));
        for zones in [Zones::Any, Zones::Told] {
            assert_eq!(align(at(march_4), zones), Some(march_4 - april_3));
            assert_eq!(align(at(april_3), zones), Some(0));
            assert_eq!(align(None, zones), Some(0));
        }
    }

    #[test]
    fn times_without_a_year_are_in_the_year_of_the_other_recordings() {
        let told = midnight(1972, 11, 28);
        let true_day = midnight(2026, 11, 28);
        let own = (told + 11 * HOUR_NS, told + 12 * HOUR_NS);
        let others = (true_day + 9 * HOUR_NS, true_day + 10 * HOUR_NS);
        let alignment = super::align(Some(own), Some(others), &Dates::NoYear, Zones::Any);
        assert_eq!(alignment.offset_ns, Some(true_day - told - 2 * HOUR_NS));
        let alone = super::align(Some(own), None, &Dates::NoYear, Zones::Any);
        assert_eq!(alone.offset_ns, None);
    }
}
