//! Counts and latencies since ever, and their page.

use std::collections::BTreeMap;

use kcorr_exposition::{Bounds, Exposition, Form, Histogram, Kind};
use kcorr_ingest_client::ClientMessage;
use serde::{Deserialize, Serialize};

/// What disturbed a message on its way, as its client saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disturbance {
    /// The client itself was late to give it to its producer.
    Client,
    /// Another broker than the one that led its partition had it, or led the partition meanwhile.
    Failover,
    /// It was in more than one request.
    Retry,
    /// Nobody led its partition, or the client did not know who.
    Metadata,
    /// The consumer's group assigned its partitions anew between acknowledgement and consumer.
    Rebalance,
}

impl Disturbance {
    /// Its word in lines and figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Failover => "failover",
            Self::Retry => "retry",
            Self::Metadata => "metadata",
            Self::Rebalance => "rebalance",
        }
    }
}

/// What became of a message: of these, `open` is none of its client's experience yet.
const GOOD: &str = "good";
const SLOW: &str = "slow";
const FAILED: &str = "failed";
const OPEN: &str = "open";

/// Counts of a setting and the broker that led.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Series {
    setting: String,
    /// Empty when nobody was known to lead.
    broker: String,
    /// By what became of them, and what disturbed them (or nothing).
    messages: BTreeMap<String, BTreeMap<String, u64>>,
    /// Requests that they were in.
    attempts: u64,
    /// Messages of which the library did not tell.
    untold: u64,
    /// Consumed once more, or after they were given up.
    again: u64,
    /// Until acknowledged, and until consumed.
    acknowledged: Latencies,
    consumed: Latencies,
}

/// Latencies by bucket; the last has no bound.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Latencies {
    buckets: Vec<u64>,
    seconds: f64,
}

/// What is counted of messages that are over, by their lines alone: so lines that are read again count the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    objective_ms: f64,
    series: Vec<Series>,
    /// How often who leads a partition became another, by setting.
    leader_changes: BTreeMap<String, u64>,
    /// How often a consumer's group assigned anew, by setting.
    rebalances: BTreeMap<String, u64>,
    /// What the library complained of, by setting and code.
    complaints: BTreeMap<String, BTreeMap<String, u64>>,
    /// Starts of the program with these figures.
    starts: u64,
}

/// What the state of the program is when somebody asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Messages on the way, by setting.
    pub open: BTreeMap<String, u64>,
    /// Brokers that lead no partition that messages are sent to, by setting.
    pub without: BTreeMap<String, Vec<i32>>,
    /// Lines that could not be written.
    pub unwritten: u64,
}

/// The figures of a setting in a few numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its name.
    pub setting: String,
    /// Messages that are over.
    pub messages: u64,
    /// Of these, given up.
    pub failed: u64,
    /// Slower than the objective.
    pub slow: u64,
    /// By what disturbed them, of all messages.
    pub disturbed: BTreeMap<String, u64>,
    /// Upper bounds of the median and the 99th percentile until acknowledged, in ms; infinite in the last bucket.
    pub acknowledged_ms: [f64; 2],
    /// The same until consumed.
    pub consumed_ms: [f64; 2],
    /// Requests beyond one a message.
    pub retries: u64,
    /// Consumed once more.
    pub again: u64,
}

impl Figures {
    /// Nothing is counted yet.
    pub fn new(objective_ms: f64) -> Self {
        Self {
            objective_ms,
            series: Vec::new(),
            leader_changes: BTreeMap::new(),
            rebalances: BTreeMap::new(),
            complaints: BTreeMap::new(),
            starts: 0,
        }
    }

    /// The objective, in ms.
    pub fn objective_ms(&self) -> f64 {
        self.objective_ms
    }

    pub(crate) fn started(&mut self) {
        self.starts += 1;
    }

    pub(crate) fn leader_changed(&mut self, setting: &str) {
        *self.leader_changes.entry(setting.to_owned()).or_default() += 1;
    }

    pub(crate) fn rebalanced(&mut self, setting: &str) {
        *self.rebalances.entry(setting.to_owned()).or_default() += 1;
    }

    pub(crate) fn complained(&mut self, setting: &str, code: &str) {
        let codes = self.complaints.entry(setting.to_owned()).or_default();
        *codes.entry(code.to_owned()).or_default() += 1;
    }

