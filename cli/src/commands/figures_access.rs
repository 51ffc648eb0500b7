//! Who may read the figures that a command shows on a port.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use kcorr_exposition::Access;

/// Who may read figures, of the commands that show them.
#[derive(Debug, Args)]
pub(crate) struct FiguresAccess {
    /// A file with the token that readers of metrics must show (Authorization: Bearer); needed beyond loopback
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Let everybody read metrics who reaches the address
    #[arg(long, conflicts_with = "token_file")]
    listen_openly: bool,
}

impl FiguresAccess {
    pub(crate) fn access(&self) -> anyhow::Result<Access> {
        Ok(Access {
            token: self.token()?,
            is_open: self.listen_openly,
        })
    }

    fn token(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.token_file else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        match text.trim() {
            "" => bail!("{} has no token", path.display()),
            token => Ok(Some(token.to_owned())),
        }
    }
}
