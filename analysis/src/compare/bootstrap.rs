//! How sure the statistics of a recording are: a circular block bootstrap over time.
//!
//! Latencies are not independent: one journal commit makes dozens of requests slow at once. Resampling
//! single requests would make the intervals far too narrow. So stretches of time are resampled: a
//! resample is made of blocks that begin at random times of the recording (and go on at its begin when
//! they reach its end), as many as cover the recording's length. Politis and Romano 1992.

use fastrand::Rng;

use super::CompareOptions;
use super::sample::{Sample, Statistics};

/// The statistics of the resamples.
pub(super) fn replicates(sample: &Sample, options: &CompareOptions) -> Vec<Statistics> {
    let mut rng = Rng::with_seed(options.seed);
    let mut weights = vec![0; sample.len()];
    let mut statistics = Vec::with_capacity(options.replicates);
    for _ in 0..options.replicates {
        resample(&sample.arrivals, options.block_ns, &mut rng, &mut weights);
        statistics.push(sample.weighted_statistics(options.slo_ms, &weights));
    }
    statistics
}

/// How often each request is in a resample.
fn resample(arrivals: &[i64], block_ns: i64, rng: &mut Rng, weights: &mut [u32]) {
    weights.fill(0);
    let (Some(&first), Some(&last)) = (arrivals.first(), arrivals.last()) else {
        return;
    };
    let length = last.saturating_sub(first).saturating_add(1);
    // Not shorter than from one arrival to the next: that is resampling single requests.
    let count = i64::try_from(arrivals.len()).unwrap_or(i64::MAX);
    let block = block_ns.max(length / count + 1).min(length);
    // At least one, and as many as come closest to the recording's length.
    let blocks = (length.saturating_add(block / 2) / block).max(1);
    let mut add = |from: i64, to: i64| {
        let start = arrivals.partition_point(|&arrival| arrival < from);
        let end = arrivals.partition_point(|&arrival| arrival < to);
        for weight in weights.get_mut(start..end).unwrap_or_default() {
            *weight += 1;
        }
    };
    for _ in 0..blocks {
        let start = rng.i64(0..length);
        let end = start.saturating_add(block);
        add(first + start, first + end.min(length));
        if end > length {
            add(first, first + (end - length));
        }
    }
}

/// The interval that holds a share `confidence` of the values; none of no values.
pub(crate) fn interval(mut values: Vec<f64>, confidence: f64) -> Option<(f64, f64)> {
    values.retain(|value| value.is_finite());
    if values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    let at = |rank| super::percentile_of_sorted(&values, rank);
    Some((at(tail), at(1.0 - tail)))
}

#[cfg(test)]
mod tests {
    use super::super::sample::Statistic;
    use super::*;

    /// 100 requests a second, 1 ms each; in one second of 60 all take 100 ms.
    fn stall() -> Sample {
        let mut sample = Sample::default();
        for number in 0..6000 {
            let is_stalled = (3000..3100).contains(&number);
            let latency = if is_stalled { 100_000_000 } else { 1_000_000 };
            sample.push(number * 10_000_000, latency, is_stalled.then_some("pause"));
        }
        sample.sort();
        sample
    }

    fn slow_interval(block_ns: i64, seed: u64) -> (f64, f64) {
        let options = CompareOptions {
            replicates: 300,
            block_ns,
            seed,
            ..CompareOptions::default()
        };
        let counts = replicates(&stall(), &options)
            .iter()
            .map(|statistics| statistics.value(Statistic::SlowRatio))
            .collect();
        interval(counts, 0.95).expect("values")
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        assert_eq!(
            slow_interval(2_000_000_000, 7),
            slow_interval(2_000_000_000, 7)
        );
    }

    #[test]
    fn one_stall_is_little_evidence_when_time_is_resampled_in_blocks() {
        let (low, high) = slow_interval(2_000_000_000, 1);
        assert_eq!(low, 0.0, "some resamples miss the stall");
        assert!(high > 2.0 / 60.0, "some have it several times: {high}");
        let (low, high) = slow_interval(1, 1); // as short as it gets: single requests
        assert!(
            low > 0.012 && high < 0.022,
            "single requests: {low} to {high}"
        );
    }

    #[test]
    fn a_resample_is_about_as_long_as_the_recording() {
        let sample = stall();
        let mut weights = vec![0; sample.len()];
        let mut rng = Rng::with_seed(3);
        resample(&sample.arrivals, 7_000_000_000, &mut rng, &mut weights);
        let total: u32 = weights.iter().sum();
        assert!((5000..7000).contains(&total), "{total}");
    }
}
