//! Local times without a zone, and often without a day, put where the other recordings are.
//!
//! Recordings of one incident overlap. Of all zones (they differ by quarters of an hour), and of all days
//! when none was given, the one is taken in which the recording overlaps the others most; among equals,
//! the one nearest to UTC.

use super::declared::Alignment;

const DAY_NS: i64 = 86_400_000_000_000;
const QUARTER_NS: i64 = 15 * 60 * 1_000_000_000;

/// Zones lie between UTC−12 and UTC+14.
const ZONES: std::ops::RangeInclusive<i64> = -14 * 4..=12 * 4;

/// Aligns a recording in local time, given its own time range and that of the recordings in wall time.
pub(super) fn align(own: Option<(i64, i64)>, others: Option<(i64, i64)>) -> Alignment {
    let Some(own) = own else {
        return unknown("it has no times");
    };
    // Times without a day are on the first days of 1970.
    let has_day = own.0 >= 7 * DAY_NS;
    let Some(others) = others else {
        return if has_day {
            utc("no other recording tells the zone, so it is taken as UTC")
        } else {
            unknown("no other recording tells the day: give --date")
        };
    };
    let first_day = if has_day {
        0
    } else {
        others.0.saturating_sub(own.0).div_euclid(DAY_NS)
    };
    let days = if has_day {
        0..=0
    } else {
        first_day - 1..=first_day + 1
    };
    let mut best: Option<(i64, i64)> = None;
    for day in days {
        for zone in ZONES {
            let offset = day.saturating_mul(DAY_NS).saturating_add(zone * QUARTER_NS);
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
        None if has_day => {
            utc("in no zone does it overlap the other recordings, so it is taken as UTC")
        }
        None => unknown("on no day does it overlap the other recordings: give --date"),
    }
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
}
