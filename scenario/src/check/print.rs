//! Prints a score for people.

use std::fmt::{self, Display, Formatter};

use super::score::{Score, Share};

impl Display for Score {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "slow requests             found {}, missed {}, extra {}",
            self.found, self.missed, self.extra
        )?;
        writeln!(f, "accounts that do not sum  {}", self.broken)?;
        line(f, "verdict: true cause", self.verdict, "requests", 1)?;
        line(f, "  exactly", self.verdict_exact, "requests", 1)?;
        line(f, "verdict: wrong cause", self.wrong, "requests", 1)?;
        line(f, "verdict: unexplained", self.unexplained, "requests", 1)?;
        for (api, [right, wrong]) in &self.apis {
            line(f, &format!("  {api}: true cause"), *right, "requests", 1)?;
            if wrong.right > 0 {
                line(f, &format!("  {api}: wrong cause"), *wrong, "requests", 1)?;
            }
        }
        writeln!(f, "verdicts at odds with their root {}", self.disagreeing)?;
        line(f, "blocker: thread", self.blocker_thread, "requests", 1)?;
        line(f, "blocker: write", self.blocker_write, "requests", 1)?;
        if self.broker.of > 0 {
            line(f, "blocker: broker", self.broker, "requests", 1)?;
        }
        if let Some(ns) = self.clocks_apart_ns() {
            writeln!(
                f,
                "hosts' clocks, apart      {:.3} ms at most",
                ns as f64 / 1e6
            )?;
        }
        line(f, "time: true cause", self.time, "ms", 1_000_000)?;
        line(f, "  exactly", self.time_exact, "ms", 1_000_000)?;
        line(f, "time: wrong cause", self.time_wrong, "ms", 1_000_000)?;
        line(f, "time: stage", self.stage, "ms", 1_000_000)?;
        line(f, "time: root write", self.time_write, "ms", 1_000_000)?;
        line(f, "time: write's state", self.write_state, "ms", 1_000_000)?;
        line(f, "verdict: reason", self.reason, "requests", 1)?;
        line(f, "time: reason", self.time_reason, "ms", 1_000_000)?;
        line(
            f,
            "time: wrong reason",
            self.time_reason_wrong,
            "ms",
            1_000_000,
        )?;

        let mut other: Vec<_> = self.verdicts.iter().collect();
        other.sort_by_key(|((.., right), count)| (*right, -**count));
        if !other.is_empty() {
            writeln!(f, "\nrequests whose verdict is not exactly the true cause")?;
        }
        for ((truly, told, right), count) in other {
            let right = if *right { "  (not wrong)" } else { "" };
            writeln!(f, "{count:10}  {truly:32}told {told}{right}")?;
        }
        let mut wrong: Vec<_> = self.times.iter().collect();
        wrong.sort_by_key(|(_, ns)| -**ns);
        if !wrong.is_empty() {
            writeln!(f, "\nms with a wrong cause")?;
        }
        for ((truly, told), ns) in wrong {
            writeln!(f, "{:10}  {truly:32}told {told}", ms(*ns))?;
        }
        let mut wrong: Vec<_> = self.stages.iter().collect();
        wrong.sort_by_key(|(_, ns)| -**ns);
        if !wrong.is_empty() {
            writeln!(f, "\nms with a wrong stage")?;
        }
        for ((truly, told), ns) in wrong {
            writeln!(f, "{:10}  {:32}told {told}", ms(*ns), truly.name())?;
        }
        if !self.confidence.is_empty() {
            writeln!(f, "\nverdicts by confidence")?;
        }
        for (tenth, share) in &self.confidence {
            let low = *tenth as f64 / 10.0;
            writeln!(f, "{low:10.1}  {} of {} right", share.right, share.of)?;
        }
        if !self.worst.is_empty() {
            writeln!(f, "\nrequests with the most ms of a wrong cause")?;
        }
        for (ns, (address, correlation), truly, told) in &self.worst {
            writeln!(
                f,
                "{:10}  {address} {correlation}: {truly}, told {told}",
                ms(*ns)
            )?;
        }
        Ok(())
    }
}

fn ms(ns: i64) -> i64 {
    ns / 1_000_000
}

fn line(f: &mut Formatter<'_>, what: &str, share: Share, unit: &str, per: i64) -> fmt::Result {
    if share.of == 0 {
        return writeln!(f, "{what:26}-");
    }
    let percent = 100.0 * share.ratio();
    let (right, of) = (share.right / per, share.of / per);
    writeln!(f, "{what:26}{percent:6.2} %  {right} of {of} {unit}")
}
