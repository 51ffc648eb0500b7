//! An error in one line: what was being done, and why it failed.

use std::error::Error;
use std::fmt::Write as _;

/// The text of an error and of all its causes. What a text has said already, its cause's is not said again:
/// some errors have their cause in their own text.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            let _ = write!(text, ": {reason}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn every_reason_is_told_once() {
        let full = io::Error::other("No space left on device");
        let error = Err::<(), _>(full)
            .context("cannot write a.parquet")
            .context("output failed: cannot write a.parquet")
            .unwrap_err();
        assert_eq!(
            with_causes(error.as_ref()),
            "output failed: cannot write a.parquet: No space left on device"
        );
        assert_eq!(with_causes(anyhow!("alone").as_ref()), "alone");
    }
}