    /// Counts a message that is over, by its line.
    pub fn count(&mut self, message: &ClientMessage<'_>) {
        let objective_ns = self.objective_ms * 1e6;
        let bounds = Bounds::with(self.objective_ms);
        let broker = message.leader.map(|it| it.to_string()).unwrap_or_default();
        let series = self.series_of(&message.setting, broker);
        if message.again {
            series.again += 1;
            return;
        }
        let until = |time: Option<i64>| time.map(|time| time.saturating_sub(message.intended_ns));
        let times = [
            until(message.acknowledged_ns),
            until(message.consumed_ns),
            until(message.failed_ns),
        ];
        #[expect(clippy::cast_precision_loss, reason = "ns of a latency")]
        let is_slow = times.iter().flatten().any(|ns| *ns as f64 >= objective_ns);
        let outcome = match message.error.as_deref() {
            Some("open_at_end") if is_slow => SLOW,
            Some("open_at_end") => OPEN,
            Some(_) => FAILED,
            None if is_slow => SLOW,
            None => GOOD,
        };
        let disturbed = message.disturbed_by.as_deref().unwrap_or_default();
        let by = series.messages.entry(outcome.to_owned()).or_default();
        *by.entry(disturbed.to_owned()).or_default() += 1;
        match message.attempts {
            Some(attempts) => series.attempts += u64::try_from(attempts).unwrap_or(0),
            None => series.untold += 1,
        }
        let [acknowledged, consumed, _] = times;
        series.acknowledged.add(&bounds, acknowledged);
        series.consumed.add(&bounds, consumed);
    }

    fn series_of(&mut self, setting: &str, broker: String) -> &mut Series {
        let at = self
            .series
            .iter()
            .position(|it| it.setting == setting && it.broker == broker);
        let at = at.unwrap_or_else(|| {
            self.series.push(Series {
                setting: setting.to_owned(),
                broker,
                ..Series::default()
            });
            self.series.len() - 1
        });
        &mut self.series[at]
    }

