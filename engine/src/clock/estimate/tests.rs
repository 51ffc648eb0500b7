//! Synthetic ties: requests and writes whose true relation is known.

use proptest::prelude::*;

use super::*;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;

/// A small generator, so that a failure can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: i64) -> i64 {
        // SplitMix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((z ^ (z >> 31)) >> 1).unwrap() % bound.max(1)
    }
}

/// `right` requests with their writes over `span_s` seconds, which bound the clock by some 0.1 to 5 ms,
/// and `wrong` pairs of requests and writes that have nothing to do with each other.
fn ties(
    seed: u64,
    right: usize,
    wrong: usize,
    span_s: i64,
    truth: impl Fn(i64) -> i64,
) -> Vec<Tie> {
    let mut random = Random(seed);
    let mut ties = Vec::new();
    for _ in 0..right {
        let time_ns = random.below(span_s * SECOND);
        let (before, behind) = (60_000 + random.below(5 * MS), 50_000 + random.below(MS));
        let offset = truth(time_ns);
        ties.push(Tie {
            time_ns,
            lower_ns: offset - before,
            upper_ns: offset + behind,
        });
    }
    for _ in 0..wrong {
        let time_ns = random.below(span_s * SECOND);
        let other = random.below(span_s * SECOND);
        let lower_ns = other - time_ns + truth(time_ns);
        ties.push(Tie {
            time_ns,
            lower_ns,
            upper_ns: lower_ns + 100_000 + random.below(6 * MS),
        });
    }
    ties
}

fn found(ties: &[Tie]) -> Estimate {
    match estimate(ties) {
        Outcome::Found(estimate) => estimate,
        other => panic!("{other:?}"),
    }
}

/// The worst error over the time that the ties cover.
fn error(estimate: &Estimate, ties: &[Tie], truth: impl Fn(i64) -> i64) -> i64 {
    let at = |time_ns| {
        estimate.offset_ns + drift_ns(estimate.drift_ppb, time_ns, estimate.at_ns) - truth(time_ns)
    };
    let times = sorted_times(ties);
    [times[0], times[times.len() / 2], times[times.len() - 1]]
        .map(at)
        .map(i64::abs)
        .into_iter()
        .max()
        .unwrap()
}

#[test]
fn an_offset_is_found_among_ten_times_as_many_wrong_pairs() {
    for truth in [
        0,
        MS,
        -37 * SECOND,
        7_200 * SECOND,
        1_795_187_469_493_438_347,
    ] {
        let estimate = found(&ties(1, 500, 5_000, 60, |_| truth));
        assert!(
            (estimate.offset_ns - truth).abs() <= estimate.uncertainty_ns,
            "{estimate:?}"
        );
        assert!(estimate.uncertainty_ns < 600_000, "{estimate:?}");
        assert_eq!((estimate.drift_ppb, estimate.step), (0, None));
    }
}

#[test]
fn a_drift_is_found_with_the_offset() {
    for ppb in [50_000, -200_000, 5_000] {
        let truth = |time_ns: i64| 37 * SECOND + drift_ns(ppb, time_ns, 0);
        let ties = ties(2, 2_000, 8_000, 120, truth);
        let estimate = found(&ties);
        assert!(
            error(&estimate, &ties, truth) <= estimate.uncertainty_ns,
            "{estimate:?}"
        );
        assert!((estimate.drift_ppb - ppb).abs() < 3_000, "{estimate:?}");
    }
}

#[test]
fn a_drift_over_an_hour_is_found() {
    let truth = |time_ns: i64| -2 * SECOND + drift_ns(80_000, time_ns, 0);
    let ties = ties(3, 5_000, 20_000, 3_600, truth);
    let estimate = found(&ties);
    assert!(
        error(&estimate, &ties, truth) <= estimate.uncertainty_ns,
        "{estimate:?}"
    );
}

#[test]
fn recordings_that_have_nothing_to_do_with_each_other_give_nothing() {
    for seed in 0..20 {
        let outcome = estimate(&ties(seed, 0, 20_000, 60, |_| 0));
        assert!(!matches!(outcome, Outcome::Found(_)), "{seed}: {outcome:?}");
    }
}

#[test]
fn a_load_that_repeats_itself_fits_at_several_offsets_and_is_left_alone() {
    // Every 100 ms the same sizes: each write could be of any request.
    let mut ties = Vec::new();
    for write in 0..200 {
        for request in 0..200 {
            let lower_ns = (request - write) * 100 * MS - 60_000;
            ties.push(Tie {
                time_ns: write * 100 * MS,
                lower_ns,
                upper_ns: lower_ns + 120_000,
            });
        }
    }
    assert!(matches!(estimate(&ties), Outcome::Ambiguous { .. }));
}

#[test]
fn many_ties_of_one_moment_are_not_enough() {
    let ties: Vec<Tie> = (0..500)
        .map(|i| Tie {
            time_ns: i * 1_000,
            lower_ns: 5 * SECOND - 1_000,
            upper_ns: 5 * SECOND + 1_000,
        })
        .collect();
    assert_eq!(estimate(&ties), Outcome::Nothing);
}

#[test]
fn a_step_is_told_and_the_larger_part_is_taken() {
    for by in [3 * MS, -2 * SECOND] {
        let truth = |time_ns: i64| if time_ns < 40 * SECOND { 0 } else { by };
        let estimate = found(&ties(4, 3_000, 3_000, 60, truth));
        assert!(
            estimate.offset_ns.abs() <= estimate.uncertainty_ns,
            "{estimate:?}"
        );
        assert_eq!(estimate.drift_ppb, 0, "{estimate:?}");
        let step = estimate.step.expect("a step");
        assert!((step.by_ns - by).abs() < 300_000, "{step:?}");
        assert!((step.time_ns - 40 * SECOND).abs() < 2 * SECOND, "{step:?}");
    }
}

#[test]
fn nothing_comes_of_nothing() {
    assert_eq!(estimate(&[]), Outcome::Nothing);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_is_found_lies_within_its_uncertainty(
        seed: u64,
        right in 60usize..1500,
        wrong in 0usize..3000,
        span_s in 5i64..300,
        offset in -4_000_000_000_000i64..4_000_000_000_000,
        ppm in -150i64..150,
    ) {
        let truth = |time_ns: i64| offset + drift_ns(ppm * 1_000, time_ns, 0);
        let ties = ties(seed, right, wrong, span_s, truth);
        if let Outcome::Found(estimate) = estimate(&ties) {
            let error = error(&estimate, &ties, truth);
            prop_assert!(error <= estimate.uncertainty_ns, "{error}: {estimate:?}");
        } else {
            prop_assert!(wrong > right, "not found");
        }
    }

    #[test]
    fn any_ties_at_all_are_survived(
        bounds in prop::collection::vec((any::<i64>(), any::<i64>(), any::<i64>()), 0..60),
    ) {
        let ties: Vec<Tie> = bounds
            .into_iter()
            .map(|(time_ns, a, b)| Tie { time_ns, lower_ns: a.min(b), upper_ns: a.max(b) })
            .collect();
        let _ = estimate(&ties);
    }
}
