//! A number of bytes on the command line.

/// A number of bytes with a unit: `512MB`, `2GiB`, `1000000`.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let expected = || "expected a size, for example 512MB or 2GiB".to_owned();
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).ok_or_else(expected)?;
    let number: usize = number.parse().map_err(|_| expected())?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return Err(expected()),
    };
    let bytes = number.checked_mul(factor).ok_or_else(expected)?;
    if bytes == 0 {
        Err(expected())
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        assert_eq!(bytes("256MB"), Ok(256_000_000));
        assert_eq!(bytes("2 GiB"), Ok(2 << 30));
        assert_eq!(bytes("1000"), Ok(1000));
        for bad in ["", "MB", "1.5GB", "0", "5 parsecs", "99999999999GiB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
