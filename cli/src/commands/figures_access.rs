//! Who may read the figures that a command shows on a port.

use std::path::PathBuf;

use clap::Args;
use kcorr_exposition::{Access, Certificate};

use crate::commands::token_file::token_in;

/// Who may read figures, of the commands that show them.
#[derive(Debug, Args)]
pub(crate) struct FiguresAccess {
    /// A file with the token that readers must show (Authorization: Bearer, or as a password); needed beyond loopback
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Let everybody read metrics who reaches the address
    #[arg(long, conflicts_with = "token_file")]
    listen_openly: bool,

    /// Answer by TLS: a file with the certificate and those behind it (PEM), which is read again when it is replaced
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,

    /// A file with the certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
}

impl FiguresAccess {
    pub(crate) fn access(&self) -> anyhow::Result<Access> {
        Ok(Access {
            token: self.token_file.as_deref().map(token_in).transpose()?,
            is_open: self.listen_openly,
            certificate: self.certificate()?,
        })
    }

    fn certificate(&self) -> anyhow::Result<Option<Certificate>> {
        let (Some(chain), Some(key)) = (&self.tls_certificate, &self.tls_key) else {
            return Ok(None);
        };
        Ok(Some(Certificate::read(chain, key)?))
    }
}
