//! One broker over weeks, by what it ran on and with: the windows of `kcorr live` grouped by the value of a setting.
//!
//! Windows are added up to blocks of time, and blocks are resampled: a stall makes many requests slow, a day has its own
//! load, so that neither requests nor windows are independent. Latencies are known by bucket only; percentiles lie within a
//! bucket by a straight line, as Prometheus has them.
//!
//! It does not know whether anything else changed with the setting but for what the windows are marked by: that is told
//! (`also_changed`), and not taken out.

mod block;
mod objective;
mod resample;
mod tables;

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use kcorr_engine::{Error, ErrorKind, Result};

use block::{Block, Length};

pub use objective::OverObjective;

/// What windows of an unknown setting are called.
pub const UNKNOWN: &str = "(unknown)";

/// How windows are compared.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OverOptions {
    /// The setting.
    pub by: String,
    /// The value that others are compared with; without it the first in time.
    pub base: Option<String>,
    /// The API whose requests count; all without it.
    pub api: Option<String>,
    /// A request slower than this misses the objective, in ms; without it that of the windows.
    pub slo_ms: Option<f64>,
    /// Resamples.
    pub replicates: usize,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// Seed of the resampling.
    pub seed: u64,
    /// Length of a block, ns; without it days, hours or ten minutes, as there is enough of them.
    pub block_ns: Option<i64>,
}

impl Default for OverOptions {
    fn default() -> Self {
        Self {
            by: String::new(),
            base: None,
            api: Some("Produce".to_owned()),
            slo_ms: None,
            replicates: 1000,
            confidence: 0.95,
            seed: 1,
            block_ns: None,
        }
    }
}

/// Requests of one kind in a window.
#[derive(Debug, Clone, Copy)]
pub struct OverSeries<'a> {
    /// The API.
    pub api: &'a str,
    /// What they waited for; `none` where they were not slow.
    pub cause: &'a str,
    /// Their latencies in seconds, added up.
    pub seconds: f64,
    /// Upper bound in ms (none for the last) and count of each bucket.
    pub buckets: &'a [(Option<f64>, u64)],
}

/// A window that has an account.
#[derive(Debug)]
pub struct OverWindow<'a> {
    /// Its begin, ns since 1970.
    pub from_ns: i64,
    /// Its end.
    pub to_ns: i64,
    /// What the broker ran on and with, where that is known.
    pub settings: Option<&'a BTreeMap<String, String>>,
    /// What it was accounted for with; `None` where that is not known.
    pub objective: Option<OverObjective>,
    /// Its requests.
    pub series: Vec<OverSeries<'a>>,
}

/// Time in which a setting had a value.
#[derive(Debug, Clone)]
struct Stretch {
    value: String,
    from_ns: i64,
    to_ns: i64,
    windows: u64,
    requests: u64,
    slow: u64,
}

/// Windows that are added up.
#[derive(Debug)]
pub struct OverTime {
    options: OverOptions,
    /// By value of the setting, and by number of the block.
    blocks: BTreeMap<String, BTreeMap<i64, Block>>,
    stretches: Vec<Stretch>,
    /// By setting and value: the values of all other settings.
    others: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    names: Vec<String>,
    objectives: Vec<OverObjective>,
    counted: Counted,
}

/// By what slow requests of windows were counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Stretches of windows (from, to, ns since 1970) of which their account says which are slow.
    pub by_account: Vec<(i64, i64)>,
    /// The same of those of which the buckets above the objective that was asked for do.
    pub by_bucket: Vec<(i64, i64)>,
    is_last_by_account: Option<bool>,
}

