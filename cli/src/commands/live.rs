//! `kcorr live`

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use kcorr_engine::{API_SLO_PARAMETER, GivenParameters, SLO_PARAMETER};
use kcorr_live::{Keeping, MetricsOptions, NoticeOptions, ScheduleSettings, Target};
use kcorr_record::{Condition, Host, Triggers};

use crate::commands::Global;
use crate::commands::broker_process::{BrokerProcess, device_of, log_devices};
use crate::commands::figures_access::FiguresAccess;
use crate::commands::live_ledger::Ledger;
use crate::commands::live_run::LiveRun;
use crate::commands::live_settings::LiveSettings;
use crate::commands::memory::size;
use crate::commands::record::Sources;
use crate::duration::duration;
use crate::exit::Status;
use crate::objective::Objective;
use crate::screen::Screen;

/// Account for a broker window by window, over weeks: metrics, roll-ups and alerts
///
/// It records as kcorr record does, and every few seconds makes a store of the last of it and asks what slow requests
/// waited for. Each slow request is in the account of one window: that in which it was answered. What they waited for is on
/// a page for Prometheus, in a folder with an account of each, and told when an episode begins. Windows for which there is
/// no time are skipped, counted and told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr live --slo 100ms                                    the broker that runs here; a page and metrics at http://127.0.0.1:9464/
  kcorr live --dir /var/lib/kcorr/live --keep 6h            and the stores of slow windows for six hours
  kcorr live --on-episode 'mail -s \"slow requests\" me'      a notice (JSON, with a brief) on a command's standard input
  kcorr live --on-episode http://127.0.0.1:8080/kcorr       or posted
  kcorr --store live.kcorr/evidence/20261130T133000.000.kcorr why     what the window of an alert has

Exit status: 0 ended by a signal, 1 something that was asked for was not recorded or has no account, 2 failed.")]
pub(crate) struct Live {
    /// The broker's process; auto is the one that runs here
    #[arg(long, value_name = "PID|auto", default_value = "auto")]
    pid: BrokerProcess,

    /// How long a window is
    #[arg(long, value_name = "TIME", value_parser = window_time, default_value = "10s")]
    window: Duration,

    /// Folder of accounts, roll-ups and stores; best on another device than the broker's logs
    #[arg(long, value_name = "FOLDER", default_value = "live.kcorr")]
    dir: PathBuf,

    /// Where the page is, and metrics are read: GET / and GET /metrics
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9464")]
    listen: SocketAddr,

    #[command(flatten)]
    access: FiguresAccess,

    /// Who is told when an episode begins: a command of the shell, or a URL that is posted to
    #[arg(long, value_name = "COMMAND|URL")]
    on_episode: Option<String>,

    /// Slow requests with one root that are an episode
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    episode_requests: u64,

    /// Notices of an hour at most
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 12,
        requires = "on_episode"
    )]
    max_notices: usize,

    /// Keep the stores of windows with slow requests for so long
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1h")]
    keep: Duration,

    /// Disk space for these stores
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "2GiB")]
    max_size: usize,

    /// Disk space for the ring of what is recorded, of all sources together; windows that wait have copies of parts of it
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "2GiB")]
    ring_size: usize,

    /// Topics with a name in metrics; the others are (rest)
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    topics: usize,

    /// How late rows may come
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2s")]
    lag: Duration,

    /// What the recording of a window has before it at least
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    lead: Duration,

    /// The longest request that is accounted for whole: what the recording of a window has before it at most
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    longest: Duration,

    /// Record what is appended to the logs too, so that writes are found by offset: reads every log again
    #[arg(long)]
    appends: bool,

    /// Memory for the rows that an account holds; what does not fit goes into temporary files
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory_limit: Option<usize>,

    #[command(flatten)]
    sources: Sources,
}

