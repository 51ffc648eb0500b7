//! Connections to a worker, plain or of TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kcorr_exposition::Certificate;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connections that may agree on keys at a time; others are closed.
const AT_ONCE: usize = 64;

/// Accepts connections of TLS.
pub(crate) struct TlsListener {
    accepted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    /// Of what a listener accepts, each by the certificate that there is then.
    pub(crate) fn new(listener: TcpListener, certificate: Certificate) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (give, accepted) = mpsc::channel(AT_ONCE);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        tokio::spawn(async move {
            // Until the other end is dropped.
            while !give.is_closed() {
                let Ok((stream, peer)) = listener.accept().await else {
                    // Out of descriptors, for a moment.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                // Those that say nothing must not keep others out: what is too much is closed at once.
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    continue;
                };
                let (give, acceptor) = (give.clone(), TlsAcceptor::from(certificate.config()));
                tokio::spawn(async move {
                    let _place = place;
                    let agreed = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = agreed {
                        // Nobody listens any more.
                        let _ = give.send((stream, peer)).await;
                    }
                });
            }
        });
        Ok(Self { accepted, address })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
