//! Numbers that people print with a decimal point, in integers.

/// A decimal number of units, in what a unit is made of: `34.538` of 1,000,000 (ns of a ms) is 34,538,000.
///
/// Takes a comma for the point, and an exponent (`1.0E7`). What is less than one is cut off. `None` when
/// the text is no such number, or the result is beyond 64 bits; negative numbers are none.
///
/// ```
/// use kcorr_model::integer_from_decimal;
///
/// assert_eq!(integer_from_decimal("16.05", 1_000_000), Some(16_050_000));
/// assert_eq!(integer_from_decimal("1.5", 1024), Some(1536));
/// assert_eq!(integer_from_decimal("-1", 1), None);
/// ```
pub fn integer_from_decimal(text: &str, unit: i64) -> Option<i64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let mut value = 0_i128;
    for digit in whole.bytes().chain(fraction.bytes()) {
        value = value
            .checked_mul(10)?
            .checked_add(i128::from(digit.wrapping_sub(b'0')))?;
    }
    value = value.checked_mul(i128::from(unit))?;
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let factor = 10_i128.checked_pow(shift.unsigned_abs())?;
    let scaled = if shift < 0 {
        value.checked_div(factor)?
    } else {
        value.checked_mul(factor)?
    };
    i64::try_from(scaled).ok()
}

#[cfg(test)]
mod tests {
    use super::integer_from_decimal;

    const MS: i64 = 1_000_000;
    const S: i64 = 1_000_000_000;

    #[test]
    fn decimals_become_integers_without_rounding() {
        for (text, unit, expected) in [
            ("34.538", MS, 34_538_000),
            ("16.05", MS, 16_050_000),
            ("0.0001234", S, 123_400),
            ("0.000004000", S, 4_000),
            ("0,5", S, 500_000_000),
            (".5", S, 500_000_000),
            ("1.0E7", MS, 10_000_000_000_000),
            ("1e-3", S, 1_000_000),
            ("12", 1_000, 12_000),
            ("7", 1, 7),
            ("0.9", 1, 0),
        ] {
            assert_eq!(integer_from_decimal(text, unit), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_large_is_none() {
        for text in [
            "",
            ".",
            ",",
            "-1",
            "1.2.3",
            "1e99",
            "e5",
            "x",
            "99999999999999999999",
            "9223372036854775808",
        ] {
            assert_eq!(integer_from_decimal(text, 1), None, "{text}");
        }
    }
}
