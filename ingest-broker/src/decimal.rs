//! Numbers that people print with a decimal point, in integers.

/// Ns from a decimal number of a unit of 10^`unit_exponent` ns: `34.538` of ms (6) is 34,538,000.
/// Takes a comma for the point, and an exponent (`1.0E7`). Digits below a ns are cut off. `None` when
/// it is no such number or beyond 64 bits; negative numbers are none.
pub(crate) fn ns_from_decimal(text: &str, unit_exponent: i32) -> Option<i64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits = whole.bytes().chain(fraction.bytes());
    let mut value = 0_i128;
    for digit in digits {
        value = value
            .checked_mul(10)?
            .checked_add(i128::from(digit.wrapping_sub(b'0')))?;
    }
    let shift = unit_exponent
        .checked_add(exponent)?
        .checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let factor = 10_i128.checked_pow(shift.unsigned_abs())?;
    let ns = if shift < 0 {
        value.checked_div(factor)?
    } else {
        value.checked_mul(factor)?
    };
    i64::try_from(ns).ok()
}

#[cfg(test)]
mod tests {
    use super::ns_from_decimal;

    #[test]
    fn decimals_become_ns_without_rounding() {
        assert_eq!(ns_from_decimal("34.538", 6), Some(34_538_000));
        assert_eq!(ns_from_decimal("0.0001234", 9), Some(123_400));
        assert_eq!(ns_from_decimal("0,5", 9), Some(500_000_000));
        assert_eq!(ns_from_decimal("1.0E7", 6), Some(10_000_000_000_000));
        assert_eq!(ns_from_decimal("7", 0), Some(7));
        for text in ["", ".", "-1", "1.2.3", "1e99", "99999999999999999999", "x"] {
            assert_eq!(ns_from_decimal(text, 6), None, "{text}");
        }
    }
}
