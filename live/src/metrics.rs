//! What is counted since the start, and its page.

use std::collections::BTreeMap;

use kcorr_exposition::{Bounds, Exemplar, Exposition, Form, Histogram, Kind};

use crate::account::Bucket;
use crate::own_cost::OwnCost;
use crate::period::{Period, seconds};
use crate::topics::{REST, Topics};
use crate::verdict::Verdict;

/// Histograms at most; what would be more goes to one of its API.
const MOST_SERIES: usize = 2000;
/// Histograms of the rest of an API at most.
const MOST_RESTS: usize = 200;

/// What the numbers are of.
#[derive(Debug, Clone)]
pub struct MetricsOptions {
    /// The broker, for a label of all samples.
    pub broker: String,
    /// Topics with a name.
    pub most_topics: usize,
    /// The objective, in ms.
    pub objective_ms: f64,
    /// Those of single APIs, in ms.
    pub api_objectives_ms: BTreeMap<String, f64>,
}

/// What became of windows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// Accounted for.
    pub accounted: u64,
    /// Of these, later than a window's length after their end.
    pub late: u64,
    /// Not, because those before took too long.
    pub skipped: u64,
    /// Not, because something failed.
    pub failed: u64,
}

impl WindowCounts {
    /// The share that has no account.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn missing_ratio(&self) -> f64 {
        let missing = self.skipped + self.failed;
        match missing + self.accounted {
            0 => 0.0,
            all => missing as f64 / all as f64,
        }
    }
}

/// What the state of the program is when somebody asks.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Sources, and whether each records.
    pub sources: BTreeMap<String, bool>,
    /// Roots of episodes that go on.
    pub open_episodes: Vec<String>,
    /// Bytes of the stores that are kept.
    pub evidence_bytes: u64,
    /// What this program takes.
    pub cost: OwnCost,
    /// Notices by what became of them.
    pub notices: BTreeMap<&'static str, u64>,
    /// Windows that wait for their account.
    pub waiting: usize,
}

/// A count, and what was added up with it. The first page that has it shows nothing of it: what a counter has when it is
/// seen first is no increase for Prometheus, and the begin of an episode is most of it.
#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    count: u64,
    seconds: f64,
    is_shown: bool,
}

impl Counter {
    fn add(&mut self, count: u64, seconds: f64) {
        self.count += count;
        self.seconds += seconds;
    }

