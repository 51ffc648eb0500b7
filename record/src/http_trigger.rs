//! Dumps that are asked for by HTTP: `POST /dump` on an address of loopback, which an alert's webhook or a script calls.
//!
//! Whoever may open connections on the machine may ask, so it listens on loopback only; the cap on dumps a day bounds
//! what they can ask for. Requests of web pages (they say their origin) are refused. Nothing else is served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use kcorr_exposition::Server;

use crate::error::Error;

/// Listens for requests for a dump, until it is dropped.
#[derive(Debug)]
pub struct HttpTrigger {
    server: Server,
    asked: Arc<AtomicU64>,
}

impl HttpTrigger {
    /// Listens on an address of loopback; port 0 is any that is free.
    ///
    /// # Errors
    /// When the address is another, or cannot be had.
    pub fn listen(address: SocketAddr) -> Result<Self, Error> {
        if !address.ip().is_loopback() {
            return Err(Error::address(
                format!("{address} is not on loopback: expected 127.0.0.1:PORT or [::1]:PORT"),
                None,
            ));
        }
        let asked = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&asked);
        let dump = move |headers: HeaderMap| {
            let answer = match headers.contains_key(ORIGIN) {
                true => (StatusCode::FORBIDDEN, "web pages may not ask\n"),
                false => {
                    // A client that goes away has its dump all the same.
                    counted.fetch_add(1, Ordering::Relaxed);
                    let words = "a store of the last minutes is made\n";
                    (StatusCode::ACCEPTED, words)
                }
            };
            async move { answer }
        };
        let router = Router::new()
            .route("/dump", post(dump))
            .fallback(async || (StatusCode::NOT_FOUND, "expected POST /dump\n"));
        let server = Server::listen(address, None, router, &[]).map_err(|error| match error {
            kcorr_exposition::Error::Address(words, error) => Error::address(words, Some(error)),
            other => Error::address(other.to_string(), None),
        })?;
        Ok(Self { server, asked })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How many dumps were asked for since this was asked last.
    pub fn take(&self) -> u64 {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    use super::*;

    fn any_port() -> HttpTrigger {
        HttpTrigger::listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
    }

    fn asked(trigger: &HttpTrigger, request: &str) -> String {
        let mut stream = TcpStream::connect(trigger.address()).unwrap();
        // In two pieces.
        let (first, second) = request.as_bytes().split_at(request.len() / 2);
        stream.write_all(first).unwrap();
        stream.flush().unwrap();
        stream.write_all(second).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_post_asks_for_a_dump_and_nothing_else_does() {
        let trigger = any_port();
        let answer = asked(&trigger, "POST /dump HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        assert_eq!((trigger.take(), trigger.take()), (1, 0));
        for (request, status) in [
            ("GET /dump HTTP/1.1\r\n\r\n", "405"),
            ("POST / HTTP/1.1\r\n\r\n", "404"),
            ("POST /dump HTTP/1.1\r\norigin: http://a\r\n\r\n", "403"),
            ("POST /dump SMTP\r\n\r\n", "400"),
        ] {
            let answer = asked(&trigger, request);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request}: {answer}"
            );
        }
        assert_eq!(trigger.take(), 0);
    }

    #[test]
    fn a_client_that_says_nothing_or_too_much_holds_nobody_up() {
        let trigger = any_port();
        let silent = TcpStream::connect(trigger.address()).unwrap();
        let long = format!("POST /dump HTTP/1.1\r\nx: {}", "y".repeat(20_000));
        let mut talker = TcpStream::connect(trigger.address()).unwrap();
        // It may be closed before all of it is sent.
        let _ = talker.write_all(long.as_bytes());
        let answer = asked(&trigger, "POST /dump HTTP/1.0\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.0 202 "), "{answer}");
        assert_eq!(trigger.take(), 1);
        drop((silent, talker));
    }

    #[test]
    fn it_listens_on_loopback_only_and_until_it_is_dropped() {
        for other in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0"] {
            let error = HttpTrigger::listen(other.parse().unwrap()).unwrap_err();
            assert!(error.to_string().contains("not on loopback"), "{error}");
        }
        let trigger = any_port();
        let address = trigger.address();
        assert!(HttpTrigger::listen(address).is_err());
        drop(trigger);
        let begun = Instant::now();
        while TcpStream::connect(address).is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
