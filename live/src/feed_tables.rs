//! The last windows and episodes as tables, for a page to be made of.
//!
//! | table | a row is |
//! |---|---|
//! | `standing` | how it goes: one row |
//! | `latency_over_time` | requests of one class of latency in a step of time |
//! | `gaps` | a stretch of time without an account, and why |
//! | `causes_over_time` | slow requests of one cause in a step |
//! | `causes`, `topics` | slow requests by what they waited for, and of the worst topics |
//! | `episodes`, `episode_windows` | an episode, and a window that has requests of it |
//! | `windows` | one of the last windows |

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::DateTime;
use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use kcorr_exposition::BOUNDS_MS;

use crate::error::Result;
use crate::evidence::KeptWindows;
use crate::feed::Feed;
use crate::metrics::{Standing, WindowCounts};
use crate::period::Period;
use crate::rollup::{Outcome, Rollup};

/// Steps of the tables over time at most.
const MOST_STEPS: usize = 120;
/// Rows of the windows that are listed, and of topics.
const MOST_LISTED: usize = 30;
const MOST_TOPICS: usize = 15;

/// How it goes, beside what windows have.
#[derive(Debug)]
pub struct FeedStanding<'a> {
    /// What is recorded, what goes on.
    pub standing: &'a Standing,
    /// What became of windows since the start.
    pub counts: WindowCounts,
    /// The objective, in ms.
    pub objective_ms: f64,
}

/// Tables, and what time they are of.
#[derive(Debug)]
pub struct FeedTables {
    /// By name.
    pub tables: BTreeMap<&'static str, RecordBatch>,
    /// From the begin of the first window that is shown to the end of the last.
    pub windows: Option<Period>,
    /// The begin of the first window that is known of an episode that is shown.
    pub episodes_from_ns: Option<i64>,
}

impl FeedTables {
    /// Of what a feed has. Reports can be made of the windows whose stores are kept ([`crate::Evidence::kept`]).
    ///
    /// # Errors
    /// When a table cannot be made, which would be a mistake of this program.
    pub fn of(feed: &Feed, now: &FeedStanding<'_>, kept: &KeptWindows) -> Result<Self> {
        let steps = steps(feed);
        let tables = BTreeMap::from([
            ("standing", standing(feed, now)?),
            ("latency_over_time", latency(&steps)?),
            ("gaps", gaps(feed)?),
            ("causes_over_time", causes_over_time(&steps)?),
            ("causes", causes(feed)?),
            ("topics", topics(feed)?),
            ("episodes", episodes(feed, kept)?),
            ("episode_windows", episode_windows(feed, kept)?),
            ("windows", windows(feed, kept)?),
        ]);
        let of_episodes = feed.episodes().flat_map(|it| &it.episode.windows);
        Ok(Self {
            tables,
            windows: feed.windows().map(|it| it.period).reduce(|a, b| Period {
                from_ns: a.from_ns.min(b.from_ns),
                to_ns: a.to_ns.max(b.to_ns),
            }),
            episodes_from_ns: of_episodes.map(|(window, _)| window.from_ns).min(),
        })
    }
}

/// Windows that follow each other.
struct Step<'a> {
    from_ns: i64,
    to_ns: i64,
    windows: Vec<&'a Rollup>,
}

/// The accounted windows of the feed, several to a step where there are many; none across a gap.
fn steps(feed: &Feed) -> Vec<Step<'_>> {
    let of_step = feed.windows().count().div_ceil(MOST_STEPS).max(1);
    let mut steps: Vec<Step<'_>> = Vec::new();
    for rollup in accounted(feed) {
        let period = rollup.period;
        match steps.last_mut() {
            Some(step) if step.windows.len() < of_step && step.to_ns == period.from_ns => {
                step.to_ns = period.to_ns;
                step.windows.push(rollup);
            }
            _ => steps.push(Step {
                from_ns: period.from_ns,
                to_ns: period.to_ns,
                windows: vec![rollup],
            }),
        }
    }
    steps
}

fn accounted(feed: &Feed) -> impl DoubleEndedIterator<Item = &Rollup> {
    feed.windows().filter(|it| it.outcome == Outcome::Accounted)
}

fn requests(rollup: &Rollup) -> u64 {
    rollup.series.iter().map(|it| it.count).sum()
}