    /// The page: counts of all starts, each with the name of this client.
    pub fn page(&self, form: Form, client: &str, standing: &Standing) -> String {
        let mut page = Exposition::new(form, &[("client", client)]);
        let own = |it: &'_ Series| {
            [
                ("setting", it.setting.clone()),
                ("broker", it.broker.clone()),
            ]
        };
        page.family(
            "kcorr_sli_messages",
            Kind::Counter,
            "Messages that are over, by what became of them and what disturbed them on their way.",
        );
        for series in &self.series {
            for (outcome, by) in &series.messages {
                for (disturbed, count) in by {
                    let disturbed = if disturbed.is_empty() {
                        "none"
                    } else {
                        disturbed
                    };
                    let labels = [
                        ("setting", series.setting.as_str()),
                        ("broker", &series.broker),
                        ("outcome", outcome),
                        ("disturbed_by", disturbed),
                    ];
                    page.count(&labels, *count);
                }
            }
        }
        let bounds = Bounds::with(self.objective_ms);
        for (name, help, of) in [
            (
                "kcorr_sli_acknowledged_seconds",
                "From when a message was intended until it was acknowledged.",
                (|it: &Series| it.acknowledged.clone()) as fn(&Series) -> Latencies,
            ),
            (
                "kcorr_sli_consumed_seconds",
                "From when a message was intended until it was consumed.",
                |it: &Series| it.consumed.clone(),
            ),
        ] {
            page.family(name, Kind::Histogram, help);
            for series in &self.series {
                let labels = own(series);
                let labels = labels.each_ref().map(|(name, it)| (*name, it.as_str()));
                page.histogram(&labels, &bounds, &of(series).histogram());
            }
        }
        for (name, help, of) in [
            (
                "kcorr_sli_attempts",
                "Produce requests that messages were in, added up.",
                (|it: &Series| it.attempts) as fn(&Series) -> u64,
            ),
            (
                "kcorr_sli_untold",
                "Messages of which the library did not tell its requests.",
                |it: &Series| it.untold,
            ),
            (
                "kcorr_sli_again",
                "Messages that were consumed once more, or after they were given up.",
                |it: &Series| it.again,
            ),
        ] {
            page.family(name, Kind::Counter, help);
            for series in &self.series {
                let labels = own(series);
                let labels = labels.each_ref().map(|(name, it)| (*name, it.as_str()));
                page.count(&labels, of(series));
            }
        }
        self.others(&mut page, standing);
        page.finish()
    }

    fn others(&self, page: &mut Exposition, standing: &Standing) {
        page.family(
            "kcorr_sli_objective_seconds",
            Kind::Gauge,
            "The time from which on a message is slow.",
        );
        page.sample(&[], self.objective_ms / 1e3);
        for (name, help, of) in [
            (
                "kcorr_sli_leader_changes",
                "How often another broker led a partition, or none.",
                &self.leader_changes,
            ),
            (
                "kcorr_sli_rebalances",
                "How often a consumer's group assigned its partitions anew.",
                &self.rebalances,
            ),
        ] {
            page.family(name, Kind::Counter, help);
            for (setting, count) in of {
                page.count(&[("setting", setting)], *count);
            }
        }
        page.family(
            "kcorr_sli_client_errors",
            Kind::Counter,
            "What the client library complained of.",
        );
        for (setting, codes) in &self.complaints {
            for (code, count) in codes {
                page.count(&[("setting", setting), ("code", code)], *count);
            }
        }
        page.family("kcorr_sli_starts", Kind::Counter, "Starts of this client.");
        page.count(&[], self.starts);
        page.family(
            "kcorr_sli_unwritten_lines",
            Kind::Gauge,
            "Lines of messages that could not be written since the start.",
        );
        page.count(&[], standing.unwritten);
        page.family(
            "kcorr_sli_open_messages",
            Kind::Gauge,
            "Messages on the way.",
        );
        for (setting, count) in &standing.open {
            page.count(&[("setting", setting)], *count);
        }
        page.family(
            "kcorr_sli_brokers_without_partition",
            Kind::Gauge,
            "Brokers that lead no partition that messages are sent to.",
        );
        for (setting, brokers) in &standing.without {
            page.count(&[("setting", setting)], brokers.len() as u64);
        }
    }

    /// The figures of each setting in a few numbers.
    pub fn summaries(&self) -> Vec<Summary> {
        let bounds = Bounds::with(self.objective_ms);
        let mut by: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
        for series in &self.series {
            by.entry(&series.setting).or_default().push(series);
        }
        let summaries = by.into_iter().map(|(setting, all)| {
            let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
            let mut disturbed: BTreeMap<String, u64> = BTreeMap::new();
            for (outcome, by) in all.iter().flat_map(|it| &it.messages) {
                for (disturbance, count) in by {
                    *outcomes.entry(outcome).or_default() += count;
                    if !disturbance.is_empty() {
                        *disturbed.entry(disturbance.clone()).or_default() += count;
                    }
                }
            }
            let of = |outcome| outcomes.get(outcome).copied().unwrap_or(0);
            let messages = of(GOOD) + of(SLOW) + of(FAILED);
            let told: u64 = messages + of(OPEN) - all.iter().map(|it| it.untold).sum::<u64>();
            let attempts: u64 = all.iter().map(|it| it.attempts).sum();
            Summary {
                setting: setting.to_owned(),
                messages,
                failed: of(FAILED),
                slow: of(SLOW),
                disturbed,
                acknowledged_ms: percentiles(&bounds, all.iter().map(|it| &it.acknowledged)),
                consumed_ms: percentiles(&bounds, all.iter().map(|it| &it.consumed)),
                retries: attempts.saturating_sub(told),
                again: all.iter().map(|it| it.again).sum(),
            }
        });
        summaries.collect()
    }
}

impl Latencies {
    fn add(&mut self, bounds: &Bounds, ns: Option<i64>) {
        let Some(ns) = ns else { return };
        #[expect(clippy::cast_precision_loss, reason = "ns of a latency")]
        let seconds = ns as f64 / 1e9;
        let place = bounds.place(seconds * 1e3);
        if self.buckets.len() <= place {
            self.buckets.resize(place + 1, 0);
        }
        self.buckets[place] += 1;
        self.seconds += seconds;
    }

