//! What changes would gain, by a replay without the waits that they are about.

use crate::{Answer, Answers, Text};

/// What a change can gain at least, of the slow requests' time, to be shown before it is asked for.
const LEAST_GAIN: f64 = 0.01;

/// Whether a change can gain more than next to nothing: of the slow requests' time, and by a replay, where there is
/// one, of their number or of the 99.9th percentile.
pub(super) fn is_measurable(answers: &Answers, advice: &Answer, row: usize) -> bool {
    if advice.number(row, "gain_ratio").unwrap_or(0.0) < LEAST_GAIN {
        return false;
    }
    let gains = answers.rows("expected_gains");
    let replay = gains.and_then(|it| Some((it, it.row_where("kind", advice.text(row, "whatif"))?)));
    let Some((gains, row)) = replay else {
        return true;
    };
    let is_less = |after, before| gains.number(row, after) < gains.number(row, before);
    is_less("slow_low_count", "slow_count") || is_less("p999_low_ms", "p999_ms")
}

/// What a replay without a kind of wait gives, in short.
pub(in crate::sections) fn in_short(answers: &Answers, kind: &str) -> Option<Text> {
    let gains = answers.rows("expected_gains")?;
    let row = gains.row_where("kind", kind)?;
    let text = Text::from("A replay without these waits has at most ")
        .and(gains.cell(row, "slow_high_count"))
        .and(" slow requests instead of ")
        .and(gains.cell(row, "slow_count"));
    Some(match is_too_short(gains, row) {
        true => text.and("; one recording is too short to say that others would have fewer."),
        false => text.and("."),
    })
}

/// Whether as many slow requests as there are would be no surprise in another run without those waits.
fn is_too_short(gains: &Answer, row: usize) -> bool {
    gains.number(row, "slow_run_high_count") >= gains.number(row, "slow_count")
}

/// What a replay without a kind of wait gives, and how to check it.
pub(super) fn expected(answers: &Answers, kind: &str) -> Text {
    let text = Text::default().strong("Expected gain.");
    let gains = answers.rows("expected_gains");
    let replay = gains.and_then(|gains| Some((gains, gains.row_where("kind", kind)?)));
    let Some((gains, row)) = replay else {
        return text
            .and(" No replay tells: one recording is too short to say. Record before and after the change, and ")
            .code("kcorr compare before.kcorr after.kcorr")
            .and(".");
    };
    let slo = answers
        .rows("headline")
        .map(|it| it.cell(0, "slo_ms").text());
    let range = |low, high| {
        let text = Text::from(gains.cell(row, low));
        if gains.value(row, low) == gains.value(row, high) {
            text
        } else {
            text.and(" to ").and(gains.cell(row, high))
        }
    };
    let text = text
        .and(" With none of these waits, a replay of this recording has ")
        .append(range("slow_low_count", "slow_high_count"))
        .and(" slow requests instead of ")
        .and(gains.cell(row, "slow_count"))
        .and(", and a 99.9th percentile of ")
        .append(range("p999_low_ms", "p999_high_ms"))
        .and(" instead of ")
        .and(gains.cell(row, "p999_ms"))
        .and(". Nineteen in twenty other runs without them would have ")
        .append(range("slow_run_low_count", "slow_run_high_count"))
        .and(".");
    let text = match is_too_short(gains, row) {
        true => text.and(" As many as now are among these: one recording is too short to say that it would be fewer."),
        false => text,
    };
    let slo = slo.unwrap_or_default();
    text.and(" Check: ").code(&format!(
        "kcorr whatif --without {kind} --slo {slo}ms --account-from {slo}ms"
    ))
}
