//! Enters accounts of windows: each slow request once, whatever windows have seen it.

use std::collections::{BTreeMap, VecDeque};

use crate::account::WindowAccount;
use crate::episodes::{Episode, Episodes};
use crate::metrics::Metrics;
use crate::period::Period;
use crate::verdict::{Key, Verdict};

/// For how long it is known which requests were entered, in ns: a client's correlation ids do not come again meanwhile.
const KNOWN_FOR_NS: i64 = 120_000_000_000;

/// Begins of recordings that are known: windows that wait may be of an earlier one.
const MOST_BEGINS: usize = 16;

/// What came of a window.
#[derive(Debug, Clone, Default)]
pub struct Entered {
    /// The slow requests that are now in the books, with [`Self::late`] among them.
    pub verdicts: Vec<Verdict>,
    /// Those that had ended before the window, and were in no account.
    pub late: u64,
    /// Those that were in the account of a window before.
    pub twice: u64,
    /// Episodes that began with it.
    pub begun: Vec<Episode>,
}

/// Which requests were entered lately, and where windows began that had an account.
#[derive(Debug, Default)]
pub struct Books {
    known: BTreeMap<Key, i64>,
    order: VecDeque<(i64, Key)>,
    /// When recordings began: what ended before that of its window is nobody's.
    begins: VecDeque<i64>,
}

impl Books {
    /// Takes in that a request was entered, by an account of an earlier run.
    pub fn remember(&mut self, verdict: &Verdict) {
        let (key, end) = (verdict.key(), verdict.end_ns());
        if self.known.insert(key.clone(), end).is_none() {
            self.order.push_back((end, key));
        }
    }

    /// A recording begins: what ended before it was not recorded whole.
    pub fn begin(&mut self, now_ns: i64) {
        self.begins.push_back(now_ns);
        if self.begins.len() > MOST_BEGINS {
            self.begins.pop_front();
        }
    }

    /// Enters the account of a window.
    pub fn enter(
        &mut self,
        period: Period,
        account: WindowAccount,
        metrics: &mut Metrics,
        episodes: &mut Episodes,
        now_ns: i64,
    ) -> Entered {
        self.forget(period.from_ns);
        let begins = self.begins.iter().copied();
        let since = begins.filter(|&it| it <= period.from_ns).max();
        let since = since.unwrap_or(period.from_ns);
        let mut entered = Entered::default();
        for verdict in account.verdicts {
            let end = verdict.end_ns();
            if end < since {
                continue;
            }
            if self.known.contains_key(&verdict.key()) {
                // What ended before the window was told by its own account, as it should.
                entered.twice += u64::from(period.has(end));
                continue;
            }
            entered.late += u64::from(!period.has(end));
            self.remember(&verdict);
            metrics.add_slow(&verdict, &period);
            entered.verdicts.push(verdict);
        }
        metrics.add_late(entered.late);
        metrics.add_others(&account.others);
        for lost in &account.losses {
            metrics.add_loss(&lost.kind, &lost.severity, lost.count);
        }
        let took = account.ingest_seconds + account.query_seconds;
        metrics.accounted(&period, took, now_ns);
        entered.begun = episodes.enter(&period, &entered.verdicts);
        for episode in &entered.begun {
            metrics.add_episode(&episode.root, &episode.reason);
        }
        entered
    }

    fn forget(&mut self, now_ns: i64) {
        while let Some((end, _)) = self.order.front()
            // One of long after now is of before the clock was set back.
            && now_ns.abs_diff(*end) > KNOWN_FOR_NS.unsigned_abs()
            && let Some((_, key)) = self.order.pop_front()
        {
            self.known.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{MetricsOptions, Standing};
    use kcorr_exposition::Form;
    use serde_json::json;

    const SECOND: i64 = 1_000_000_000;

    fn slow(correlation: i64, end_ms: i64) -> Verdict {
        let row = json!({
            "client_address": "10.0.0.1:40000", "correlation_id": correlation, "api": "Produce", "topic": "orders",
            "root": "slow_write", "cause": "slow_write", "latency_ms": 100.0, "waited_ms": 90.0,
            "request_id": correlation, "end_ns": end_ms * 1_000_000,
        });
        Verdict(row.as_object().unwrap().clone())
    }

    fn metrics() -> Metrics {
        Metrics::new(MetricsOptions {
            broker: "1".to_owned(),
            most_topics: 2,
            objective_ms: 65.0,
            api_objectives_ms: BTreeMap::new(),
        })
    }

    #[test]
    fn a_request_is_entered_once_and_one_that_came_late_is_not_lost() {
        let (mut books, mut metrics) = (Books::default(), metrics());
        let mut episodes = Episodes::new(1, 10 * SECOND);
        let mut enter = |books: &mut Books, from_s: i64, verdicts: Vec<Verdict>| {
            let period = Period {
                from_ns: from_s * SECOND,
                to_ns: (from_s + 10) * SECOND,
            };
            let account = WindowAccount {
                verdicts,
                ..WindowAccount::default()
            };
            let now = period.to_ns + 3 * SECOND;
            books.enter(period, account, &mut metrics, &mut episodes, now)
        };
        books.begin(100 * SECOND);
        // The second ended before anything was recorded.
        let first = enter(&mut books, 100, vec![slow(1, 109_999), slow(2, 99_000)]);
        assert_eq!((first.verdicts.len(), first.late), (1, 0));
        // The next sees it again, its clock moved by a little, and one that its own window had not.
        let verdicts = vec![slow(1, 110_000), slow(3, 109_500), slow(4, 111_000)];
        let second = enter(&mut books, 110, verdicts);
        assert_eq!(
            (second.verdicts.len(), second.late, second.twice),
            (2, 1, 1)
        );
        assert_eq!(second.begun.len(), 0);
        // A recording that begins says nothing of windows of the one before.
        books.begin(290 * SECOND);
        let again = enter(&mut books, 120, vec![slow(5, 119_900)]);
        assert_eq!((again.verdicts.len(), again.late), (1, 1));
        // Much later a client counts from the begin again.
        let third = enter(&mut books, 300, vec![slow(1, 301_000)]);
        assert_eq!(third.verdicts.len(), 1);
        // And so it may when the clock was set back.
        books.begin(50 * SECOND);
        let back = enter(&mut books, 50, vec![slow(1, 51_000)]);
        assert_eq!((back.verdicts.len(), back.twice), (1, 0));
        assert_eq!(books.known.len(), 1);
        // The first page has a counter's begin, which is nothing.
        let page = metrics.page(Form::Prometheus, &Standing::default());
        assert!(page.contains("reason=\"\"} 0\n"), "{page}");
        let page = metrics.page(Form::Prometheus, &Standing::default());
        let counted = "kcorr_slow_requests_total{broker=\"1\",api=\"Produce\",cause=\"slow_write\",reason=\"\"} 6\n";
        assert!(page.contains(counted), "{page}");
        assert!(page.contains("kcorr_live_late_requests_total{broker=\"1\"} 2\n"));
    }
}
