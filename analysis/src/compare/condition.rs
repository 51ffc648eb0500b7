//! Conditions on a comparison, for pipelines: `p999 > 1.1x`.

use super::sample::Statistic;

/// A statistic against a bound: `p999 > 1.1x` (times the first store's), `p99 >= 80ms`, `misses > 0.5%`.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    statistic: Statistic,
    comparator: Comparator,
    bound: f64,
    is_ratio: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparator {
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Condition {
    /// Whether a value meets it; `base` is the first store's.
    ///
    /// Against a base of 0, any value above 0 is more than any multiple.
    pub(super) fn holds(&self, value: f64, base: f64) -> bool {
        let bound = if self.is_ratio {
            self.bound * base
        } else {
            self.bound
        };
        match self.comparator {
            Comparator::Above => value > bound,
            Comparator::AtLeast => value >= bound,
            Comparator::Below => value < bound,
            Comparator::AtMost => value <= bound,
        }
    }

    pub(super) fn statistic(&self) -> Statistic {
        self.statistic
    }
}

impl std::str::FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no condition: expected for example `p999 > 1.1x`, `p99 >= 80ms` or `slow_ratio > 0.5%`, \
                 with one of p50, p99, p999, max, slow_count, slow_ratio"
            )
        };
        let at = text.find(['<', '>']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(at);
        let (comparator, bound) = [
            (">=", Comparator::AtLeast),
            ("<=", Comparator::AtMost),
            (">", Comparator::Above),
            ("<", Comparator::Below),
        ]
        .into_iter()
        .find_map(|(sign, comparator)| Some((comparator, rest.strip_prefix(sign)?)))
        .ok_or_else(wrong)?;
        let name = name.trim();
        let statistic = Statistic::ALL
            .iter()
            .copied()
            .find(|statistic| {
                name == statistic.name() || Some(name) == statistic.name().strip_suffix("_ms")
            })
            .ok_or_else(wrong)?;
        let is_time = statistic.name().ends_with("_ms");
        let bound = bound.trim();
        let (number, scale, is_ratio) = if let Some(number) = bound.strip_suffix('x') {
            (number, 1.0, true)
        } else if let (Some(number), true) = (bound.strip_suffix("ms"), is_time) {
            (number, 1.0, false)
        } else if let (Some(number), true) = (bound.strip_suffix('s'), is_time) {
            (number, 1000.0, false)
        } else if let (Some(number), Statistic::SlowRatio) = (bound.strip_suffix('%'), statistic) {
            (number, 0.01, false)
        } else {
            (bound, 1.0, false)
        };
        let number: f64 = number.trim().parse().map_err(|_| wrong())?;
        if !number.is_finite() {
            return Err(wrong());
        }
        Ok(Self {
            statistic,
            comparator,
            bound: number * scale,
            is_ratio,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str, value: f64, base: f64) -> bool {
        condition
            .parse::<Condition>()
            .expect("a condition")
            .holds(value, base)
    }

    #[test]
    fn a_bound_with_x_is_a_multiple_of_the_first_store() {
        assert!(holds("p999 > 1.1x", 111.2, 101.0));
        assert!(!holds("p999 > 1.1x", 111.0, 101.0));
        assert!(holds("slow_count > 2x", 1.0, 0.0));
        assert!(!holds("slow_count > 2x", 0.0, 0.0));
    }

    #[test]
    fn a_bound_without_x_has_the_unit_of_the_statistic() {
        assert!(holds("p99 >= 80ms", 80.0, 0.0));
        assert!(holds("p99_ms>0.07s", 70.1, 0.0));
        assert!(holds("slow_ratio <= 0.5%", 0.005, 0.0));
        assert!(holds("p50 < 1", 0.9, 0.0));
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for bad in [
            "p999",
            "p999 = 2",
            "p95 > 2x",
            "p999 > x",
            "p999 > nanx",
            "slow_count > 3ms",
            "",
        ] {
            let error = bad.parse::<Condition>().expect_err(bad);
            assert!(error.contains("p999 > 1.1x"), "{error}");
        }
    }
}