impl Counted {
    /// Notes a window behind the others.
    fn note(&mut self, is_by_account: bool, (from_ns, to_ns): (i64, i64)) {
        let stretches = match is_by_account {
            true => &mut self.by_account,
            false => &mut self.by_bucket,
        };
        match stretches.last_mut() {
            Some(last) if self.is_last_by_account == Some(is_by_account) => last.1 = to_ns,
            _ => stretches.push((from_ns, to_ns)),
        }
        self.is_last_by_account = Some(is_by_account);
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct OverComparison {
    /// Lengths of the blocks that were resampled, in words: `days`, `hours`, `10 minutes`.
    pub blocks: String,
    /// The objective.
    pub objective: OverObjective,
    /// By what slow requests were counted.
    pub counted: Counted,
    /// One row a value: since when, until when, how much of it; first the one that others are compared with.
    pub periods: RecordBatch,
    /// One row a statistic and value.
    pub latency: RecordBatch,
    /// One row a cause and value.
    pub causes: RecordBatch,
    /// Other settings that were not the same throughout, and their values with each.
    pub also_changed: RecordBatch,
    /// One row a day and value.
    pub days: RecordBatch,
}

impl OverTime {
    /// Nothing is added up yet.
    pub fn new(options: OverOptions) -> Self {
        Self {
            options,
            blocks: BTreeMap::new(),
            stretches: Vec::new(),
            others: BTreeMap::new(),
            names: Vec::new(),
            objectives: Vec::new(),
            counted: Counted::default(),
        }
    }

    /// Adds a window; they come in the order of time.
    ///
    /// # Errors
    /// When its latencies say nothing of the objective that was asked for.
    pub fn add(&mut self, window: &OverWindow<'_>) -> Result<()> {
        let setting = window.settings.and_then(|it| it.get(&self.options.by));
        let value = setting.map_or(UNKNOWN, String::as_str).to_owned();
        let mut block = Block::default();
        if let Some(objective) = &window.objective {
            block.bound_at(objective.ms);
        }
        let slo_ms = self.noted_objective(window)?;
        let of_window = (window.from_ns, window.to_ns);
        self.counted.note(slo_ms.is_none(), of_window);
        let api = self.options.api.as_ref();
        let of_api = |it: &&OverSeries<'_>| api.is_none_or(|api| api.eq_ignore_ascii_case(it.api));
        for series in window.series.iter().filter(of_api) {
            block.add(series, slo_ms);
        }
        block.seconds_accounted = window.to_ns.saturating_sub(window.from_ns);
        self.note(&value, window, &block);
        let number = window.from_ns.div_euclid(self.unit_ns());
        let blocks = self.blocks.entry(value).or_default();
        blocks.entry(number).or_default().merge(&block);
        Ok(())
    }

    /// The length of the blocks that windows are added up to first.
    fn unit_ns(&self) -> i64 {
        self.options
            .block_ns
            .unwrap_or(Length::TEN_MINUTES.0)
            .max(1)
    }

    /// Notes the objective of a window; the bound of buckets above which its requests are slow, where another was asked for
    /// than they were accounted for with.
    fn noted_objective(&mut self, window: &OverWindow<'_>) -> Result<Option<f64>> {
        let of_window = window.objective.as_ref();
        let objective = of_window.map(|it| it.of_api(self.options.api.as_deref()));
        let Some(asked) = self.options.slo_ms else {
            if let Some(objective) = objective
                && !self.objectives.contains(&objective)
            {
                self.objectives.push(objective);
            }
            return Ok(None);
        };
        if objective == Some(OverObjective::from(asked)) {
            // Its account says which are slow.
            return Ok(None);
        }
        let general = of_window.map(|it| it.ms);
        match block::is_bound(asked) || general == Some(asked) {
            true => Ok(Some(asked)),
            false => Err(refused(format!(
                "latencies of windows are known by bucket, and {asked} ms is the bound of none: expected one of {}{}",
                block::bounds(),
                objective.map_or(String::new(), |it| format!(", or their objective: {it}"))
            ))),
        }
    }

    /// Notes since when what was so.
    fn note(&mut self, value: &str, window: &OverWindow<'_>, block: &Block) {
        if let Some(settings) = window.settings {
            for (name, other) in settings
                .iter()
                .filter(|(name, _)| **name != self.options.by)
            {
                let of_name = self.others.entry(name.clone()).or_default();
                let values = of_name.entry(value.to_owned()).or_default();
                if !values.contains(other) {
                    values.push(other.clone());
                }
            }
            for name in settings.keys() {
                if !self.names.contains(name) {
                    self.names.push(name.clone());
                }
            }
        }
        let (requests, slow) = (block.requests(), block.slow);
        match self.stretches.last_mut() {
            Some(last) if last.value == value => {
                last.to_ns = window.to_ns;
                last.windows += 1;
                last.requests += requests;
                last.slow += slow;
            }
            _ => self.stretches.push(Stretch {
                value: value.to_owned(),
                from_ns: window.from_ns,
                to_ns: window.to_ns,
                windows: 1,
                requests,
                slow,
            }),
        }
    }

    /// Compares the values of the setting.
    ///
    /// # Errors
    /// When there are not two, or the objective was not the same throughout.
    pub fn compare(mut self) -> Result<OverComparison> {
        let objective = self.objective()?;
        let unknown = self.blocks.remove(UNKNOWN);
        let order = self.order(unknown.is_some())?;
        let unit = Length(self.unit_ns());
        let length = match self.options.block_ns {
            Some(_) => unit,
            None => Length::for_blocks(self.blocks.values()),
        };
        let groups: Vec<resample::Group> = order
            .iter()
            .map(|value| {
                let blocks = self.blocks.get(value).into_iter().flatten();
                let merged = length.merged(unit, blocks);
                resample::Group::of(value, merged, &self.options)
            })
            .collect();
        Ok(OverComparison {
            blocks: length.to_string(),
            objective,
            counted: self.counted,
            periods: tables::periods(&order, &self.stretches)?,
            latency: tables::latency(&groups, self.options.confidence)?,
            causes: tables::causes(&groups, self.options.confidence)?,
            also_changed: tables::also_changed(&order, &self.others)?,
            days: tables::days(&order, &self.blocks, unit)?,
        })
    }

    fn objective(&self) -> Result<OverObjective> {
        match (self.options.slo_ms, &self.objectives[..]) {
            (Some(asked), _) => Ok(asked.into()),
            (None, [one]) => Ok(one.clone()),
            (None, []) => Err(refused(
                "no window says its objective: give one of the bounds of buckets with --slo"
                    .to_owned(),
            )),
            (None, several) => {
                let several: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(refused(format!(
                    "the objective was not the same throughout ({}), and slow is not the same with each: give one \
                     with --slo that is a bound of buckets: {}",
                    several.join("; "),
                    block::bounds()
                )))
            }
        }
    }

    /// The values of the setting, that which others are compared with first, then in the order of time.
    fn order(&self, has_unknown: bool) -> Result<Vec<String>> {
        let by = &self.options.by;
        let mut order: Vec<String> = Vec::new();
        for stretch in &self.stretches {
            let has_requests = self
                .blocks
                .get(&stretch.value)
                .is_some_and(|blocks| blocks.values().any(|it| it.requests() > 0));
            if has_requests && !order.contains(&stretch.value) {
                order.push(stretch.value.clone());
            }
        }
        if !self.names.contains(by) {
            let known = match self.names.is_empty() {
                true => "windows are marked by none: the context was not recorded".to_owned(),
                false => format!("windows are marked by {}", self.names.join(", ")),
            };
            return Err(refused(format!(
                "{by} is no setting of these windows: {known}"
            )));
        }
        if let Some(base) = &self.options.base {
            let at = order.iter().position(|it| it == base);
            let at = at.ok_or_else(|| {
                refused(format!(
                    "{by} was never {base} while there were requests: expected one of {}",
                    order.join(", ")
                ))
            })?;
            let base = order.remove(at);
            order.insert(0, base);
        }
        if order.len() < 2 {
            let unknown = match has_unknown {
                true => "; of some windows it is not known",
                false => "",
            };
            return Err(refused(format!(
                "{by} has been {} all the time{unknown}: nothing to compare",
                order.first().map_or("nothing", String::as_str)
            )));
        }
        Ok(order)
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Store, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use arrow::datatypes::Float64Type;

    const DAY: i64 = 86_400_000_000_000;

    /// A window an hour for so many days, of which some of 1,000 requests are slow.
    fn weeks(options: OverOptions, modes: &[(&str, i64, u64)]) -> Result<OverComparison> {
        let mut over = OverTime::new(options);
        let mut day = 0;
        for (mode, days, slow) in modes {
            let settings = BTreeMap::from([
                ("data_mode".to_owned(), (*mode).to_owned()),
                ("kernel".to_owned(), format!("6.{}", day / 14)),
            ]);
            for hour in 0..days * 24 {
                // A stall in one hour of two.
                let slow = if hour % 2 == 0 { 2 * slow } else { 0 };
                let from_ns = day * DAY + hour * DAY / 24;
                let buckets = [(Some(5.0), 1000 - slow)];
                let slow_buckets = [(Some(250.0), slow)];
                over.add(&OverWindow {
                    from_ns,
                    to_ns: from_ns + 10_000_000_000,
                    settings: Some(&settings),
                    objective: Some(OverObjective::from(65.0)),
                    series: vec![
                        OverSeries {
                            api: "Produce",
                            cause: "none",
                            seconds: 4.0,
                            buckets: &buckets,
                        },
                        OverSeries {
                            api: "Produce",
                            cause: "slow_write",
                            seconds: 0.2,
                            buckets: &slow_buckets,
                        },
                        OverSeries {
                            api: "Fetch",
                            cause: "pause",
                            seconds: 0.2,
                            buckets: &slow_buckets,
                        },
                    ],
                })?;
            }
            day += days;
        }
        over.compare()
    }

    fn by_mode() -> OverOptions {
        OverOptions {
            by: "data_mode".to_owned(),
            ..OverOptions::default()
        }
    }

    /// A number of the row with a name and a value.
    fn cell(batch: &RecordBatch, name: &str, value: &str, column: &str) -> Option<f64> {
        let names = batch.column(0).as_string::<i32>();
        let values = batch.column(1).as_string::<i32>();
        let row = (0..batch.num_rows())
            .find(|&row| names.value(row) == name && values.value(row) == value);
        let numbers = batch.column_by_name(column)?.as_primitive::<Float64Type>();
        row.filter(|&row| !arrow::array::Array::is_null(numbers, row))
            .map(|row| numbers.value(row))
    }

    #[test]
    fn a_setting_that_ends_most_misses_is_told_with_how_sure_that_is() {
        let found = weeks(by_mode(), &[("ordered", 14, 50), ("writeback", 14, 9)]).expect("tables");
        assert_eq!(found.blocks, "days");
        let latency =
            |value: &str, column: &str| cell(&found.latency, "slow_per_1000", value, column);
        assert_eq!(latency("ordered", "value"), Some(50.0));
        assert_eq!(latency("writeback", "value"), Some(9.0));
        assert_eq!(latency("ordered", "change_ratio"), None);
        let change = latency("writeback", "change_ratio").expect("a change");
        assert!((change + 0.82).abs() < 1e-9, "{change}");
        assert_eq!(latency("writeback", "sure_ratio"), Some(1.0));
        // 1,000 fetches with slow ones are in none of it.
        assert_eq!(
            cell(&found.latency, "request_count", "ordered", "value"),
            Some(336_000.0)
        );
        assert_eq!(
            cell(&found.causes, "slow_write", "writeback", "value"),
            Some(9.0)
        );
        assert_eq!(found.causes.num_rows(), 2);
        // The kernel is another, too.
        assert_eq!(found.also_changed.num_rows(), 2);
        assert_eq!(found.days.num_rows(), 28);
        assert_eq!(found.periods.num_rows(), 2);
    }

    #[test]
    fn what_differs_by_chance_only_is_not_sure() {
        let found = weeks(by_mode(), &[("ordered", 3, 20), ("writeback", 3, 21)]).expect("tables");
        assert_eq!(found.blocks, "hours");
        let latency = |column: &str| cell(&found.latency, "slow_per_1000", "writeback", column);
        let (low, high) = (
            latency("change_low_ratio").expect("low"),
            latency("change_high_ratio").expect("high"),
        );
        assert!(low < 0.0 && high > 0.0, "{low} to {high}");
        assert!(latency("sure_ratio") < Some(0.9), "{found:?}");
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let said = |options: OverOptions, modes: &[(&str, i64, u64)]| {
            weeks(options, modes).expect_err("nothing").to_string()
        };
        let one = said(by_mode(), &[("ordered", 2, 1)]);
        assert!(one.contains("ordered all the time"), "{one}");
        let other = OverOptions {
            by: "moon".to_owned(),
            ..OverOptions::default()
        };
        let other = said(other, &[("ordered", 2, 1), ("writeback", 2, 1)]);
        assert!(other.contains("data_mode, kernel"), "{other}");
        let base = OverOptions {
            base: Some("journal".to_owned()),
            ..by_mode()
        };
        let base = said(base, &[("ordered", 2, 1), ("writeback", 2, 1)]);
        assert!(base.contains("ordered, writeback"), "{base}");
        let slo = OverOptions {
            slo_ms: Some(70.0),
            ..by_mode()
        };
        let slo = said(slo, &[("ordered", 2, 1)]);
        assert!(
            slo.contains("70 ms is the bound of none") && slo.contains("65"),
            "{slo}"
        );
    }

    #[test]
    fn stretches_end_where_windows_are_counted_otherwise() {
        let mut counted = Counted::default();
        for (at, is_by_account) in [true, true, false, true].into_iter().enumerate() {
            let from_ns = i64::try_from(at).unwrap();
            counted.note(is_by_account, (from_ns, from_ns + 1));
        }
        assert_eq!(counted.by_account, [(0, 2), (3, 4)]);
        assert_eq!(counted.by_bucket, [(2, 3)]);
    }

    #[test]
    fn another_objective_counts_by_bucket() {
        let options = OverOptions {
            slo_ms: Some(2.5),
            ..by_mode()
        };
        let found = weeks(options, &[("ordered", 2, 5), ("writeback", 2, 5)]).expect("tables");
        let slow = cell(&found.latency, "slow_per_1000", "ordered", "value");
        assert_eq!(slow, Some(1000.0));
        // Of those that were not slow then nobody knows what they waited for.
        assert_eq!(
            cell(&found.causes, "(not asked)", "ordered", "value"),
            Some(995.0)
        );
    }

    #[test]
    fn an_api_with_an_objective_of_its_own_is_told_by_that() {
        let of = |api: Option<&str>, slo_ms: Option<f64>| {
            let mut over = OverTime::new(OverOptions {
                api: api.map(str::to_owned),
                slo_ms,
                ..by_mode()
            });
            for window in 0..40 {
                let mode = if window < 20 { "ordered" } else { "writeback" };
                let settings = BTreeMap::from([("data_mode".to_owned(), mode.to_owned())]);
                let series = |api, cause, buckets| OverSeries {
                    api,
                    cause,
                    seconds: 1.0,
                    buckets,
                };
                over.add(&OverWindow {
                    from_ns: window * DAY / 24,
                    to_ns: (window + 1) * DAY / 24,
                    settings: Some(&settings),
                    objective: Some(OverObjective {
                        ms: 65.0,
                        apis_ms: BTreeMap::from([("Fetch".to_owned(), 200.0)]),
                    }),
                    series: vec![
                        series("Fetch", "none", &[(Some(100.0), 98), (Some(250.0), 1)]),
                        series("Fetch", "pause", &[(Some(250.0), 1)]),
                        series("Produce", "pause", &[(Some(100.0), 1)]),
                    ],
                })?;
            }
            over.compare()
        };
        let slow = |found: &OverComparison| {
            cell(&found.latency, "slow_per_1000", "ordered", "value").expect("a share")
        };
        let fetch = of(Some("fetch"), None).expect("tables");
        assert_eq!(fetch.objective, OverObjective::from(200.0));
        assert_eq!(slow(&fetch), 10.0);
        // It is the bound of no bucket, and their accounts say which were slow.
        let asked = of(Some("Fetch"), Some(200.0)).expect("tables");
        assert_eq!(slow(&asked), 10.0);
        assert_eq!(asked.counted.by_account, [(0, 40 * DAY / 24)]);
        assert!(asked.counted.by_bucket.is_empty());
        let looser = of(Some("Fetch"), Some(100.0)).expect("tables");
        assert_eq!(slow(&looser), 20.0);
        assert!(looser.counted.by_account.is_empty());
        assert_eq!(looser.counted.by_bucket, [(0, 40 * DAY / 24)]);
        let said = of(Some("Fetch"), Some(150.0)).expect_err("no bound");
        assert!(said.to_string().ends_with("or their objective: 200 ms"));
        let produce = of(Some("Produce"), None).expect("tables");
        assert_eq!(produce.objective.to_string(), "65 ms");
        let all = of(None, None).expect("tables");
        assert_eq!(all.objective.to_string(), "65 ms, Fetch 200 ms");
    }
}
