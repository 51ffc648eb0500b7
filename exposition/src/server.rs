//! Answers requests by HTTP 1, few at a time.
//!
//! A connection has one request, a moment to send it and one to take the answer: whoever takes longer is not waited for.
//! Nobody keeps others out by being slow: who has said nothing yet has a place only as long as nobody else wants it, and
//! paths that programs read at fixed times ([`Server::listen`]) have places that no other request takes; and who may not ask
//! takes none. It runs on a thread of its own, and ends when it is dropped.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;
use crate::error::{Error, Result};
use crate::metered::Metered;
use crate::places::{Place, Room};

/// The time for a request's head, and for a handshake.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time for what makes an answer.
const MAKING: Duration = Duration::from_secs(300);
/// The time for sending so many bytes of it, and so on: a large page may take longer than that, and one who reads it a
/// letter at a time is not waited for.
const SENDING: Duration = Duration::from_secs(15);
const LEAST_SENT_BYTES: u64 = 64 << 10;
/// Connections that have not asked yet at a time; the oldest is closed for one more.
const MOST_ASKING: usize = 64;
/// Requests of paths with places of their own at a time; the oldest is ended for one more.
const MOST_APART: usize = 8;
/// Other requests at a time; one more is told to come again.
const MOST_AT_ONCE: usize = 16;
/// Bytes of what is read ahead: a request's head has no more.
const MOST_HEAD_BYTES: usize = 16 << 10;

/// What is said to who may not ask; nothing to who may.
pub(crate) type Refusal = Box<dyn Fn(&hyper::Request<Incoming>) -> Option<Response> + Send + Sync>;

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    #[expect(dead_code, reason = "ends the server when it is dropped")]
    end: oneshot::Sender<()>,
}

/// What is answered, and who has a place.
struct Rooms {
    router: Router,
    refusal: Refusal,
    paths_apart: &'static [&'static str],
    asking: Arc<Room>,
    apart: Arc<Room>,
    others: Arc<Room>,
}