    fn histogram(&self) -> Histogram {
        Histogram {
            buckets: self.buckets.clone(),
            exemplars: Vec::new(),
            count: self.buckets.iter().sum(),
            seconds: self.seconds,
            is_shown: true,
        }
    }
}

/// Upper bounds of the buckets with the median and the 99th percentile, in ms.
fn percentiles<'a>(bounds: &Bounds, of: impl Iterator<Item = &'a Latencies>) -> [f64; 2] {
    let mut buckets: Vec<u64> = Vec::new();
    for latencies in of {
        buckets.resize(buckets.len().max(latencies.buckets.len()), 0);
        for (sum, count) in buckets.iter_mut().zip(&latencies.buckets) {
            *sum += count;
        }
    }
    let all: u64 = buckets.iter().sum();
    [50, 99].map(|percent| {
        let wanted = (all * percent).div_ceil(100);
        let mut below = 0;
        let place = buckets.iter().position(|count| {
            below += count;
            below >= wanted && all > 0
        });
        match place {
            Some(place) => bounds.bound_ms(place).unwrap_or(f64::INFINITY),
            None => f64::NAN,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(ms: i64) -> ClientMessage<'static> {
        ClientMessage {
            setting: "all".into(),
            leader: Some(2),
            intended_ns: 1_000_000_000,
            acknowledged_ns: Some(1_000_000_000 + ms * 1_000_000),
            consumed_ns: Some(1_000_000_000 + ms * 1_000_000),
            attempts: Some(1),
            ..ClientMessage::default()
        }
    }

    #[test]
    fn a_message_counts_once_by_what_became_of_it() {
        let mut figures = Figures::new(65.0);
        for ms in [1, 2, 3, 65, 200] {
            figures.count(&message(ms));
        }
        let given_up = ClientMessage {
            acknowledged_ns: None,
            consumed_ns: None,
            failed_ns: Some(2_000_000_000),
            error: Some("MessageTimedOut".into()),
            attempts: Some(3),
            disturbed_by: Some("retry".into()),
            ..message(0)
        };
        figures.count(&given_up);
        let open = ClientMessage {
            error: Some("open_at_end".into()),
            failed_ns: Some(1_000_000_001),
            ..given_up.clone()
        };
        figures.count(&open);
        let again = ClientMessage {
            again: true,
            ..message(1)
        };
        figures.count(&again);
        let summary = figures.summaries().remove(0);
        assert_eq!((summary.messages, summary.slow, summary.failed), (6, 2, 1));
        assert_eq!((summary.retries, summary.again), (4, 1));
        // 65 ms is slow, and in the bucket up to 65 ms.
        assert_eq!(summary.acknowledged_ms, [5.0, 250.0]);
        assert_eq!(summary.disturbed["retry"], 2);
    }

    #[test]
    fn the_page_has_every_family_with_the_name_of_the_client() {
        let mut figures = Figures::new(65.0);
        figures.started();
        figures.count(&message(70));
        figures.complained("all", "BrokerTransportFailure");
        let page = figures.page(Form::OpenMetrics, "a", &Standing::default());
        for line in [
            "kcorr_sli_messages_total{client=\"a\",setting=\"all\",broker=\"2\",outcome=\"slow\",disturbed_by=\"none\"} 1",
            "kcorr_sli_acknowledged_seconds_bucket{client=\"a\",setting=\"all\",broker=\"2\",le=\"0.065\"} 0",
            "kcorr_sli_acknowledged_seconds_bucket{client=\"a\",setting=\"all\",broker=\"2\",le=\"0.1\"} 1",
            "kcorr_sli_client_errors_total{client=\"a\",setting=\"all\",code=\"BrokerTransportFailure\"} 1",
            "kcorr_sli_starts_total{client=\"a\"} 1",
        ] {
            assert!(page.lines().any(|it| it == line), "{line}\n{page}");
        }
    }

    #[test]
    fn figures_that_are_written_and_read_go_on() {
        let mut figures = Figures::new(65.0);
        figures.count(&message(1));
        let text = serde_json::to_string(&figures).unwrap();
        let mut read: Figures = serde_json::from_str(&text).unwrap();
        assert_eq!(read, figures);
        read.count(&message(1));
        assert_eq!(read.summaries()[0].messages, 2);
    }
}
