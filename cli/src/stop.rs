//! Ctrl-C and TERM while recordings are read: the first ends the inputs, the second the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
                    screen.note("ending the inputs; once more ends kcorr and stores nothing");
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
