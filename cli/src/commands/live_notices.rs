//! Notices of episodes: JSON, with the brief of the window that told of it.
//!
//! The brief is made by a process of its own. One that is not there in time is left out: somebody should know.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use kcorr_live::{Episode, Notifier, Period};
use serde_json::json;

use crate::commands::live_process::{ReportCommand, report_command};
use crate::commands::live_settings::LiveSettings;

/// How long a notice waits for its brief.
const PATIENCE: Duration = Duration::from_secs(6);

/// Notices that are made, and who sends them.
pub(super) struct Notices {
    notifier: Option<Notifier>,
    broker: String,
    brief: Option<ReportCommand>,
    made: Vec<Making>,
}

/// A notice whose brief is being made.
struct Making {
    child: Option<Child>,
    file: PathBuf,
    begun: Instant,
    episodes: Vec<Episode>,
    window: Period,
    store: PathBuf,
}

impl Notices {
    pub(super) fn new(notifier: Option<Notifier>, settings: &LiveSettings) -> Self {
        Self {
            notifier,
            broker: settings.metrics.broker.clone(),
            brief: report_command(&settings.given, settings.memory_limit, true).ok(),
            made: Vec::new(),
        }
    }

    /// Tells of an episode that a window began; those of one window share its brief, and are told one by one.
    pub(super) fn tell(&mut self, episode: Episode, window: Period, store: PathBuf) {
        if self.notifier.is_none() {
            return;
        }
        if let Some(making) = self.made.iter_mut().find(|it| it.window == window) {
            making.episodes.push(episode);
            return;
        }
        let file = store.with_extension("md");
        let child = self.brief.as_ref().and_then(|brief| {
            let mut command = brief(&store, &file);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            // A Ctrl-C is the recorder's.
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            command.spawn().ok()
        });
        self.made.push(Making {
            child,
            file,
            begun: Instant::now(),
            episodes: vec![episode],
            window,
            store,
        });
    }

    /// Notices that nobody was told yet, and of which it is not known that nobody will be.
    pub(super) fn waiting(&self) -> usize {
        let made: usize = self.made.iter().map(|it| it.episodes.len()).sum();
        made + self.notifier.as_ref().map_or(0, Notifier::waiting)
    }

    /// What became of notices.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.notifier
            .as_ref()
            .map(Notifier::counts)
            .unwrap_or_default()
    }

    /// Sends those that are ready; what went wrong, in sentences.
    pub(super) fn look(&mut self) -> Vec<String> {
        let Some(notifier) = &self.notifier else {
            return Vec::new();
        };
        let broker = &self.broker;
        self.made.retain_mut(|making| {
            let Some(brief) = making.brief() else {
                return true;
            };
            for episode in &making.episodes {
                let text = notice(broker, episode, &making.window, &making.store, &brief);
                notifier.send(text, true);
            }
            false
        });
        notifier.words()
    }
}

impl Making {
    /// The brief, or an empty text when there will be none; nothing while it is made.
    fn brief(&mut self) -> Option<String> {
        if let Some(child) = &mut self.child {
            match child.try_wait() {
                Ok(None) if self.begun.elapsed() < PATIENCE => return None,
                Ok(Some(_)) => {}
                _ => {
                    let _ = child.kill();
                    let _ = child.wait();
                }
            }
        }
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let _ = std::fs::remove_file(&self.file);
        Some(text)
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The text of a notice.
fn notice(broker: &str, episode: &Episode, window: &Period, store: &Path, brief: &str) -> String {
    let reason = match episode.reason.as_str() {
        "" => String::new(),
        reason => format!(", by {reason}"),
    };
    let summary = format!(
        "broker {broker}: since {} {} slow requests ({}), {:.0} ms at most: {}{reason}",
        episode.first_end,
        episode.requests,
        episode.apis.join(", "),
        episode.worst_ms,
        episode.cause
    );
    let brief = match brief {
        "" => format!(
            "# {summary}\n\nThere is no brief, or none in time: `kcorr --store {} report --brief`\n",
            store.display()
        ),
        brief => brief.to_owned(),
    };
    let notice = json!({
        "event": "episode",
        "by": concat!("kcorr ", env!("CARGO_PKG_VERSION")),
        "broker": broker,
        "summary": summary,
        "episode": episode,
        "window": { "name": window.name(), "from_ns": window.from_ns, "to_ns": window.to_ns },
        "store": store.display().to_string(),
        "brief": brief,
    });
    format!("{notice}\n")
}
