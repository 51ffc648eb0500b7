//! Names of time zones, as `java.time` and `java.util.Date` print them.
//!
//! Names that several zones have (`CST`, `IST`, `BST`, …) are known as names and not as offsets: a time
//! with one is a local time, and the other recordings tell its zone.

/// Name and offset from UTC in minutes; `None` when it may be several.
const ZONES: [(&str, Option<i32>); 50] = [
    ("UTC", Some(0)),
    ("GMT", Some(0)),
    ("WET", Some(0)),
    ("WEST", Some(60)),
    ("CET", Some(60)),
    ("CEST", Some(120)),
    ("MET", Some(60)),
    ("MEST", Some(120)),
    ("SAST", Some(120)),
    ("EET", Some(120)),
    ("EEST", Some(180)),
    ("MSK", Some(180)),
    ("TRT", Some(180)),
    ("PKT", Some(300)),
    ("NPT", Some(345)),
    ("ICT", Some(420)),
    ("WIB", Some(420)),
    ("HKT", Some(480)),
    ("SGT", Some(480)),
    ("AWST", Some(480)),
    ("JST", Some(540)),
    ("KST", Some(540)),
    ("ACST", Some(570)),
    ("ACDT", Some(630)),
    ("AEST", Some(600)),
    ("AEDT", Some(660)),
    ("NZST", Some(720)),
    ("NZDT", Some(780)),
    ("BRT", Some(-180)),
    ("ART", Some(-180)),
    ("CLT", Some(-240)),
    ("EST", Some(-300)),
    ("EDT", Some(-240)),
    ("CDT", Some(-300)),
    ("MST", Some(-420)),
    ("MDT", Some(-360)),
    ("PST", Some(-480)),
    ("PDT", Some(-420)),
    ("AKST", Some(-540)),
    ("AKDT", Some(-480)),
    ("HST", Some(-600)),
    ("CST", None),
    ("IST", None),
    ("BST", None),
    ("AST", None),
    ("ADT", None),
    ("GST", None),
    ("ECT", None),
    ("WST", None),
    ("PHT", None),
];

/// A zone at the start of a text: its offset from UTC in minutes, `None` for a name that does not tell
/// it, and its length in bytes.
pub(super) fn zone_at(text: &[u8]) -> Option<(Option<i32>, usize)> {
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic());
    let letters = letters.count();
    if letters == 0 {
        return offset_at(text).map(|(minutes, length)| (Some(minutes), length));
    }
    let name = text.get(..letters)?;
    let behind = text.get(letters..).unwrap_or_default();
    let is_word = |rest: &[u8]| !rest.first().is_some_and(u8::is_ascii_alphanumeric);
    if matches!(name, b"Z" | b"z") {
        return is_word(behind).then_some((Some(0), 1));
    }
    if matches!(name, b"GMT" | b"UTC")
        && let Some((minutes, length)) = offset_at(behind)
    {
        return Some((Some(minutes), letters.saturating_add(length)));
    }
    let known = ZONES.iter().find(|(zone, _)| zone.as_bytes() == name);
    if let Some((_, minutes)) = known
        && is_word(behind)
    {
        return Some((*minutes, letters));
    }
    // `Europe/Berlin`: a region's offset depends on the day.
    let is_region = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-');
    let length = text.iter().take_while(|byte| is_region(byte)).count();
    let regions: [&[u8]; 9] = [
        b"Africa/",
        b"America/",
        b"Asia/",
        b"Atlantic/",
        b"Australia/",
        b"Europe/",
        b"Indian/",
        b"Pacific/",
        b"Etc/",
    ];
    let is_known = regions.iter().any(|region| text.starts_with(region));
    is_known.then_some((None, length))
}

/// `+02`, `+0200`, `+02:00`.
fn offset_at(text: &[u8]) -> Option<(i32, usize)> {
    let sign = match text.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digit = |at: usize| {
        let byte = text.get(at)?;
        byte.is_ascii_digit()
            .then(|| i32::from(byte.wrapping_sub(b'0')))
    };
    let two = |at: usize| {
        Some(
            digit(at)?
                .saturating_mul(10)
                .saturating_add(digit(at.saturating_add(1))?),
        )
    };
    let (hours, length) = match two(1) {
        Some(hours) => (hours, 3),
        None => (digit(1)?, 2),
    };
    let separator = usize::from(text.get(length) == Some(&b':'));
    let (minutes, length) = match two(length.saturating_add(separator)) {
        Some(minutes) => (minutes, length.saturating_add(separator).saturating_add(2)),
        None => (0, length),
    };
    if text.get(length).is_some_and(u8::is_ascii_digit) || hours > 18 || minutes > 59 {
        return None;
    }
    Some((
        sign * hours.saturating_mul(60).saturating_add(minutes),
        length,
    ))
}

#[cfg(test)]
mod tests {
    use super::zone_at;

    #[test]
    fn zones_are_offsets_or_names() {
        #[allow(clippy::type_complexity, reason = "a table of cases")]
        let cases: [(&str, Option<(Option<i32>, usize)>); 13] = [
            ("Z DEBUG", Some((Some(0), 1))),
            ("+0200]", Some((Some(120), 5))),
            ("-03:30", Some((Some(-210), 6))),
            ("+01", Some((Some(60), 3))),
            ("GMT+1:00", Some((Some(60), 8))),
            ("UTC]", Some((Some(0), 3))),
            ("CEST x", Some((Some(120), 4))),
            ("CST ", Some((None, 3))),
            ("Europe/Berlin]", Some((None, 13))),
            ("DEBUG", None),
            ("INFO ", None),
            ("ESTABLISHED", None),
            ("-1234567", None),
        ];
        for (text, expected) in cases {
            assert_eq!(zone_at(text.as_bytes()), expected, "{text}");
        }
    }
}