impl Server {
    /// Listens on an address, by TLS where there is a certificate; port 0 is any that is free. Requests of `paths_apart` have
    /// places of their own.
    ///
    /// # Errors
    /// When the address, or a thread, cannot be had.
    pub fn listen(
        address: SocketAddr,
        certificate: Option<Certificate>,
        router: Router,
        paths_apart: &'static [&'static str],
    ) -> Result<Self> {
        let everybody: Refusal = Box::new(|_| None);
        Self::listen_to(address, certificate, (router, everybody), paths_apart)
    }

    /// The same for those whom a refusal lets.
    pub(crate) fn listen_to(
        address: SocketAddr,
        certificate: Option<Certificate>,
        (router, refusal): (Router, Refusal),
        paths_apart: &'static [&'static str],
    ) -> Result<Self> {
        let cannot = |error| Error::Address(format!("cannot listen on {address}"), error);
        let listener = TcpListener::bind(address).map_err(cannot)?;
        listener.set_nonblocking(true).map_err(cannot)?;
        let bound = listener.local_addr().map_err(cannot)?;
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_io().enable_time().build().map_err(cannot)?;
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("http".to_owned());
        let rooms = Arc::new(Rooms {
            router,
            refusal,
            paths_apart,
            asking: Room::of(MOST_ASKING),
            apart: Room::of(MOST_APART),
            others: Room::of(MOST_AT_ONCE),
        });
        let run = move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                    return;
                };
                tokio::select! {
                    () = accept(listener, certificate, rooms) => {}
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

impl Rooms {
    /// A place for a request; none where all of its kind are taken.
    fn enter(&self, path: &str, leave: &Arc<Notify>) -> Option<Place> {
        match self.paths_apart.contains(&path) {
            true => Some(self.apart.enter_instead(leave)),
            false => self.others.enter(leave),
        }
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    certificate: Option<Certificate>,
    rooms: Arc<Rooms>,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, for a moment.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let leave = Arc::new(Notify::new());
        let place = rooms.asking.enter_instead(&leave);
        let tls = certificate
            .as_ref()
            .map(|it| TlsAcceptor::from(it.config()));
        let rooms = Arc::clone(&rooms);
        tokio::spawn(async move {
            let told = Arc::clone(&leave);
            let answered = async {
                match tls {
                    None => answer(stream, &rooms, place, &leave).await,
                    Some(tls) => {
                        if let Ok(Ok(stream)) = timeout(PATIENCE, tls.accept(stream)).await {
                            answer(stream, &rooms, place, &leave).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = answered => {}
                () = told.notified() => {}
            }
        });
    }
}

/// Answers the one request of a connection, whose place it changes for one of the request's kind.
async fn answer<S>(stream: S, rooms: &Rooms, place: Place, leave: &Arc<Notify>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (is_asked, is_made) = (Notify::new(), Notify::new());
    let place = Mutex::new(place);
    let service = TowerToHyperService::new(rooms.router.clone());
    let service = service_fn(|request: hyper::Request<Incoming>| {
        is_asked.notify_one();
        // One who is refused keeps the place of who has not asked.
        let refused = (rooms.refusal)(&request).or_else(|| {
            let Some(entered) = rooms.enter(request.uri().path(), leave) else {
                return Some(too_many());
            };
            *place.lock().unwrap_or_else(PoisonError::into_inner) = entered;
            None
        });
        let answer = match refused {
            Some(refused) => Err(refused),
            None => Ok(service.call(request)),
        };
        let is_made = &is_made;
        async move {
            let answer = match answer {
                Ok(answer) => answer.await,
                Err(refused) => Ok(refused),
            };
            is_made.notify_one();
            answer
        }
    });
    let mut builder = http1::Builder::new();
    builder.keep_alive(false).max_buf_size(MOST_HEAD_BYTES);
    let (stream, sent) = Metered::of(stream);
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
    let mut sent_before = sent.bytes();
    while timeout(SENDING, connection.as_mut()).await.is_err() {
        let sent_now = sent.bytes();
        if sent_now.saturating_sub(sent_before) < LEAST_SENT_BYTES {
            return;
        }
        sent_before = sent_now;
    }
}

fn too_many() -> Response {
    let words = "too many pages are read at a time: ask again in a moment\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], words).into_response()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Instant;

    use axum::routing::get;

    use super::*;

    /// A server with a large page, and a small one that has places of its own.
    fn server() -> Server {
        let router = Router::new()
            .route("/large", get(|| async { "x".repeat(32 << 20) }))
            .route("/", get(|| async { "a page\n" }))
            .route("/figures", get(|| async { "ok\n" }));
        let address = "127.0.0.1:0".parse().unwrap();
        Server::listen(address, None, router, &["/figures"]).unwrap()
    }

    fn asking(server: &Server, words: &str) -> TcpStream {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(words.as_bytes()).unwrap();
        stream
    }

    /// What a path is answered, or nothing where the connection is closed.
    fn asked(server: &Server, path: &str) -> String {
        let mut text = String::new();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let words = format!("GET {path} HTTP/1.1\r\n\r\n");
        let asked = stream.write_all(words.as_bytes());
        let answered = asked.and_then(|()| stream.read_to_string(&mut text));
        answered.map(|_| text).unwrap_or_default()
    }

    /// The longest that somebody waits for the figures, who asks for a while in which others go on with what they do.
    fn longest_wait(server: &Server, mut others: impl FnMut()) -> Duration {
        let begun = Instant::now();
        let mut longest = Duration::ZERO;
        while begun.elapsed() < PATIENCE / 2 {
            others();
            let asked_at = Instant::now();
            let text = asked(server, "/figures");
            assert!(text.ends_with("ok\n"), "{text}");
            longest = longest.max(asked_at.elapsed());
        }
        longest
    }

    #[test]
    fn who_reads_a_page_slowly_keeps_nobody_from_the_figures() {
        let server = server();
        let mut slow: Vec<TcpStream> = (0..2 * MOST_AT_ONCE)
            .map(|_| asking(&server, "GET /large HTTP/1.1\r\n\r\n"))
            .collect();
        let waited = longest_wait(&server, || {
            // Each takes a little now and then, so that none stands still for long.
            for stream in &mut slow {
                let _ = stream.read(&mut [0; 1 << 10]);
            }
        });
        assert!(waited < PATIENCE / 2, "{waited:?}");
        // Who wants a page is told, and gets it when they are not waited for any longer.
        let text = asked(&server, "/");
        assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
        assert!(text.contains("retry-after: 5"), "{text}");
        let begun = Instant::now();
        while !asked(&server, "/").ends_with("a page\n") {
            assert!(begun.elapsed() < 2 * SENDING, "nobody else is answered");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    #[test]
    fn who_reads_figures_slowly_keeps_nobody_from_them() {
        let router = Router::new()
            .route("/figures", get(|| async { "x".repeat(32 << 20) }))
            .route("/", get(|| async { "a page\n" }));
        let address = "127.0.0.1:0".parse().unwrap();
        let server = Server::listen(address, None, router, &["/figures"]).unwrap();
        let _slow: Vec<TcpStream> = (0..2 * MOST_APART)
            .map(|_| asking(&server, "GET /figures HTTP/1.1\r\n\r\n"))
            .collect();
        let begun = Instant::now();
        let text = asked(&server, "/figures");
        let body = text.split_once("\r\n\r\n").map(|it| it.1.len());
        assert_eq!(body, Some(32 << 20));
        assert!(begun.elapsed() < SENDING / 2, "{:?}", begun.elapsed());
        assert!(asked(&server, "/").ends_with("a page\n"));
    }

    #[test]
    fn who_sends_a_head_slowly_or_nothing_keeps_nobody_out() {
        let server = server();
        let mut slow: Vec<TcpStream> = (0..2 * MOST_ASKING)
            .map(|_| asking(&server, "GET /figures HTTP/1.1\r\nx: "))
            .collect();
        let mut silent: Vec<TcpStream> = (0..MOST_ASKING).map(|_| asking(&server, "")).collect();
        let waited = longest_wait(&server, || {
            for stream in &mut slow {
                let _ = stream.write_all(b"y");
            }
        });
        assert!(waited < PATIENCE / 2, "{waited:?}");
        // Nor is any of them waited for: no letter more or less helps.
        let begun = Instant::now();
        let mut text = String::new();
        for stream in slow.iter_mut().chain(&mut silent) {
            let _ = stream.read_to_string(&mut text);
        }
        assert!(begun.elapsed() < 2 * PATIENCE, "{:?}", begun.elapsed());
        assert_eq!(text, "");
    }

    #[test]
    fn who_may_not_ask_takes_nobody_s_place() {
        let router = Router::new().route("/figures", get(|| async { "x".repeat(32 << 20) }));
        let refusal: Refusal = Box::new(|request| {
            let shows = request.headers().contains_key("x-letter");
            (!shows).then(|| StatusCode::UNAUTHORIZED.into_response())
        });
        let address = "127.0.0.1:0".parse().unwrap();
        let server = Server::listen_to(address, None, (router, refusal), &["/figures"]).unwrap();
        let mut read = asking(&server, "GET /figures HTTP/1.1\r\nx-letter: a\r\n\r\n");
        // It has begun to come.
        read.read_exact(&mut [0; 1 << 10]).unwrap();
        for _ in 0..2 * MOST_APART {
            let text = asked(&server, "/figures");
            assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
        }
        let mut rest = Vec::new();
        read.read_to_end(&mut rest).unwrap();
        assert!(rest.len() > (32 << 20) - (1 << 10), "{}", rest.len());
    }

    #[test]
    fn a_large_page_comes_whole_however_long_it_takes() {
        let server = server();
        let mut stream = asking(&server, "GET /large HTTP/1.1\r\n\r\n");
        let (begun, mut count) = (Instant::now(), 0);
        // Some 1.2 MiB each second.
        let mut piece = vec![0; 1 << 17];
        loop {
            match stream.read(&mut piece).unwrap() {
                0 => break,
                read => count += read,
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(begun.elapsed() > SENDING, "{:?}", begun.elapsed());
        assert!(count > 32 << 20, "{count}");
    }

    #[test]
    fn a_body_that_does_not_come_is_not_waited_for() {
        let server = server();
        let words = "GET /figures HTTP/1.1\r\ncontent-length: 1000000000\r\n\r\nx";
        let mut stream = asking(&server, words);
        let begun = Instant::now();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        assert!(text.ends_with("ok\n"), "{text}");
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }

    #[test]
    fn one_who_says_nothing_is_not_waited_for() {
        let server = server();
        let mut stream = asking(&server, "");
        let begun = Instant::now();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        assert_eq!(text, "");
        assert!(begun.elapsed() < 2 * PATIENCE);
    }
}