fn standing(feed: &Feed, now: &FeedStanding<'_>) -> Result<RecordBatch> {
    let of_state = |is_up: bool| {
        let sources = now.standing.sources.iter();
        let named = sources.filter(|(_, up)| **up == is_up);
        let names: Vec<&str> = named.map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let all: u64 = accounted(feed).map(requests).sum();
    let slow: u64 = accounted(feed).map(|it| it.slow).sum();
    let mut worst: Option<(u64, String)> = None;
    for (name, (count, _)) in by(feed, |series| {
        (series.cause != "none").then(|| (series.cause.clone(), series.reason.clone()))
    }) {
        if worst.as_ref().is_none_or(|(most, _)| count > *most) {
            worst = Some((count, name.0));
        }
    }
    let open = &now.standing.open_episodes;
    let counts = now.counts;
    table(vec![
        (
            "first_time",
            time([feed.windows().next().map(|it| it.period.from_ns)]),
        ),
        (
            "last_time",
            time([accounted(feed).map(|it| it.period.to_ns).max()]),
        ),
        ("request_count", number([Some(all)])),
        ("slow_count", number([Some(slow)])),
        ("slow_ratio", float([ratio(slow, all)])),
        ("objective_ms", float([Some(now.objective_ms)])),
        (
            "worst_cause",
            text([worst.as_ref().map(|(_, name)| name.clone())]),
        ),
        (
            "worst_cause_ratio",
            float([worst.and_then(|(count, _)| ratio(count, slow))]),
        ),
        (
            "open_episodes",
            text([(!open.is_empty()).then(|| open.join(", "))]),
        ),
        ("sources", text([of_state(true)])),
        ("absent_sources", text([of_state(false)])),
        ("accounted_count", number([Some(counts.accounted)])),
        ("skipped_count", number([Some(counts.skipped)])),
        ("failed_count", number([Some(counts.failed)])),
        ("waiting_count", number([Some(now.standing.waiting as u64)])),
        ("missing_ratio", float([Some(counts.missing_ratio())])),
    ])
}

fn latency(steps: &[Step<'_>]) -> Result<RecordBatch> {
    let (mut from, mut to, mut low, mut high, mut count) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        // Bounds are positive, so that their bits are in their order; the last class has none.
        let mut classes: BTreeMap<u64, (Option<f64>, Option<f64>, u64)> = BTreeMap::new();
        for rollup in &step.windows {
            let buckets = rollup.series.iter().flat_map(|it| &it.buckets);
            for (bound, in_bucket) in buckets {
                let key = bound.map_or(u64::MAX, f64::to_bits);
                let below = bound_below(*bound, rollup.objective_ms);
                let class = classes.entry(key).or_insert((below, *bound, 0));
                class.2 += in_bucket;
            }
        }
        for (below, bound, in_class) in classes.into_values() {
            from.push(Some(step.from_ns));
            to.push(Some(step.to_ns));
            low.push(below);
            high.push(bound);
            count.push(Some(in_class));
        }
    }
    table(vec![
        ("start_time", time(from)),
        ("end_time", time(to)),
        ("above_ms", float(low)),
        ("bound_ms", float(high)),
        ("request_count", number(count)),
    ])
}

/// The bound below one: that of the bucket before it, of a window with an objective.
fn bound_below(bound: Option<f64>, objective_ms: Option<f64>) -> Option<f64> {
    let bounds = BOUNDS_MS.into_iter().chain(objective_ms);
    let below = bounds.filter(|it| bound.is_none_or(|bound| *it < bound));
    below.max_by(f64::total_cmp)
}

fn gaps(feed: &Feed) -> Result<RecordBatch> {
    let first = accounted(feed).next().map(|it| it.period.from_ns);
    let gaps: Vec<&Rollup> = feed
        .windows()
        .filter(|it| it.outcome != Outcome::Accounted && Some(it.period.from_ns) >= first)
        .collect();
    table(vec![
        (
            "start_time",
            time(gaps.iter().map(|it| Some(it.period.from_ns))),
        ),
        (
            "end_time",
            time(gaps.iter().map(|it| Some(it.period.to_ns))),
        ),
        (
            "outcome",
            text(gaps.iter().map(|it| Some(it.outcome.name().to_owned()))),
        ),
    ])
}

fn causes_over_time(steps: &[Step<'_>]) -> Result<RecordBatch> {
    let (mut from, mut to, mut cause, mut count) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        let mut causes: BTreeMap<&str, u64> = BTreeMap::new();
        let series = step.windows.iter().flat_map(|it| &it.series);
        for series in series.filter(|it| it.cause != "none") {
            *causes.entry(&series.cause).or_default() += series.count;
        }
        for (name, of_cause) in causes {
            from.push(Some(step.from_ns));
            to.push(Some(step.to_ns));
            cause.push(Some(name.to_owned()));
            count.push(Some(of_cause));
        }
    }
    table(vec![
        ("start_time", time(from)),
        ("end_time", time(to)),
        ("cause", text(cause)),
        ("request_count", number(count)),
    ])
}

/// Requests, and their seconds, of the series that have a key.
fn by<K: Ord>(
    feed: &Feed,
    key: impl Fn(&crate::rollup::RollupSeries) -> Option<K>,
) -> BTreeMap<K, (u64, f64)> {
    let mut all: BTreeMap<K, (u64, f64)> = BTreeMap::new();
    for series in accounted(feed).flat_map(|it| &it.series) {
        if let Some(key) = key(series) {
            let of_key = all.entry(key).or_default();
            of_key.0 += series.count;
            of_key.1 += series.seconds;
        }
    }
    all
}

fn causes(feed: &Feed) -> Result<RecordBatch> {
    let causes = by(feed, |series| {
        (series.cause != "none").then(|| (series.cause.clone(), series.reason.clone()))
    });
    let slow: u64 = causes.values().map(|it| it.0).sum();
    let mut rows: Vec<_> = causes.into_iter().collect();
    rows.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
    let reason = |reason: &String| (!reason.is_empty()).then(|| reason.clone());
    table(vec![
        (
            "cause",
            text(rows.iter().map(|(key, _)| Some(key.0.clone()))),
        ),
        ("reason", text(rows.iter().map(|(key, _)| reason(&key.1)))),
        (
            "request_count",
            number(rows.iter().map(|(_, it)| Some(it.0))),
        ),
        (
            "request_ratio",
            float(rows.iter().map(|(_, it)| ratio(it.0, slow))),
        ),
        ("mean_ms", float(rows.iter().map(|(_, it)| mean_ms(*it)))),
    ])
}

fn topics(feed: &Feed) -> Result<RecordBatch> {
    let key = |series: &crate::rollup::RollupSeries| {
        (!series.topic.is_empty()).then(|| (series.topic.clone(), series.cause != "none"))
    };
    // All requests, and the slow ones with their seconds.
    let mut topics: BTreeMap<String, (u64, u64, f64)> = BTreeMap::new();
    for ((topic, is_slow), (count, seconds)) in by(feed, key) {
        let of_topic = topics.entry(topic).or_default();
        of_topic.0 += count;
        if is_slow {
            (of_topic.1, of_topic.2) = (count, seconds);
        }
    }
    let mut rows: Vec<_> = topics.into_iter().filter(|(_, it)| it.1 > 0).collect();
    rows.sort_by(|a, b| b.1.1.cmp(&a.1.1).then_with(|| a.0.cmp(&b.0)));
    rows.truncate(MOST_TOPICS);
    table(vec![
        (
            "topic",
            text(rows.iter().map(|(topic, _)| Some(topic.clone()))),
        ),
        ("slow_count", number(rows.iter().map(|(_, it)| Some(it.1)))),
        (
            "request_count",
            number(rows.iter().map(|(_, it)| Some(it.0))),
        ),
        (
            "slow_ratio",
            float(rows.iter().map(|(_, it)| ratio(it.1, it.0))),
        ),
        (
            "mean_slow_ms",
            float(rows.iter().map(|(_, it)| mean_ms((it.1, it.2)))),
        ),
    ])
}

/// The name of a window whose store is kept: a report can be made of it.
fn report(window: &Period, kept: &KeptWindows) -> Option<String> {
    let name = window.name();
    kept.has(&name).then_some(name)
}

fn episodes(feed: &Feed, kept: &KeptWindows) -> Result<RecordBatch> {
    let rows: Vec<_> = feed.episodes().collect();
    let named = |name: &String| (!name.is_empty()).then(|| name.clone());
    let joined = |names: &Vec<String>| (!names.is_empty()).then(|| names.join(", "));
    // That with most of it.
    let worst = |windows: &Vec<(Period, u64)>| {
        let kept = windows
            .iter()
            .filter_map(|(window, count)| Some((*count, report(window, kept)?)));
        kept.max_by_key(|(count, _)| *count).map(|(_, name)| name)
    };
    let of =
        |it: &fn(&crate::Episode) -> Option<String>| text(rows.iter().map(|row| it(&row.episode)));
    let root: fn(&crate::Episode) -> Option<String> = |it| Some(it.root.clone());
    table(vec![
        (
            "day",
            text(rows.iter().map(|it| Some(day(it.episode.first_end_ns)))),
        ),
        (
            "first_time",
            time(rows.iter().map(|it| Some(it.episode.first_end_ns))),
        ),
        (
            "last_time",
            time(rows.iter().map(|it| Some(it.episode.last_end_ns))),
        ),
        ("is_open", bool_text(rows.iter().map(|it| it.is_open))),
        ("root", of(&root)),
        (
            "cause",
            text(rows.iter().map(|it| named(&it.episode.cause))),
        ),
        (
            "reason",
            text(rows.iter().map(|it| named(&it.episode.reason))),
        ),
        (
            "request_count",
            number(rows.iter().map(|it| Some(it.episode.requests))),
        ),
        (
            "worst_ms",
            float(rows.iter().map(|it| Some(it.episode.worst_ms))),
        ),
        (
            "waited_ms",
            float(rows.iter().map(|it| Some(it.episode.waited_ms))),
        ),
        ("apis", text(rows.iter().map(|it| joined(&it.episode.apis)))),
        (
            "topics",
            text(rows.iter().map(|it| joined(&it.episode.topics))),
        ),
        (
            "report",
            text(rows.iter().map(|it| worst(&it.episode.windows))),
        ),
    ])
}

fn episode_windows(feed: &Feed, kept: &KeptWindows) -> Result<RecordBatch> {
    let of_episode = |seen: &crate::feed::SeenEpisode| {
        let (first, cause) = (seen.episode.first_end_ns, seen.episode.cause.clone());
        let windows = seen.episode.windows.clone();
        windows
            .into_iter()
            .map(move |(window, count)| (first, cause.clone(), window, count))
    };
    let rows: Vec<_> = feed.episodes().flat_map(of_episode).collect();
    table(vec![
        ("day", text(rows.iter().map(|it| Some(day(it.0))))),
        ("episode_time", time(rows.iter().map(|it| Some(it.0)))),
        ("cause", text(rows.iter().map(|it| Some(it.1.clone())))),
        ("start_time", time(rows.iter().map(|it| Some(it.2.from_ns)))),
        ("end_time", time(rows.iter().map(|it| Some(it.2.to_ns)))),
        ("request_count", number(rows.iter().map(|it| Some(it.3)))),
        ("report", text(rows.iter().map(|it| report(&it.2, kept)))),
    ])
}

fn windows(feed: &Feed, kept: &KeptWindows) -> Result<RecordBatch> {
    let rows: Vec<&Rollup> = feed.windows().rev().take(MOST_LISTED).collect();
    let is_accounted = |it: &&&Rollup| it.outcome == Outcome::Accounted;
    let if_accounted = |it: &&Rollup, value: u64| Some(value).filter(|_| is_accounted(&it));
    let report = |it: &&Rollup| report(&it.period, kept).filter(|_| it.slow > 0);
    table(vec![
        (
            "start_time",
            time(rows.iter().map(|it| Some(it.period.from_ns))),
        ),
        (
            "end_time",
            time(rows.iter().map(|it| Some(it.period.to_ns))),
        ),
        (
            "outcome",
            text(rows.iter().map(|it| Some(it.outcome.name().to_owned()))),
        ),
        (
            "request_count",
            number(rows.iter().map(|it| if_accounted(it, requests(it)))),
        ),
        (
            "slow_count",
            number(rows.iter().map(|it| if_accounted(it, it.slow))),
        ),
        (
            "late_count",
            number(rows.iter().map(|it| if_accounted(it, it.late))),
        ),
        (
            "lost_count",
            number(rows.iter().map(|it| if_accounted(it, it.lost))),
        ),
        (
            "account_s",
            float(
                rows.iter()
                    .map(|it| Some(it.seconds).filter(|_| is_accounted(&it))),
            ),
        ),
        ("report", text(rows.iter().map(report))),
    ])
}

/// Of a time of long before the day is told, too.
fn day(ns: i64) -> String {
    let time = DateTime::from_timestamp_nanos(ns);
    time.format("%Y-%m-%d").to_string()
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

fn time(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    let times: TimestampNanosecondArray = values.into_iter().collect();
    Arc::new(times.with_timezone("UTC"))
}

fn number(values: impl IntoIterator<Item = Option<u64>>) -> ArrayRef {
    let signed = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
    let numbers: Int64Array = values.into_iter().map(|it| it.map(signed)).collect();
    Arc::new(numbers)
}

fn float(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

fn text(values: impl IntoIterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn bool_text(values: impl IntoIterator<Item = bool>) -> ArrayRef {
    let values: Vec<Option<bool>> = values.into_iter().map(Some).collect();
    Arc::new(datafusion::arrow::array::BooleanArray::from(values))
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn ratio(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

#[expect(clippy::cast_precision_loss, reason = "a mean")]
fn mean_ms((count, seconds): (u64, f64)) -> Option<f64> {
    (count > 0).then(|| 1e3 * seconds / count as f64)
}
