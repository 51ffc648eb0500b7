//! Answers those who may ask, over plain connections or by TLS.
//!
//! Whoever has not shown that it may ask has a moment to do so, a head of bounded size, and a place only as long as nobody
//! else wants it; refused, its connection is closed. One that may is answered as long as it takes, and has half a minute
//! to ask again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use kcorr_exposition::{Certificate, Place, Room};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// How long a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take, and a connection say nothing between two.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long the next bytes of a request may take.
pub(crate) const BYTES_WITHIN: Duration = Duration::from_secs(30);
/// Bytes of a head at most.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// Connections that have not shown that they may ask; the oldest is closed for one more.
const MOST_ASKING: usize = 64;
/// Connections of those who may ask; one more is told so.
const MOST_ADMITTED: usize = 256;

/// What is answered, and who has a place.
#[derive(Debug)]
pub(crate) struct Server<A> {
    router: Router,
    /// What is said to who may not ask.
    refusal: A,
    asking: Arc<Room>,
    admitted: Arc<Room>,
    head_within: Duration,
}

impl<A> Server<A>
where
    A: Fn(&Request<Incoming>) -> Option<Response> + Send + Sync + 'static,
{
    pub(crate) fn of(router: Router, refusal: A) -> Self {
        Self {
            router,
            refusal,
            asking: Room::of(MOST_ASKING),
            admitted: Room::of(MOST_ADMITTED),
            head_within: HEAD_WITHIN,
        }
    }

    /// Answers what a listener accepts, for good; each by the certificate that there is then.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        certificate: Option<Certificate>,
    ) -> std::convert::Infallible {
        let server = Arc::new(self);
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of descriptors, for a moment.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            // Answers are small pieces, which nobody should wait for.
            let _ = stream.set_nodelay(true);
            let leave = Arc::new(Notify::new());
            let place = server.asking.enter_instead(&leave);
            let tls = certificate
                .as_ref()
                .map(|it| TlsAcceptor::from(it.config()));
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let answered = async {
                    match tls {
                        None => server.answer(stream, place, &leave).await,
                        Some(tls) => {
                            let agreed = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await;
                            if let Ok(Ok(stream)) = agreed {
                                server.answer(stream, place, &leave).await;
                            }
                        }
                    }
                };
                tokio::select! {
                    () = answered => {}
                    () = leave.notified() => {}
                }
            });
        }
    }

    /// Answers the requests of a connection.
    async fn answer<S>(&self, stream: S, place: Place, leave: &Arc<Notify>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        // Until it is admitted: the place is another then.
        let place = Mutex::new((place, false));
        let service = TowerToHyperService::new(self.router.clone());
        let service = service_fn(|request: Request<Incoming>| {
            let refused = (self.refusal)(&request).or_else(|| {
                let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
                if !place.1 {
                    let Some(admitted) = self.admitted.enter(leave) else {
                        return Some(too_many());
                    };
                    *place = (admitted, true);
                }
                None
            });
            let answer = match refused {
                Some(refused) => Err(refused),
                None => Ok(service.call(request)),
            };
            async move {
                match answer {
                    Ok(answer) => answer.await,
                    Err(mut refused) => {
                        let close = HeaderValue::from_static("close");
                        refused.headers_mut().insert(CONNECTION, close);
                        Ok(refused)
                    }
                }
            }
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_within)
            .max_buf_size(MOST_HEAD_BYTES);
        // What becomes of it is its client's matter.
        let _ = builder
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }
}

fn too_many() -> Response {
    let words = "too many connections are open";
    (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Instant;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// A server that answers who shows a letter.
    async fn server() -> SocketAddr {
        server_within(HEAD_WITHIN).await
    }

    /// The same with another time for a head.
    async fn server_within(head_within: Duration) -> SocketAddr {
        let router = Router::new().route("/", get(|| async { "ok\n" }));
        let refusal = |request: &Request<Incoming>| {
            let shows = request.headers().contains_key("x-letter");
            (!shows).then(|| (StatusCode::UNAUTHORIZED, "expected a letter").into_response())
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = Server::of(router, refusal);
        server.head_within = head_within;
        tokio::spawn(server.serve(listener, None));
        address
    }

    async fn sent(address: SocketAddr, words: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        stream
    }

    /// What comes until the connection is closed, or nothing more comes for a second.
    async fn came(stream: &mut TcpStream) -> (String, bool) {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let is_closed = tokio::time::timeout(Duration::from_secs(1), read).await;
        (
            String::from_utf8_lossy(&bytes).into_owned(),
            is_closed.is_ok(),
        )
    }

    const LETTER: &str = "GET / HTTP/1.1\r\nx-letter: a\r\n\r\n";

    #[tokio::test]
    async fn who_may_ask_asks_again_and_who_may_not_is_shown_out() {
        let address = server().await;
        let mut may = sent(address, LETTER).await;
        let (text, is_closed) = came(&mut may).await;
        assert!(text.ends_with("ok\n") && !is_closed, "{text}");
        may.write_all(LETTER.as_bytes()).await.unwrap();
        let (text, is_closed) = came(&mut may).await;
        assert!(text.ends_with("ok\n") && !is_closed, "{text}");
        let mut may_not = sent(address, "GET / HTTP/1.1\r\n\r\n").await;
        let (text, is_closed) = came(&mut may_not).await;
        assert!(text.starts_with("HTTP/1.1 401 ") && is_closed, "{text}");
        assert!(text.ends_with("expected a letter"), "{text}");
    }

    #[tokio::test]
    async fn who_says_nothing_or_a_head_without_an_end_keeps_nobody_out() {
        let address = server().await;
        let mut slow = Vec::new();
        for at in 0..4 * MOST_ASKING {
            let words = if at % 2 == 0 {
                ""
            } else {
                "GET / HTTP/1.1\r\nx: "
            };
            slow.push(sent(address, words).await);
        }
        let begun = Instant::now();
        let mut may = sent(address, LETTER).await;
        assert!(came(&mut may).await.0.ends_with("ok\n"));
        assert!(begun.elapsed() < HANDSHAKE, "{:?}", begun.elapsed());
        // The oldest had to go.
        assert_eq!(came(&mut slow[0]).await, (String::new(), true));
    }

    #[tokio::test]
    async fn a_head_is_bounded_in_size() {
        let address = server().await;
        let words = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(4 * MOST_HEAD_BYTES));
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may be closed before all of it was sent.
        let _ = stream.write_all(words.as_bytes()).await;
        let (text, is_closed) = came(&mut stream).await;
        assert!(is_closed, "{text}");
        assert!(
            text.is_empty() || text.starts_with("HTTP/1.1 431 "),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_head_is_bounded_in_time_and_so_is_silence_between_two() {
        let address = server_within(Duration::from_secs(1)).await;
        let mut slow = sent(address, "GET / HTTP/1.1\r\nx: ").await;
        let mut silent = sent(address, LETTER).await;
        // A letter more does not help.
        tokio::time::sleep(Duration::from_millis(700)).await;
        slow.write_all(b"y").await.unwrap();
        assert_eq!(came(&mut slow).await, (String::new(), true));
        let (text, is_closed) = came(&mut silent).await;
        assert!(text.ends_with("ok\n") && is_closed, "{text}");
    }
}
