//! The page of metrics by HTTP: `GET /metrics`, and `GET /-/healthy` for probes; and further pages, for people.
//!
//! Names of topics and causes are for those who run the broker: it listens on loopback only, unless there is a token that
//! a client must show, or somebody says that anybody may read metrics. Pages for people are on loopback, or take a token
//! and TLS. On loopback a request must name an address or `localhost` as its host, so that no web page reads it by a name
//! of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::get;

use crate::access::{Access, is_by_address};
use crate::error::{Error, Result};
use crate::server::{Refusal, Server};
use crate::text::Form;

/// What programs read at fixed times: no reader of pages takes their places.
const APART: &[&str] = &["/metrics", HEALTHY];
/// What probes ask, who show no token.
const HEALTHY: &str = "/-/healthy";

/// Makes the page of metrics.
pub type Page = Arc<dyn Fn(Form) -> String + Send + Sync>;

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    server: Server,
    is_encrypted: bool,
    shows_pages: bool,
}

/// What decides who is answered.
#[derive(Debug)]
struct Door {
    access: Access,
    is_loopback: bool,
    shows_pages: bool,
}

impl Endpoint {
    /// Listens on an address; port 0 is any that is free.
    ///
    /// # Errors
    /// When everybody could read there and nobody said so, or the address cannot be had.
    pub fn listen(address: SocketAddr, access: Access, page: Page) -> Result<Self> {
        Self::open(address, access, page, None)
    }

    /// The same with pages for people, where these may be shown ([`Access::lets_pages`]).
    ///
    /// # Errors
    /// As those of [`Self::listen`].
    pub fn listen_with(
        address: SocketAddr,
        access: Access,
        page: Page,
        pages: Router,
    ) -> Result<Self> {
        Self::open(address, access, page, Some(pages))
    }

