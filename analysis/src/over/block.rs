//! A stretch of time whose windows are added up.

use std::collections::BTreeMap;
use std::fmt;

use kcorr_exposition::BOUNDS_MS;

use super::OverSeries;

/// Of requests that were not slow when they were accounted for.
const NOT_ASKED: &str = "(not asked)";
/// So many blocks of a value make its intervals worth something.
const ENOUGH: usize = 8;

/// Whether latencies above a bound can be told from those up to it.
pub(super) fn is_bound(ms: f64) -> bool {
    BOUNDS_MS.contains(&ms)
}

/// The bounds in words.
pub(super) fn bounds() -> String {
    BOUNDS_MS.map(|it| it.to_string()).join(", ")
}

/// Requests of a stretch of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// Counts by the bits of the upper bound in ms, which are in the order of bounds; `u64::MAX` has none.
    pub(super) buckets: BTreeMap<u64, u64>,
    pub(super) slow: u64,
    pub(super) seconds: f64,
    /// Of slow ones by cause.
    pub(super) causes: BTreeMap<String, u64>,
    /// How much of it has an account, ns.
    pub(super) seconds_accounted: i64,
}

impl Block {
    /// Notes a bound that buckets have besides, though nothing may lie in the one below it.
    pub(super) fn bound_at(&mut self, ms: f64) {
        self.buckets.entry(bits(Some(ms))).or_default();
    }

    /// Adds requests; those above `slo_ms` are slow, or without it those that were slow for their account.
    pub(super) fn add(&mut self, series: &OverSeries<'_>, slo_ms: Option<f64>) {
        self.seconds += series.seconds;
        let was_slow = series.cause != "none";
        for (bound, count) in series.buckets {
            *self.buckets.entry(bits(*bound)).or_default() += count;
            let is_slow = match slo_ms {
                Some(slo) => bound.is_none_or(|bound| bound > slo),
                None => was_slow,
            };
            if is_slow {
                self.slow += count;
                let cause = if was_slow { series.cause } else { NOT_ASKED };
                *self.causes.entry(cause.to_owned()).or_default() += count;
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.add_times(other, 1);
    }

    /// Adds another so many times.
    pub(super) fn add_times(&mut self, other: &Self, times: u32) {
        let count = u64::from(times);
        for (bound, of_bound) in &other.buckets {
            *self.buckets.entry(*bound).or_default() += count * of_bound;
        }
        for (cause, of_cause) in &other.causes {
            match self.causes.get_mut(cause) {
                Some(known) => *known += count * of_cause,
                None => {
                    self.causes.insert(cause.clone(), count * of_cause);
                }
            }
        }
        self.slow += count * other.slow;
        self.seconds += f64::from(times) * other.seconds;
        self.seconds_accounted += i64::from(times) * other.seconds_accounted;
    }

    pub(super) fn requests(&self) -> u64 {
        self.buckets.values().sum()
    }

    /// The latency in ms that a share of requests has at most: by a straight line within its bucket. That of what is above the
    /// last bound is the bound.
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    pub(super) fn percentile(&self, share: f64) -> f64 {
        let all = self.requests();
        let rank = share * all as f64;
        let mut below = 0.0;
        for (&key, &count) in &self.buckets {
            let upto = below + count as f64;
            if upto >= rank && count > 0 {
                let Some(bound) = bound(key) else {
                    break;
                };
                // Objectives are bounds, too.
                let own = self.buckets.keys().filter_map(|key| self::bound(*key));
                let lower = BOUNDS_MS.into_iter().chain(own).filter(|it| *it < bound);
                let lower = lower.fold(0.0, f64::max);
                return lower + (bound - lower) * (rank - below) / count as f64;
            }
            below = upto;
        }
        match all {
            0 => f64::NAN,
            _ => BOUNDS_MS[BOUNDS_MS.len() - 1],
        }
    }
}

fn bits(bound: Option<f64>) -> u64 {
    bound.map_or(u64::MAX, f64::to_bits)
}

fn bound(key: u64) -> Option<f64> {
    (key != u64::MAX).then(|| f64::from_bits(key))
}

/// How long blocks are, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length(pub(super) i64);

impl Length {
    pub(super) const TEN_MINUTES: Self = Self(600_000_000_000);
    const HOUR: Self = Self(3_600_000_000_000);
    pub(super) const DAY: Self = Self(86_400_000_000_000);

    /// The longest of which each value has enough, of blocks of ten minutes.
    pub(super) fn for_blocks<'a>(
        of_values: impl Iterator<Item = &'a BTreeMap<i64, Block>> + Clone,
    ) -> Self {
        let is_enough = |length: &Self| {
            of_values.clone().all(|blocks| {
                let with_requests = blocks.iter().filter(|(_, it)| it.requests() > 0);
                length.merged(Self::TEN_MINUTES, with_requests).len() >= ENOUGH
            })
        };
        [Self::DAY, Self::HOUR]
            .into_iter()
            .find(is_enough)
            .unwrap_or(Self::TEN_MINUTES)
    }

    /// Blocks of a shorter length added up to this one.
    pub(super) fn merged<'a>(
        self,
        from: Self,
        blocks: impl Iterator<Item = (&'a i64, &'a Block)>,
    ) -> BTreeMap<i64, Block> {
        let mut merged: BTreeMap<i64, Block> = BTreeMap::new();
        for (number, block) in blocks {
            let number = number.saturating_mul(from.0).div_euclid(self.0.max(1));
            merged.entry(number).or_default().merge(block);
        }
        merged
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::DAY => f.write_str("days"),
            Self::HOUR => f.write_str("hours"),
            Self(ns) if ns % 60_000_000_000 == 0 => write!(f, "{} minutes", ns / 60_000_000_000),
            Self(ns) => write!(f, "{} seconds", ns / 1_000_000_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_lies_within_its_bucket_by_a_straight_line() {
        let mut block = Block::default();
        block.add(
            &OverSeries {
                api: "Produce",
                cause: "none",
                seconds: 1.0,
                buckets: &[
                    (Some(1.0), 50),
                    (Some(2.5), 40),
                    (Some(100.0), 9),
                    (None, 1),
                ],
            },
            None,
        );
        let near = |share: f64, ms: f64| {
            let found = block.percentile(share);
            assert!((found - ms).abs() < 1e-9, "{share}: {found}");
        };
        near(0.25, 0.75);
        near(0.5, 1.0);
        near(0.7, 1.75);
        near(0.99, 100.0);
        near(0.999, 10_000.0);
        let mut bounded = block.clone();
        bounded.bound_at(65.0);
        assert!((bounded.percentile(0.945) - 82.5).abs() < 1e-9);
        assert!(Block::default().percentile(0.5).is_nan());
    }
}
