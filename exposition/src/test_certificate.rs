//! The certificate of tests, and a client that knows whose it is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use crate::certificate::Certificate;

fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    folder.join("../cli/tests/certificates").join(name)
}

/// That of `localhost`.
pub(crate) fn certificate() -> Certificate {
    Certificate::read(&file("worker.pem"), &file("worker.key")).unwrap()
}

/// What a client is answered that takes only that certificate.
pub(crate) fn asked(address: SocketAddr, words: &str) -> String {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(file("authority.pem")).unwrap();
    roots.add(authority).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let mut stream = Stream::new(&mut connection, &mut stream);
    stream.write_all(words.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // A server may close without saying so.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
