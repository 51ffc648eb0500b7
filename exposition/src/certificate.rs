//! What an address proves to be, by TLS.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Error, Result};

/// The time between looks whether the certificate was renewed.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A certificate with its key, from two files, which are read again when the first is replaced.
#[derive(Clone)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    read: Arc<Mutex<Read>>,
}

struct Read {
    config: Arc<ServerConfig>,
    changed: Option<SystemTime>,
    looked: Instant,
}

impl Certificate {
    /// Reads a chain of certificates, the server's own first, and its private key, both PEM.
    ///
    /// # Errors
    /// When a file cannot be read or has no such thing, or the key is another's.
    pub fn read(chain: &Path, key: &Path) -> Result<Self> {
        let read = Read {
            config: config(chain, key)?,
            changed: changed(chain),
            looked: Instant::now(),
        };
        Ok(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            read: Arc::new(Mutex::new(read)),
        })
    }

    /// What a connection that begins now is answered with. Files that cannot be read now leave what was.
    pub fn config(&self) -> Arc<ServerConfig> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.looked.elapsed() >= LOOK_EVERY {
            self.look(&mut read);
        }
        Arc::clone(&read.config)
    }

    fn look(&self, read: &mut Read) {
        read.looked = Instant::now();
        let now = changed(&self.chain);
        if now != read.changed
            && let Ok(config) = config(&self.chain, &self.key)
        {
            (read.config, read.changed) = (config, now);
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.chain.display())
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

fn config(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let cannot = |path: &Path, why: &dyn fmt::Display| {
        Error::Certificate(format!("cannot use {}: {why}", path.display()))
    };
    let certificates = CertificateDer::pem_file_iter(chain).and_then(Iterator::collect);
    let certificates: Vec<CertificateDer<'static>> =
        certificates.map_err(|error| cannot(chain, &error))?;
    if certificates.is_empty() {
        return Err(cannot(chain, &"expected certificates as PEM, found none"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| cannot(key, &error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = builder
        .with_safe_default_protocol_versions()
        .and_then(|it| {
            it.with_no_client_auth()
                .with_single_cert(certificates, private)
        });
    let mut config = config.map_err(|error| cannot(chain, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;

    use super::*;
    use crate::server::Server;
    use crate::test_certificate::{asked, certificate};

    #[test]
    fn a_client_that_knows_the_certificate_is_answered_by_tls() {
        let router = Router::new().route("/", get(|| async { "a page" }));
        let address = "127.0.0.1:0".parse().unwrap();
        let certificate = Some(certificate());
        let server = Server::listen(address, certificate, router, &[]).unwrap();
        let answer = asked(server.address(), "GET / HTTP/1.1\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.ends_with("a page"), "{answer}");
    }

    #[test]
    fn what_is_no_certificate_is_said_with_its_file() {
        let missing = Path::new("/nonexistent/chain.pem");
        let said = Certificate::read(missing, missing).unwrap_err().to_string();
        assert!(said.contains("/nonexistent/chain.pem"), "{said}");
        let said = Certificate::read(Path::new("/dev/null"), missing).unwrap_err();
        assert!(said.to_string().contains("found none"), "{said}");
    }
}
