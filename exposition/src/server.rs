//! Answers requests by HTTP 1, few at a time.
//!
//! A connection has one request, a moment to send it and one to take the answer: whoever takes longer is not waited for.
//! It runs on a thread of its own, and ends when it is dropped.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;
use crate::error::{Error, Result};

/// The time for a request's head, and for a handshake.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time for what makes an answer.
const MAKING: Duration = Duration::from_secs(300);
/// The time for sending it.
const SENDING: Duration = Duration::from_secs(15);
/// Connections that are answered at a time; others are closed.
const MOST_AT_ONCE: usize = 16;
/// Bytes of what is read ahead: a request's head has no more.
const MOST_HEAD_BYTES: usize = 16 << 10;

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    #[expect(dead_code, reason = "ends the server when it is dropped")]
    end: oneshot::Sender<()>,
}

impl Server {
    /// Listens on an address, by TLS where there is a certificate; port 0 is any that is free.
    ///
    /// # Errors
    /// When the address, or a thread, cannot be had.
    pub fn listen(
        address: SocketAddr,
        certificate: Option<Certificate>,
        router: Router,
    ) -> Result<Self> {
        let cannot = |error| Error::Address(format!("cannot listen on {address}"), error);
        let listener = TcpListener::bind(address).map_err(cannot)?;
        listener.set_nonblocking(true).map_err(cannot)?;
        let bound = listener.local_addr().map_err(cannot)?;
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_io().enable_time().build().map_err(cannot)?;
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("http".to_owned());
        let run = move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                    return;
                };
                tokio::select! {
                    () = accept(listener, certificate, router) => {}
                    _ = ended => {}
                }
            });
            // What still makes an answer is not waited for.
            runtime.shutdown_background();
        };
        thread.spawn(run).map_err(cannot)?;
        Ok(Self {
            address: bound,
            end,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    certificate: Option<Certificate>,
    router: Router,
) {
    let places = Arc::new(Semaphore::new(MOST_AT_ONCE));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, for a moment.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let tls = certificate
            .as_ref()
            .map(|it| TlsAcceptor::from(it.config()));
        let router = router.clone();
        tokio::spawn(async move {
            match tls {
                None => answer(stream, router).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(PATIENCE, tls.accept(stream)).await {
                        answer(stream, router).await;
                    }
                }
            }
            drop(place);
        });
    }
}

/// Answers the one request of a connection.
async fn answer<S>(stream: S, router: Router)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (is_asked, is_made) = (Notify::new(), Notify::new());
    let service = TowerToHyperService::new(router);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        is_asked.notify_one();
        let answer = service.call(request);
        let is_made = &is_made;
        async move {
            let answer = answer.await;
            is_made.notify_one();
            answer
        }
    });
    let mut builder = http1::Builder::new();
    builder.keep_alive(false).max_buf_size(MOST_HEAD_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    for (step, patience) in [(&is_asked, PATIENCE), (&is_made, MAKING)] {
        tokio::select! {
            _ = connection.as_mut() => return,
            in_time = timeout(patience, step.notified()) => if in_time.is_err() {
                return;
            },
        }
    }
    // Whether it was taken is its reader's matter.
    let _ = timeout(SENDING, connection).await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Instant;

    use axum::routing::get;

    use super::*;

    #[test]
    fn one_who_reads_slowly_is_not_waited_for() {
        let router = Router::new()
            .route("/large", get(|| async { "x".repeat(32 << 20) }))
            .route("/", get(|| async { "ok\n" }));
        let address = "127.0.0.1:0".parse().unwrap();
        let server = Server::listen(address, None, router).unwrap();
        let mut slow: Vec<TcpStream> = Vec::new();
        for _ in 0..MOST_AT_ONCE {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream.write_all(b"GET /large HTTP/1.1\r\n\r\n").unwrap();
            slow.push(stream);
        }
        let begun = Instant::now();
        loop {
            // Each takes a little now and then, so that none stands still for long.
            for stream in &mut slow {
                let _ = stream.read(&mut [0; 1 << 10]);
            }
            let mut stream = TcpStream::connect(server.address()).unwrap();
            let mut text = String::new();
            let asked = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
            let answered = asked.and_then(|()| stream.read_to_string(&mut text));
            if answered.is_ok() && text.ends_with("ok\n") {
                break;
            }
            assert!(begun.elapsed() < 2 * SENDING, "nobody else is answered");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(begun.elapsed() > PATIENCE, "the slow ones had no time");
    }

    #[test]
    fn one_who_says_nothing_is_not_waited_for() {
        let address = "127.0.0.1:0".parse().unwrap();
        let server = Server::listen(address, None, Router::new()).unwrap();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let begun = Instant::now();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        assert_eq!(text, "");
        assert!(begun.elapsed() < 2 * PATIENCE);
    }
}
