//! Ctrl-C and TERM while recordings are read or made: the first ends the inputs, the second the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use anyhow::Context;
use kcorr_engine::Stop;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::screen::Screen;

/// Watches for signals from when it is made.
pub(crate) struct Signals {
    stop: Stop,
    is_reading: Arc<AtomicBool>,
}

impl Signals {
    /// Signals end inputs first, until [`Self::reading_ended`].
    pub(crate) fn watch(screen: &Screen) -> anyhow::Result<Self> {
        Self::watch_saying(
            screen,
            "ending the inputs; once more ends kcorr and stores nothing",
        )
    }

    /// Signals end a recording first, until [`Self::reading_ended`].
    pub(crate) fn watch_recording(screen: &Screen) -> anyhow::Result<Self> {
        Self::watch_saying(screen, "ending the recording; once more ends kcorr at once")
    }

    /// Signals end a client that measures first, until [`Self::reading_ended`].
    #[cfg(feature = "sli")]
    pub(crate) fn watch_measuring(screen: &Screen) -> anyhow::Result<Self> {
        Self::watch_saying(
            screen,
            "waiting for the last messages; once more ends kcorr at once",
        )
    }

    /// `words` are said at the first signal.
    fn watch_saying(screen: &Screen, words: &'static str) -> anyhow::Result<Self> {
        let (stop, is_reading) = (Stop::default(), Arc::new(AtomicBool::new(true)));
        let (asked, reading, screen) = (stop.clone(), Arc::clone(&is_reading), *screen);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot watch for signals")?;
        // Before the thread begins, so that no signal is missed.
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
            let [interrupt, terminate] = kinds.map(signal);
            let why = "cannot watch for signals";
            (interrupt.context(why)?, terminate.context(why)?)
        };
        thread::spawn(move || {
            runtime.block_on(async {
                loop {
                    let number = tokio::select! {
                        _ = interrupt.recv() => SignalKind::interrupt(),
                        _ = terminate.recv() => SignalKind::terminate(),
                    };
                    if asked.is_asked() || !reading.load(Ordering::Relaxed) {
                        // As a shell says it; the store is whole at any time.
                        std::process::exit(128 + number.as_raw_value());
                    }
                    asked.ask();
                    screen.note(words);
                }
            });
        });
        Ok(Self { stop, is_reading })
    }

    /// What a signal asks.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// From now on a signal ends the process.
    pub(crate) fn reading_ended(&self) {
        self.is_reading.store(false, Ordering::Relaxed);
    }
}

/// Signals that ask for a dump of the last minutes (USR1).
pub(crate) struct DumpSignals(Arc<AtomicU64>);

impl DumpSignals {
    /// Counts them from when it is made.
    pub(crate) fn watch() -> anyhow::Result<Self> {
        let why = "cannot watch for signals";
        let asked = Arc::<AtomicU64>::default();
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context(why)?;
        let mut signals = {
            let _inside = runtime.enter();
            signal(SignalKind::user_defined1()).context(why)?
        };
        let counted = Arc::clone(&asked);
        thread::spawn(move || {
            runtime.block_on(async {
                while signals.recv().await.is_some() {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        Ok(Self(asked))
    }

    /// How many came since this was asked last.
    pub(crate) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// Asks a recorder for a dump.
pub(crate) fn ask_for_dump(pid: i32) -> anyhow::Result<()> {
    let process = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGUSR1)
        .with_context(|| format!("cannot ask process {pid}"))
}
