//! How much memory queries may take: the same option in every command that runs some.

use clap::Args;
use kcorr_engine::SessionOptions;

/// Options of a command that runs queries.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Memory {
    /// Memory for the rows that queries hold, for example 512MB; what does not fit goes into
    /// temporary files
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory_limit: Option<usize>,
}

impl Memory {
    /// What a session may take.
    pub(crate) fn options(&self) -> SessionOptions {
        let mut options = SessionOptions::default();
        options.memory_limit_bytes = self.memory_limit;
        options
    }
}

/// A number of bytes with a unit: `512MB`, `2GiB`, `1000000`.
pub(super) fn size(text: &str) -> Result<usize, String> {
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
        assert_eq!(size("256MB"), Ok(256_000_000));
        assert_eq!(size("2 GiB"), Ok(2 << 30));
        assert_eq!(size("1000"), Ok(1000));
        for bad in ["", "MB", "1.5GB", "0", "5 parsecs", "99999999999GiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
