//! A file with a token: of who reads figures, and of who asks workers.

use std::path::Path;

use anyhow::{Context, bail};

/// The token in a file.
pub(crate) fn token_in(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    match text.trim() {
        "" => bail!("{} has no token", file.display()),
        token => Ok(token.to_owned()),
    }
}