    fn open(
        address: SocketAddr,
        access: Access,
        page: Page,
        pages: Option<Router>,
    ) -> Result<Self> {
        let is_loopback = address.ip().is_loopback();
        if !is_loopback && access.token.is_none() && !access.is_open {
            return Err(Error::Refused(format!(
                "{address} is not on loopback, and everybody who reaches it could read names of topics: listen on \
                 127.0.0.1:PORT, give --token-file, or say --listen-openly"
            )));
        }
        let pages = pages.filter(|_| access.lets_pages(is_loopback));
        let (shows_pages, certificate) = (pages.is_some(), access.certificate.clone());
        let is_encrypted = certificate.is_some();
        let door = Door {
            access,
            is_loopback,
            shows_pages,
        };
        let metrics = get(move |headers: HeaderMap| {
            let accept = headers.get(ACCEPT).and_then(|it| it.to_str().ok());
            let form = Form::accepted(accept.unwrap_or_default());
            let text = page(form);
            async move { ([(CONTENT_TYPE, form.content_type())], text) }
        });
        let expected = match shows_pages {
            true => "expected GET / or GET /metrics\n",
            false => "expected GET /metrics\n",
        };
        let router = pages
            .unwrap_or_default()
            .route("/metrics", metrics)
            .fallback(move || async move { (StatusCode::NOT_FOUND, expected) })
            .route(HEALTHY, get(|| async { "ok\n" }))
            .layer(map_response(async |response: Response| guarded(response)));
        let refusal: Refusal = Box::new(move |request| {
            let path = request.uri().path();
            door.refusal(path, request.headers()).map(guarded)
        });
        Ok(Self {
            server: Server::listen_to(address, certificate, (router, refusal), APART)?,
            is_encrypted,
            shows_pages,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The beginning of its addresses: `http://127.0.0.1:9464`.
    pub fn url(&self) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// Whether the pages for people are shown.
    pub fn shows_pages(&self) -> bool {
        self.shows_pages
    }
}

impl Door {
    /// What is said to who is not answered: to a web page that asks by a name of its own, and to who does not show the
    /// token, where there is one.
    fn refusal(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        if self.is_loopback && !is_by_address(headers) {
            let words = "expected an address or localhost as the host\n";
            return Some((StatusCode::FORBIDDEN, words).into_response());
        }
        if path == HEALTHY || self.access.lets(headers) {
            return None;
        }
        // A browser asks for a password where it may be one.
        let mut ways = vec![(WWW_AUTHENTICATE, "Bearer")];
        if self.shows_pages {
            ways.push((WWW_AUTHENTICATE, "Basic realm=\"kcorr\""));
        }
        let words = "expected the token\n";
        Some((StatusCode::UNAUTHORIZED, AppendHeaders(ways), words).into_response())
    }
}

/// Says of an answer who may do what with it.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn asked(address: SocketAddr, words: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(words.replace('\n', "\r\n").as_bytes())
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    fn page() -> Page {
        Arc::new(|form| format!("{form:?}"))
    }

    fn pages() -> Router {
        Router::new().route("/", get(|| async { "a page" }))
    }

    #[test]
    fn it_answers_on_loopback_in_the_form_that_is_accepted() {
        let address = "127.0.0.1:0".parse().unwrap();
        let endpoint = Endpoint::listen(address, Access::default(), page()).unwrap();
        let asked = |words: &str| asked(endpoint.address(), words);
        let text = asked("GET /metrics HTTP/1.1\nHost: localhost:9\n\n");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("\r\ncontent-type: text/plain; version=0.0.4"));
        assert!(text.ends_with("\r\n\r\nPrometheus"));
        let text = asked(
            "GET /metrics?x=y HTTP/1.1\nHost: 127.0.0.1\nAccept: application/openmetrics-text\n\n",
        );
        assert!(text.ends_with("OpenMetrics"), "{text}");
        for (words, status) in [
            ("GET /metrics HTTP/1.1\nHost: evil.example\n\n", "403"),
            ("POST /metrics HTTP/1.1\nHost: [::1]:9\n\n", "405"),
            ("GET / HTTP/1.1\nHost: localhost\n\n", "404"),
            ("GET /-/healthy HTTP/1.0\n\n", "200"),
            ("hello\n\n", "400"),
        ] {
            let text = asked(words);
            assert!(
                text.starts_with(&format!("HTTP/1.1 {status} "))
                    || text.starts_with(&format!("HTTP/1.0 {status} ")),
                "{words}: {text}"
            );
        }
    }

    #[test]
    fn elsewhere_it_wants_a_token_or_to_be_told() {
        let address: SocketAddr = "0.0.0.0:0".parse().unwrap();
        let said = Endpoint::listen(address, Access::default(), page()).unwrap_err();
        assert!(said.to_string().contains("--token-file"), "{said}");
        let access = Access {
            token: Some("abc".to_owned()),
            ..Access::default()
        };
        let endpoint = Endpoint::listen_with(address, access, page(), pages()).unwrap();
        let here = SocketAddr::from(([127, 0, 0, 1], endpoint.address().port()));
        let text = asked(here, "GET /metrics HTTP/1.1\nHost: broker.example\n\n");
        assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
        assert!(!text.contains("Basic"), "{text}");
        let head = "HTTP/1.1\nHost: broker.example\nauthorization: Bearer abc\n\n";
        let text = asked(here, &format!("GET /metrics {head}"));
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
        // Not without TLS.
        let text = asked(here, &format!("GET / {head}"));
        assert!(text.starts_with("HTTP/1.1 404 "), "{text}");
        assert!(!endpoint.shows_pages());
    }

    #[test]
    fn elsewhere_pages_are_shown_by_tls_to_who_has_the_token() {
        use crate::test_certificate::{asked, certificate};
        let address: SocketAddr = "0.0.0.0:0".parse().unwrap();
        let by_tls = |token: Option<&str>, is_open| Access {
            token: token.map(str::to_owned),
            is_open,
            certificate: Some(certificate()),
        };
        let said = Endpoint::listen_with(address, by_tls(None, false), page(), pages());
        assert!(said.unwrap_err().to_string().contains("--token-file"));
        let open = Endpoint::listen_with(address, by_tls(None, true), page(), pages()).unwrap();
        assert!(!open.shows_pages());
        let access = by_tls(Some("abc"), false);
        let endpoint = Endpoint::listen_with(address, access, page(), pages()).unwrap();
        assert!(endpoint.shows_pages() && endpoint.url().starts_with("https://0.0.0.0:"));
        let here = SocketAddr::from(([127, 0, 0, 1], endpoint.address().port()));
        for (head, expected) in [
            ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 401 "),
            (
                "GET / HTTP/1.1\r\nauthorization: Bearer abd\r\n\r\n",
                "HTTP/1.1 401 ",
            ),
            (
                "GET / HTTP/1.1\r\nauthorization: Bearer abc\r\n\r\n",
                "HTTP/1.1 200 ",
            ),
            ("GET /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 401 "),
        ] {
            let text = asked(here, head);
            assert!(text.starts_with(expected), "{head}: {text}");
        }
        // Who does not speak TLS is answered nothing that it could read.
        let mut stream = TcpStream::connect(here).unwrap();
        let words = "GET / HTTP/1.1\r\nauthorization: Bearer abc\r\n\r\n";
        stream.write_all(words.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        assert!(!String::from_utf8_lossy(&bytes).contains("HTTP"));
    }

    #[test]
    fn pages_are_shown_here_and_nobody_frames_or_keeps_them() {
        let address = "127.0.0.1:0".parse().unwrap();
        let token = Some("abc".to_owned());
        let access = Access {
            token,
            ..Access::default()
        };
        let endpoint = Endpoint::listen_with(address, access, page(), pages()).unwrap();
        let text = asked(endpoint.address(), "GET / HTTP/1.1\n\n");
        assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
        assert!(text.contains("www-authenticate: Basic realm=\"kcorr\"\r\n"));
        let words = "GET / HTTP/1.1\nAuthorization: Basic OmFiYw==\n\n";
        let text = asked(endpoint.address(), words);
        assert!(text.ends_with("\r\n\r\na page"), "{text}");
        for header in ["cache-control: no-store", "x-frame-options: DENY"] {
            assert!(text.contains(header), "{text}");
        }
        let words = "GET / HTTP/1.1\nHost: evil.example\nAuthorization: Basic OmFiYw==\n\n";
        let text = asked(endpoint.address(), words);
        assert!(text.starts_with("HTTP/1.1 403 "), "{text}");
    }
}
