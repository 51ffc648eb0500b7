//! `kcorr worker`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use kcorr_exposition::Certificate;
use kcorr_store::Store;
use kcorr_workers::Access;

use crate::commands::memory::Memory;
use crate::commands::token_file::token_in;
use crate::commands::{Global, runtime};
use crate::exit::Status;
use crate::screen::Screen;

/// Run the brokers' parts of other machines' queries
///
/// The account of a broker's requests rests on that broker's recordings alone, but for what its followers were in. A worker
/// reads the store that --store names, and computes such parts of it for who asks with --workers; rows of verdicts go
/// over the network. It runs canned queries only, of that store only, for programs of its own version.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr --store s3://bucket/incident.kcorr worker --listen 127.0.0.1:7878
  kcorr --store s3://bucket/incident.kcorr worker --listen 0.0.0.0:7878 --tls-certificate host.pem --tls-key host.key --token-file token
  kcorr --store s3://bucket/incident.kcorr --workers https://host:7878 --workers-token-file token blame

Beyond loopback it asks for a token, and connections are of TLS.")]
pub(crate) struct Worker {
    /// Where it listens; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7878")]
    listen: SocketAddr,

    /// Its certificate, and those that this rests on (PEM); with it all connections are of TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,

    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,

    /// A file with the token that who asks must show; needed beyond loopback
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Listen beyond loopback without TLS
    #[arg(long, conflicts_with = "tls_certificate")]
    plaintext: bool,

    #[command(flatten)]
    memory: Memory,
}

impl Worker {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let store = Store::open(&global.store)?;
        let certificate = self.tls_certificate.as_ref().zip(self.tls_key.as_ref());
        let certificate = certificate.map(|(chain, key)| Certificate::read(chain, key));
        let access = Access {
            certificate: certificate.transpose()?,
            is_plaintext: self.plaintext,
            token: self.token_file.as_deref().map(token_in).transpose()?,
        };
        let scheme = if access.certificate.is_some() {
            "https"
        } else {
            "http"
        };
        // Queries may keep all of their threads busy, and who asks wants to know meanwhile that it is there.
        let queries = runtime()?;
        let service = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let worker = kcorr_workers::Worker::new(
            &global.store,
            self.memory.options(),
            access,
            queries.handle().clone(),
        );
        service.block_on(async {
            let (address, answers) = worker.listen(self.listen).await?;
            screen.note(&format!(
                "runs queries of {} for who asks at {scheme}://{address}",
                store.name()
            ));
            tokio::select! {
                never = answers => match never {},
                ended = tokio::signal::ctrl_c() => anyhow::Ok(ended?),
            }
        })?;
        queries.shutdown_background();
        Ok(Status::Done)
    }
}
