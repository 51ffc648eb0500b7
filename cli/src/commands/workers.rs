//! Which workers a command asks: the same options in every command that asks for rows of a store.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anyhow::bail;
use clap::Args;
use kcorr_engine::SessionOptions;
use kcorr_workers::WorkersOptions;
use url::Url;

use crate::commands::runtime;
use crate::commands::token_file::token_in;
use crate::screen::Screen;

/// Options of who asks workers.
#[derive(Debug, Default, Args)]
pub(crate) struct Workers {
    /// Where brokers' parts of queries are run, for a store of several brokers: the URLs of workers (see `kcorr worker`)
    #[arg(
        long = "workers",
        global = true,
        value_name = "URL",
        value_delimiter = ','
    )]
    urls: Vec<Url>,

    /// Ask the other workers what one was asked that does not answer any more; without it the query fails
    #[arg(long, global = true)]
    retry: bool,

    /// Certificates (PEM) that those of the workers rest on, besides those that the system trusts
    #[arg(long, global = true, value_name = "FILE")]
    workers_ca: Option<PathBuf>,

    /// A file with the token that the workers are shown
    #[arg(long, global = true, value_name = "FILE")]
    workers_token_file: Option<PathBuf>,

    /// Ask workers beyond loopback without TLS
    #[arg(long, global = true)]
    workers_plaintext: bool,

    /// Those that are asked, once something is.
    #[arg(skip)]
    asked: OnceLock<Arc<kcorr_workers::Workers>>,
}

impl Workers {
    /// Whether some are to be asked.
    pub(crate) fn are_named(&self) -> bool {
        !self.urls.is_empty()
    }

    /// Refuses options that have no effect without workers.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let is_other = self.retry
            || self.workers_ca.is_some()
            || self.workers_token_file.is_some()
            || self.workers_plaintext;
        if is_other && !self.are_named() {
            bail!("options of workers have no effect without --workers");
        }
        Ok(())
    }

    /// Lets the parts of a session be run by them, if there are any.
    pub(crate) fn take_part(&self, options: &mut SessionOptions) -> anyhow::Result<()> {
        if !self.are_named() {
            return Ok(());
        }
        let asked = match self.asked.get() {
            Some(asked) => asked,
            None => {
                let token = self.workers_token_file.as_deref();
                let workers = kcorr_workers::Workers::new(WorkersOptions {
                    urls: self.urls.clone(),
                    retries: self.retry,
                    is_plaintext: self.workers_plaintext,
                    authority: self.workers_ca.clone(),
                    token: token.map(token_in).transpose()?,
                })?;
                self.asked.get_or_init(|| Arc::new(workers))
            }
        };
        options.elsewhere = Some(Arc::clone(asked) as _);
        Ok(())
    }

    /// Lets the workers go, and says what happened to them.
    pub(crate) fn end(&self, screen: &Screen) -> anyhow::Result<()> {
        let Some(asked) = self.asked.get() else {
            return Ok(());
        };
        for text in asked.take_said() {
            screen.note(&format!("({text})"));
        }
        if !asked.are_asked() {
            screen.note("(no worker was asked: it is no query of each broker by itself, or the store has recordings of one)");
            return Ok(());
        }
        let (sent, received) = asked.shipped_bytes();
        screen.detail(&format!(
            "workers: {sent} bytes sent, {received} bytes received"
        ));
        runtime()?.block_on(asked.end());
        Ok(())
    }
}
