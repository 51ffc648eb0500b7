//! Whether a worker is there, asked once for all who wait for it.

use std::fmt::Display;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::sleep;

/// How often a worker that is at work is asked whether it is there.
const EVERY: Duration = Duration::from_secs(5);

/// A worker that does not answer this often is not there.
const MOST_SILENCES: u32 = 3;

/// What was heard of a worker.
#[derive(Debug)]
pub(crate) struct Pulse {
    every: Duration,
    heard: Mutex<Heard>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            every: EVERY,
            heard: Mutex::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Heard {
    at: Option<Instant>,
    silences: u32,
    why: String,
}

impl Pulse {
    /// Returns why a worker does not answer any more, once it does not. Whoever waits when it is time asks; the others
    /// hear what it was told.
    pub(crate) async fn silence<E, F>(&self, ping: impl Fn() -> F) -> String
    where
        E: Display,
        F: Future<Output = Result<(), E>>,
    {
        loop {
            sleep(self.every).await;
            let mut heard = self.heard.lock().await;
            let since = heard.at.map(|at| at.elapsed());
            // Nobody has asked for long: that it was silent then says nothing of now.
            if since.is_none_or(|since| since > 12 * self.every) {
                heard.silences = 0;
            }
            if since.is_none_or(|since| since >= self.every) {
                match ping().await {
                    Ok(()) => heard.silences = 0,
                    Err(why) => {
                        heard.silences += 1;
                        heard.why = why.to_string();
                    }
                }
                heard.at = Some(Instant::now());
            }
            if heard.silences >= MOST_SILENCES {
                return heard.why.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;
    use tokio::time::timeout;

    use super::*;

    fn pulse() -> Pulse {
        Pulse {
            every: Duration::from_millis(50),
            ..Pulse::default()
        }
    }

    #[tokio::test]
    async fn one_asks_for_all_who_wait() {
        let (pulse, asked) = (pulse(), AtomicU32::new(0));
        let there = async || {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok::<(), String>(())
        };
        let all = join_all((0..200).map(|_| pulse.silence(there)));
        assert!(timeout(20 * pulse.every, all).await.is_err());
        let asked = asked.load(Ordering::Relaxed);
        assert!((2..=20).contains(&asked), "{asked}");
    }

    #[tokio::test]
    async fn who_is_silent_three_times_is_not_there_for_any_of_them() {
        let (pulse, asked) = (pulse(), AtomicU32::new(0));
        // Once it is late, and then there again.
        let gone = async || match asked.fetch_add(1, Ordering::Relaxed) {
            1 => Ok(()),
            _ => Err("no answer"),
        };
        let whys = join_all((0..50).map(|_| pulse.silence(gone))).await;
        assert!(whys.iter().all(|why| why == "no answer"));
        assert_eq!(asked.load(Ordering::Relaxed), 5);
    }
}
