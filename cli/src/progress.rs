//! Progress bars of an ingest: one an input, with throughput and time left.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kcorr_engine::Progress;

use crate::output::visible::visible;
use crate::screen::Screen;

/// The bars, drawn on standard error while it is a terminal.
pub(crate) struct Bars {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Bars {
    /// One bar for each name.
    pub(crate) fn new(names: impl Iterator<Item = String>, screen: &Screen) -> Self {
        let target = if screen.shows_progress() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let all = MultiProgress::with_draw_target(target);
        let bars = names.map(|name| {
            let bar = all.add(ProgressBar::no_length());
            bar.set_message(visible(&name).into_owned());
            bar
        });
        let bars = bars.collect();
        Self { all, bars }
    }
}

impl Bars {
    /// Shows what goes on once all inputs are read, until it is dropped.
    pub(crate) fn during(&self, what: &'static str) -> impl Drop + use<> {
        let bar = self.all.add(ProgressBar::new_spinner());
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Cleared(bar)
    }
}

/// One line that says what goes on, while standard error is a terminal.
pub(crate) struct StatusLine(ProgressBar);

impl StatusLine {
    /// A line that says nothing yet.
    pub(crate) fn new(screen: &Screen) -> Self {
        let line = if screen.shows_progress() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        line.enable_steady_tick(Duration::from_millis(200));
        Self(line)
    }

    /// Says something else.
    pub(crate) fn say(&self, words: &str) {
        self.0.set_message(visible(words).into_owned());
    }

    /// Prints other lines above it.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }

    /// Takes it away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// A bar that is gone when it is dropped.
struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bars {
    fn started(&self, job: usize, total_bytes: Option<u64>) {
        let Some(bar) = self.bars.get(job) else {
            return;
        };
        let template = match total_bytes {
            Some(total) => {
                bar.set_length(total);
                "{msg:30!} {bar:24} {bytes:>10}/{total_bytes:10} {binary_bytes_per_sec:>12} {eta:>4} left"
            }
            None => "{msg:30!} {spinner} {bytes:>10} {binary_bytes_per_sec:>12}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
    }

    fn advanced(&self, job: usize, bytes: u64) {
        if let Some(bar) = self.bars.get(job) {
            bar.inc(bytes);
        }
    }

    fn finished(&self, job: usize) {
        if let Some(bar) = self.bars.get(job) {
            bar.finish_and_clear();
        }
    }
}
