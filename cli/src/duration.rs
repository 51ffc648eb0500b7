//! Times that people give: `65ms`, `1.5s`, `1m 30s`; a number alone is in milliseconds.

use std::time::Duration;

/// The duration that a text says.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let parsed = if is_number {
        humantime::parse_duration(&format!("{text}ms"))
    } else {
        humantime::parse_duration(text)
    };
    parsed.map_err(|e| format!("{e}; expected a time such as 65ms, 2s or 500us"))
}

/// The duration that a text says, in ns.
pub(crate) fn duration_ns(text: &str) -> Result<i64, String> {
    let too_long = |_| "the time is too long".to_owned();
    i64::try_from(duration(text)?.as_nanos()).map_err(too_long)
}

/// Only for queries and people, who count in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a time that a person gave")]
pub(crate) fn milliseconds(time_ns: i64) -> f64 {
    time_ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_or_are_milliseconds() {
        assert_eq!(duration_ns("65ms"), Ok(65_000_000));
        assert_eq!(duration_ns("65"), Ok(65_000_000));
        assert_eq!(duration_ns("1.5 s"), Ok(1_500_000_000));
        assert_eq!(duration_ns("0.25ms"), Ok(250_000));
        assert_eq!(duration_ns("500us"), Ok(500_000));
        for bad in [
            "",
            "ms",
            "5 parsecs",
            "-1ms",
            "1.5ns",
            "99999999999s",
            "1.2.3s",
        ] {
            assert!(duration_ns(bad).is_err(), "{bad}");
        }
    }
}