impl Live {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let host = Host::here();
        let broker = self.pid.broker(&host)?;
        let mut plan = self.sources.plan()?;
        plan.topics_only = !self.appends;
        if plan.only.is_empty() && !plan.without.iter().any(|it| it == "jvm") {
            // It names threads, too, and a dump of them stops all for a moment.
            plan.without.push("threads".to_owned());
        }
        let given: GivenParameters = global
            .objectives()?
            .parameters()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let objective_ms = objective_ms(&given)?;
        let target = self.on_episode.as_deref().map(Target::parse).transpose()?;
        if target.is_some() {
            // What is slow ends its window at once.
            let condition = format!("request > {}us", (objective_ms * 1e3).ceil());
            plan.triggers = Triggers::new(vec![condition.parse::<Condition>()?]);
        }
        self.warn_of_device(&host, &broker, screen);
        let broker_label = ["node.id", "broker.id"]
            .into_iter()
            .find_map(|name| broker.properties.get(name));
        let metrics = MetricsOptions {
            broker: broker_label.unwrap_or_default().to_owned(),
            most_topics: self.topics,
            objective_ms,
            api_objectives_ms: api_objectives_ms(&given),
        };
        let access = self.access.access()?;
        let notices = target.map(|it| (it, NoticeOptions::with_most(self.max_notices)));
        let settings = LiveSettings {
            schedule: ScheduleSettings {
                window_ns: ns(self.window),
                lag_ns: ns(self.lag),
                lead_ns: ns(self.lead),
                longest_ns: ns(self.longest),
            },
            keeping: Keeping {
                evidence_ns: ns(self.keep),
                evidence_bytes: self.max_size as u64,
                ..Keeping::default()
            },
            metrics,
            given,
            episode_requests: self.episode_requests,
            memory_limit: self.memory_limit,
            ring_bytes: self.ring_size as u64,
        };
        let parameters =
            kcorr_engine::canned_query("blame").context("there is no query blame")??;
        if let Some(objective) = Objective::of(&parameters.parameters()?, &settings.given) {
            screen.note(&objective.to_string());
        }
        let ledger = Ledger::open(&settings, &self.dir, notices, screen)?;
        let shown_at = (self.listen, access);
        LiveRun::begin(host, plan, settings, ledger, shown_at)?.run(broker)
    }

    fn warn_of_device(&self, host: &Host, broker: &kcorr_record::Broker, screen: &Screen) {
        let logs = log_devices(host, broker);
        if device_of(Path::new(&self.dir)).is_some_and(|device| logs.contains(&device)) {
            screen.warning(&format!(
                "{} is on the device of a log directory: what is recorded is written there too, and waits for it",
                self.dir.display()
            ));
        }
    }
}

/// A window has a second at least, and its unit.
fn window_time(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(time) if time >= Duration::from_secs(1) => Ok(time),
        Ok(_) => Err("expected a second at least, with its unit: 10s, 1m".to_owned()),
        Err(error) => Err(error),
    }
}

fn ns(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// The objective of all APIs without one of their own.
fn objective_ms(given: &GivenParameters) -> anyhow::Result<f64> {
    let asked = given.get(SLO_PARAMETER).cloned();
    let value = match asked {
        Some(value) => value,
        None => {
            let query = kcorr_engine::canned_query("request_latencies");
            let query = query.context("there is no query request_latencies")??;
            let parameters = query.parameters()?;
            let own = parameters.into_iter().find(|it| it.name == SLO_PARAMETER);
            own.and_then(|it| it.default)
                .context("there is no objective")?
        }
    };
    value
        .parse()
        .with_context(|| format!("{value} is no objective"))
}

/// Those of single APIs: `Fetch=200 Metadata=1000`.
fn api_objectives_ms(given: &GivenParameters) -> BTreeMap<String, f64> {
    let text = given.get(API_SLO_PARAMETER).cloned().unwrap_or_default();
    let parts = text.split_ascii_whitespace().filter_map(|part| {
        let (api, ms) = part.split_once('=')?;
        Some((api.to_owned(), ms.parse().ok()?))
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_are_those_that_were_asked_for_or_the_query_s_own() {
        assert_eq!(objective_ms(&GivenParameters::new()).unwrap(), 65.0);
        let given = GivenParameters::from([
            (SLO_PARAMETER.to_owned(), "100".to_owned()),
            (
                API_SLO_PARAMETER.to_owned(),
                "Fetch=200 Metadata=1000".to_owned(),
            ),
        ]);
        assert_eq!(objective_ms(&given).unwrap(), 100.0);
        let apis = api_objectives_ms(&given);
        assert_eq!(apis.get("Fetch"), Some(&200.0));
        assert_eq!(apis.len(), 2);
    }
}
