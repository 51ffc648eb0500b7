//! Who may ask a worker, and how it is reached beyond loopback.

use std::net::{IpAddr, SocketAddr};

use kcorr_exposition::{Certificate, is_same_secret};
use url::{Host, Url};

use crate::error::{Error, Result};

/// Who may ask a worker.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What it shows itself by: with it all connections are of TLS.
    pub certificate: Option<Certificate>,
    /// Whether it may be reached beyond loopback without TLS.
    pub is_plaintext: bool,
    /// What who asks must show: `Authorization: Bearer TOKEN`.
    pub token: Option<String>,
}

impl Access {
    /// Refuses what would show rows to everybody who reaches an address.
    pub(crate) fn check(&self, address: SocketAddr) -> Result<()> {
        if address.ip().is_loopback() {
            return Ok(());
        }
        if self.token.is_none() {
            return Err(Error::Refused(format!(
                "{address} is not on loopback, and everybody who reaches it could have queries run: give --token-file, or \
                 listen on 127.0.0.1:PORT"
            )));
        }
        if self.certificate.is_none() && !self.is_plaintext {
            return Err(Error::Refused(format!(
                "{address} is not on loopback, and rows and the token would cross the network for all to read: give \
                 --tls-certificate and --tls-key, or say --plaintext"
            )));
        }
        Ok(())
    }

    /// Whether who shows this may ask.
    pub(crate) fn allows(&self, shown: Option<&str>) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let shown = shown.and_then(|shown| shown.strip_prefix("Bearer "));
        shown.is_some_and(|shown| is_same_secret(token.as_bytes(), shown.as_bytes()))
    }
}

/// Whether a URL leads nowhere beyond this host.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn access(token: bool, certificate: bool, is_plaintext: bool) -> Access {
        Access {
            certificate: certificate.then(|| {
                let folder =
                    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests/certificates");
                let read =
                    Certificate::read(&folder.join("worker.pem"), &folder.join("worker.key"));
                read.expect("a certificate")
            }),
            is_plaintext,
            token: token.then(|| "secret".to_owned()),
        }
    }

    #[test]
    fn beyond_loopback_a_worker_has_a_token_and_tls() {
        let loopback: SocketAddr = "127.0.0.1:1".parse().expect("an address");
        let beyond: SocketAddr = "0.0.0.0:1".parse().expect("an address");
        assert!(access(false, false, false).check(loopback).is_ok());
        for (token, certificate, is_plaintext, is_allowed) in [
            (false, false, false, false),
            (false, true, false, false),
            (true, false, false, false),
            (true, false, true, true),
            (true, true, false, true),
        ] {
            let checked = access(token, certificate, is_plaintext).check(beyond);
            assert_eq!(checked.is_ok(), is_allowed, "{checked:?}");
        }
    }

    #[test]
    fn who_shows_another_token_may_not_ask() {
        let access = access(true, false, false);
        assert!(access.allows(Some("Bearer secret")));
        for shown in [
            None,
            Some("secret"),
            Some("Bearer secre"),
            Some("Bearer secreT"),
        ] {
            assert!(!access.allows(shown), "{shown:?}");
        }
    }
}