    /// What the page shows.
    fn shown(&mut self) -> (u64, f64) {
        match std::mem::replace(&mut self.is_shown, true) {
            true => (self.count, self.seconds),
            false => (0, 0.0),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    api: String,
    cause: String,
    reason: String,
    topic: String,
}

/// Counts since the start.
#[derive(Debug)]
pub struct Metrics {
    options: MetricsOptions,
    bounds: Bounds,
    topics: Topics,
    histograms: BTreeMap<Series, Histogram>,
    /// Requests, and the time that they waited for their cause, by API, cause and reason.
    slow: BTreeMap<(String, String, String), Counter>,
    /// What became of windows.
    pub windows: WindowCounts,
    /// Seconds of accounts, and those of the last.
    accounting_seconds: (f64, f64),
    losses: BTreeMap<(String, String), Counter>,
    late_requests: u64,
    episodes: BTreeMap<(String, String), Counter>,
    gap_seconds: f64,
    last_end_ns: Option<i64>,
}

impl Metrics {
    /// Nothing is counted yet.
    pub fn new(options: MetricsOptions) -> Self {
        Self {
            bounds: Bounds::with(options.objective_ms),
            topics: Topics::new(options.most_topics),
            options,
            histograms: BTreeMap::new(),
            slow: BTreeMap::new(),
            windows: WindowCounts::default(),
            accounting_seconds: (0.0, 0.0),
            losses: BTreeMap::new(),
            late_requests: 0,
            episodes: BTreeMap::new(),
            gap_seconds: 0.0,
            last_end_ns: None,
        }
    }

    /// The objective of all APIs without one of their own, in ms.
    pub fn objective_ms(&self) -> f64 {
        self.options.objective_ms
    }

    /// Those of single APIs, in ms.
    pub fn api_objectives_ms(&self) -> &BTreeMap<String, f64> {
        &self.options.api_objectives_ms
    }

    /// The bounds of its histograms.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Counts requests that were not slow.
    pub(crate) fn add_others(&mut self, others: &[Bucket]) {
        for bucket in others {
            self.note(&bucket.topic, 0.0);
            let series = self.series(&bucket.api, "none", "", &bucket.topic);
            let place = self.bounds.place_of_bound(bucket.bound_ms);
            let histogram = self.histograms.entry(series).or_default();
            histogram.add(place, bucket.count, bucket.seconds);
        }
    }

    /// Counts a slow request of a window.
    pub(crate) fn add_slow(&mut self, verdict: &Verdict, window: &Period) {
        let latency = verdict.latency_seconds();
        let waited = verdict.float("waited_ms").unwrap_or(0.0) / 1e3;
        let (api, cause) = (verdict.text("api"), verdict.text("cause"));
        let (reason, topic) = (verdict.text("reason"), verdict.text("topic"));
        self.note(topic, latency);
        let series = self.series(api, cause, reason, topic);
        let place = self.bounds.place(latency * 1e3);
        let histogram = self.histograms.entry(series).or_default();
        histogram.add(place, 1, latency);
        histogram.example(
            place,
            Exemplar {
                labels: vec![
                    (
                        "request_id",
                        verdict.number("request_id").unwrap_or(0).to_string(),
                    ),
                    ("window", window.name()),
                ],
                seconds: latency,
                end_ns: verdict.end_ns(),
            },
        );
        let mut key = (api.to_owned(), cause.to_owned(), reason.to_owned());
        if self.slow.len() >= MOST_SERIES && !self.slow.contains_key(&key) {
            // APIs that nobody knows are told by their numbers.
            key = (REST.to_owned(), REST.to_owned(), REST.to_owned());
        }
        self.slow.entry(key).or_default().add(1, waited);
    }

    fn note(&mut self, topic: &str, slow_seconds: f64) {
        let Some(gone) = self.topics.note(topic, slow_seconds) else {
            return;
        };
        // Its series end; counters never go back, so that what they had is not added to the rest.
        self.histograms.retain(|series, _| series.topic != gone);
    }

    fn series(&self, api: &str, cause: &str, reason: &str, topic: &str) -> Series {
        let series = Series {
            api: api.to_owned(),
            cause: cause.to_owned(),
            reason: reason.to_owned(),
            topic: self.topics.name(topic).to_owned(),
        };
        if self.histograms.len() < MOST_SERIES || self.histograms.contains_key(&series) {
            return series;
        }
        let cause = if cause == "none" { cause } else { REST };
        let rest = |api: &str| Series {
            api: api.to_owned(),
            cause: cause.to_owned(),
            reason: REST.to_owned(),
            topic: REST.to_owned(),
        };
        let of_api = rest(api);
        let has_room = self.histograms.len() < MOST_SERIES + MOST_RESTS;
        match has_room || self.histograms.contains_key(&of_api) {
            true => of_api,
            false => rest(REST),
        }
    }

    pub(crate) fn add_loss(&mut self, kind: &str, severity: &str, count: u64) {
        let key = (kind.to_owned(), severity.to_owned());
        self.losses.entry(key).or_default().add(count, 0.0);
    }

    pub(crate) fn add_late(&mut self, count: u64) {
        self.late_requests += count;
    }

    pub(crate) fn add_episode(&mut self, root: &str, reason: &str) {
        let key = (root.to_owned(), reason.to_owned());
        self.episodes.entry(key).or_default().add(1, 0.0);
    }

    /// Counts time without an account, in which this program or the broker did not run.
    pub fn add_gap(&mut self, ns: i64) {
        self.gap_seconds += seconds(ns.max(0));
    }

    pub(crate) fn accounted(&mut self, period: &Period, took: f64, now_ns: i64) {
        self.windows.accounted += 1;
        if now_ns.saturating_sub(period.to_ns) > 2 * period.to_ns.saturating_sub(period.from_ns) {
            self.windows.late += 1;
        }
        self.accounting_seconds.0 += took;
        self.accounting_seconds.1 = took;
        // Not the latest: a clock that was set back would leave one that is to come.
        self.last_end_ns = Some(period.to_ns);
        self.topics.age(now_ns);
    }

    /// The page.
    pub fn page(&mut self, form: Form, standing: &Standing) -> String {
        let mut page = Exposition::new(form, &[("broker", &self.options.broker)]);
        page.family(
            "kcorr_request_latency_seconds",
            Kind::Histogram,
            "Latency of requests as their clients saw it, by what slow ones waited for.",
        );
        for (series, histogram) in &mut self.histograms {
            let own = [
                ("api", series.api.as_str()),
                ("topic", &series.topic),
                ("cause", &series.cause),
                ("reason", &series.reason),
            ];
            match std::mem::replace(&mut histogram.is_shown, true) {
                true => page.histogram(&own, &self.bounds, histogram),
                false => page.histogram(&own, &self.bounds, &Histogram::default()),
            }
        }
        self.slow(&mut page);
        self.windows(&mut page, standing);
        cost(&mut page, standing);
        page.finish()
    }

    fn slow(&mut self, page: &mut Exposition) {
        let slow = self.slow.iter_mut();
        let slow: Vec<_> = slow.map(|(key, it)| (key, it.shown())).collect();
        let labels = |key: &(String, String, String)| {
            let (api, cause, reason) = key.clone();
            [("api", api), ("cause", cause), ("reason", reason)]
        };
        page.family(
            "kcorr_slow_requests",
            Kind::Counter,
            "Slow requests by what they waited for, and by the mechanism behind it.",
        );
        for (key, (count, _)) in &slow {
            let own = labels(key);
            let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
            page.count(&own, *count);
        }
        page.family(
            "kcorr_slow_wait_seconds",
            Kind::Counter,
            "Time that slow requests waited for their cause, added up.",
        );
        for (key, (_, waited)) in &slow {
            let own = labels(key);
            let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
            page.sample(&own, *waited);
        }
        page.family(
            "kcorr_objective_seconds",
            Kind::Gauge,
            "The latency from which on a request is slow; of an API, or of all others.",
        );
        page.sample(&[("api", "")], self.options.objective_ms / 1e3);
        for (api, ms) in &self.options.api_objectives_ms {
            page.sample(&[("api", api)], ms / 1e3);
        }
        page.family(
            "kcorr_episodes",
            Kind::Counter,
            "Episodes: stretches of slow requests with one root, over windows that follow each other.",
        );
        for ((root, reason), counter) in &mut self.episodes {
            page.count(&[("root", root), ("reason", reason)], counter.shown().0);
        }
    }

    fn windows(&mut self, page: &mut Exposition, standing: &Standing) {
        let WindowCounts {
            accounted,
            late,
            skipped,
            failed,
        } = self.windows;
        page.family(
            "kcorr_live_windows",
            Kind::Counter,
            "Windows by what became of them: skipped are those for which there was no time.",
        );
        for (outcome, count) in [
            ("accounted", accounted),
            ("skipped", skipped),
            ("failed", failed),
        ] {
            page.count(&[("outcome", outcome)], count);
        }
        page.family(
            "kcorr_live_windows_late",
            Kind::Counter,
            "Windows whose account came later than a window's length after their end.",
        );
        page.count(&[], late);
        page.family(
            "kcorr_live_missing_ratio",
            Kind::Gauge,
            "Share of the windows since the start that have no account.",
        );
        page.sample(&[], self.windows.missing_ratio());
        page.family(
            "kcorr_live_gap_seconds",
            Kind::Counter,
            "Time without a recording: the broker or this program did not run.",
        );
        page.sample(&[], self.gap_seconds);
        page.family(
            "kcorr_live_late_requests",
            Kind::Counter,
            "Slow requests that came too late for their window and are in the account of the next.",
        );
        page.count(&[], self.late_requests);
        page.family(
            "kcorr_live_losses",
            Kind::Counter,
            "Things lost in recordings, by kind; what windows share is counted in each.",
        );
        for ((kind, severity), counter) in &mut self.losses {
            let own = [("kind", kind.as_str()), ("severity", severity)];
            page.count(&own, counter.shown().0);
        }
        page.family(
            "kcorr_live_last_window_end_timestamp_seconds",
            Kind::Gauge,
            "End of the last window that was accounted for, in seconds since 1970.",
        );
        page.sample(&[], self.last_end_ns.map_or(0.0, seconds));
        page.family(
            "kcorr_live_accounting_seconds",
            Kind::Counter,
            "Time that accounts took, from the recording to the verdicts.",
        );
        page.sample(&[], self.accounting_seconds.0);
        page.family(
            "kcorr_live_last_accounting_seconds",
            Kind::Gauge,
            "Time that the last account took.",
        );
        page.sample(&[], self.accounting_seconds.1);
        page.family(
            "kcorr_live_windows_waiting",
            Kind::Gauge,
            "Windows that ended and wait for their account.",
        );
        page.count(&[], standing.waiting as u64);
    }
}

/// What the program itself is and takes.
fn cost(page: &mut Exposition, standing: &Standing) {
    page.family(
        "kcorr_live_source_up",
        Kind::Gauge,
        "Whether a source of the recording records.",
    );
    for (source, is_up) in &standing.sources {
        page.count(&[("source", source)], u64::from(*is_up));
    }
    page.family(
        "kcorr_live_episode_open",
        Kind::Gauge,
        "Episodes that go on, by their root.",
    );
    for root in &standing.open_episodes {
        page.count(&[("root", root)], 1);
    }
    page.family(
        "kcorr_live_notices",
        Kind::Counter,
        "Notices of episodes: sent, retried, failed, or held back by the limit.",
    );
    for (outcome, count) in &standing.notices {
        page.count(&[("outcome", outcome)], *count);
    }
    page.family(
        "kcorr_live_evidence_bytes",
        Kind::Gauge,
        "Size of the stores that are kept.",
    );
    page.count(&[], standing.evidence_bytes);
    page.family(
        "kcorr_live_cpu_seconds",
        Kind::Counter,
        "CPU time of this program: of the recorder, and of the processes that it has ended, which are the accounts.",
    );
    page.sample(&[("of", "recorder")], standing.cost.own_cpu_seconds);
    page.sample(&[("of", "accounts")], standing.cost.children_cpu_seconds);
    page.family(
        "kcorr_live_memory_bytes",
        Kind::Gauge,
        "Resident memory: of the recorder now, and of the last account at most.",
    );
    page.count(&[("of", "recorder")], standing.cost.own_memory_bytes);
    page.count(&[("of", "accounts")], standing.cost.account_memory_bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_no_more_series_than_it_may_whatever_comes() {
        let mut metrics = Metrics::new(MetricsOptions {
            broker: "1".to_owned(),
            most_topics: 20,
            objective_ms: 65.0,
            api_objectives_ms: BTreeMap::new(),
        });
        for number in 0..5000 {
            metrics.add_others(&[Bucket {
                api: format!("Unknown({number})"),
                topic: format!("topic-{number}"),
                bound_ms: Some(65.0),
                count: 1,
                seconds: 0.06,
            }]);
        }
        assert!(metrics.histograms.len() <= MOST_SERIES + MOST_RESTS + 1);
        let counted: u64 = metrics.histograms.values().map(|it| it.count).sum();
        assert_eq!(counted, 5000);
        metrics.page(Form::OpenMetrics, &Standing::default());
        let page = metrics.page(Form::OpenMetrics, &Standing::default());
        let topics: std::collections::BTreeSet<&str> = page
            .lines()
            .filter_map(|line| line.split("topic=\"").nth(1)?.split('"').next())
            .collect();
        assert_eq!(topics.len(), 21);
    }

    /// Both are told apart by nobody: the counts of slow requests are made here, those of others there.
    #[test]
    fn the_bounds_are_those_of_the_query() {
        let query = kcorr_engine::canned_query("window_latencies");
        let sql = query.expect("the query").expect("its header").sql;
        let told = sql.lines().filter_map(|line| {
            let bound = line.trim().strip_prefix("WHEN latency_ms <= ")?;
            bound.split_once(" THEN ")?.1.parse::<f64>().ok()
        });
        assert_eq!(told.collect::<Vec<_>>(), kcorr_exposition::BOUNDS_MS);
    }
}
