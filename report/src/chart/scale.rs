//! Scales: a value's place on an axis, and round values to label it with.

use chrono::DateTime;

/// Wall time on a horizontal axis.
#[derive(Debug, Clone, Copy)]
pub struct TimeScale {
    /// The time at the left end, in ns since 1970.
    pub start_ns: i64,
    /// The time at the right end; later than the start.
    pub end_ns: i64,
    /// Length of the axis.
    pub width: f64,
}

impl TimeScale {
    /// The place of a time.
    #[expect(clippy::cast_precision_loss, reason = "a place on a drawing")]
    pub fn x(&self, ns: i64) -> f64 {
        let span = self.end_ns.saturating_sub(self.start_ns).max(1);
        ns.saturating_sub(self.start_ns) as f64 / span as f64 * self.width
    }

    /// About eight round times with their labels, in UTC.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        const MS: i64 = 1_000_000;
        const STEPS_MS: &[i64] = &[
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000,
            60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000,
            21_600_000, 86_400_000,
        ];
        let span = self.end_ns.saturating_sub(self.start_ns).max(1);
        let fits = |step: &&i64| span / (*step * MS) <= 8;
        let step = STEPS_MS
            .iter()
            .find(fits)
            .map_or(span / 8 + 1, |ms| ms * MS);
        let format = match step / MS {
            ..1_000 => "%H:%M:%S%.3f",
            1_000..60_000 => "%H:%M:%S",
            60_000..86_400_000 => "%H:%M",
            _ => "%m-%d",
        };
        let first = self.start_ns - self.start_ns.rem_euclid(step);
        let times = (0..=span / step + 1).map(|n| first.saturating_add(n.saturating_mul(step)));
        times
            .filter(|&ns| ns >= self.start_ns && ns <= self.end_ns)
            .map(|ns| {
                (
                    self.x(ns),
                    DateTime::from_timestamp_nanos(ns)
                        .format(format)
                        .to_string(),
                )
            })
            .collect()
    }
}

/// A logarithmic vertical axis.
#[derive(Debug, Clone, Copy)]
pub struct LogScale {
    /// The value at the bottom; more than 0.
    pub low: f64,
    /// The value at the top; more than `low`.
    pub high: f64,
    /// Length of the axis.
    pub height: f64,
}

impl LogScale {
    /// An axis that holds all the values, from a power of ten to a round value.
    pub fn holding(values: impl IntoIterator<Item = f64>, height: f64) -> Self {
        let positive = values.into_iter().filter(|v| *v > 0.0 && v.is_finite());
        let (low, high) = positive.fold((f64::MAX, f64::MIN), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        if low > high {
            return Self {
                low: 0.1,
                high: 10.0,
                height,
            };
        }
        let low = 10_f64.powf(low.log10().floor());
        let high = (high * 1.2).max(low * 10.0);
        Self { low, high, height }
    }

    /// The place of a value, from the top; values outside are put at the ends.
    pub fn y(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        self.height * (1.0 - part)
    }

    /// The powers of ten on the axis, with labels.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let mut ticks = Vec::new();
        let mut value = 10_f64.powf(self.low.log10().ceil());
        while value <= self.high * 1.0001 {
            let label = match value {
                _ if value < 0.0095 => format!("{} µs", crate::cell::significant(value * 1e3)),
                _ if value >= 999.0 => format!("{} s", crate::cell::significant(value / 1e3)),
                _ if value < 0.95 => format!("{} µs", crate::cell::significant(value * 1e3)),
                _ => format!("{} ms", crate::cell::significant(value)),
            };
            ticks.push((self.y(value), label.replace(".00", "").replace(".0 ", " ")));
            value *= 10.0;
        }
        ticks
    }
}

/// A vertical axis from 0.
#[derive(Debug, Clone, Copy)]
pub struct LinearScale {
    /// The value at the top; more than 0.
    pub high: f64,
    /// Length of the axis.
    pub height: f64,
}

impl LinearScale {
    /// The place of a value, from the top.
    pub fn y(&self, value: f64) -> f64 {
        self.height * (1.0 - (value / self.high).clamp(0.0, 1.0))
    }

    /// About four round values, with labels.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let rough = self.high / 4.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|round| round * power)
            .find(|step| *step >= rough)
            .unwrap_or(power);
        let digits = if step < 1.0 { 2 } else { 0 };
        let values = (0..=8).map(|n| f64::from(n) * step);
        values
            .take_while(|value| *value <= self.high * 1.0001)
            .map(|value| (self.y(value), format!("{value:.digits$}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_labelled_at_round_places() {
        let scale = TimeScale {
            start_ns: 1_795_191_788_000_000_000,
            end_ns: 1_795_191_800_000_000_000,
            width: 120.0,
        };
        let ticks = scale.ticks();
        assert_eq!(ticks.len(), 7);
        assert_eq!(ticks[1], (20.0, "16:23:10".to_owned()));
    }

    #[test]
    fn a_logarithmic_axis_holds_its_values_between_powers_of_ten() {
        let scale = LogScale::holding([0.0, 0.5, 1378.0], 100.0);
        assert!(scale.low <= 0.1001 && scale.high > 1378.0);
        assert!(scale.y(0.5) > scale.y(1378.0));
        let labels: Vec<String> = scale.ticks().into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["100 µs", "1 ms", "10 ms", "100 ms", "1 s"]);
    }

    #[test]
    fn an_axis_of_nothing_is_drawn() {
        let scale = LogScale::holding([], 100.0);
        assert!(scale.high > scale.low);
        assert!(
            !LinearScale {
                high: 1.0,
                height: 10.0
            }
            .ticks()
            .is_empty()
        );
    }
}
