//! The page of metrics by HTTP: `GET /metrics`, and `GET /-/healthy` for probes.
//!
//! Names of topics and causes are for those who run the broker: it listens on loopback only, unless there is a token that
//! a client must show, or somebody says that anybody may read. On loopback a request must name an address or `localhost`
//! as its host, so that no web page reads it by a name of its own. Few connections are answered at a time, and each has a
//! moment for its request and one for its answer: whoever takes longer is not waited for.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::request_head::RequestHead;
use crate::text::Form;

const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that are answered at a time; others are closed.
const MOST_AT_ONCE: usize = 8;

/// Makes the page.
pub type Page = Arc<dyn Fn(Form) -> String + Send + Sync>;

/// Who may read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// What a client must show: `Authorization: Bearer TOKEN`.
    pub token: Option<String>,
    /// Whether anybody may who can reach it.
    pub is_open: bool,
}

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    is_ended: Arc<AtomicBool>,
}

struct Shared {
    page: Page,
    access: Access,
    is_loopback: bool,
    at_once: AtomicUsize,
}

/// One of the connections that are answered, until it is dropped.
struct Answering(Arc<Shared>);

impl Answering {
    fn begin(shared: &Arc<Shared>) -> Option<Self> {
        let before = shared.at_once.fetch_add(1, Ordering::Relaxed);
        let answering = Self(Arc::clone(shared));
        (before < MOST_AT_ONCE).then_some(answering)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Endpoint {
    /// Listens on an address; port 0 is any that is free.
    ///
    /// # Errors
    /// When everybody could read there and nobody said so, or the address cannot be had.
    pub fn listen(address: SocketAddr, access: Access, page: Page) -> Result<Self> {
        let is_loopback = address.ip().is_loopback();
        if !is_loopback && access.token.is_none() && !access.is_open {
            return Err(Error::Refused(format!(
                "{address} is not on loopback, and everybody who reaches it could read names of topics: listen on \
                 127.0.0.1:PORT, give --token-file, or say --listen-openly"
            )));
        }
        let cannot = |error| Error::Address(format!("cannot listen on {address}"), error);
        let listener = TcpListener::bind(address).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let is_ended = Arc::<AtomicBool>::default();
        let ended = Arc::clone(&is_ended);
        let shared = Arc::new(Shared {
            page,
            access,
            is_loopback,
            at_once: AtomicUsize::new(0),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(stream) = stream else {
                    // Out of descriptors, for a moment.
                    std::thread::sleep(Duration::from_millis(100));
                    continue;
                };
                let Some(answering) = Answering::begin(&shared) else {
                    continue;
                };
                // Where no thread can be had, this one is not answered.
                let _ = std::thread::Builder::new().spawn(move || answer(stream, &answering.0));
            }
        });
        Ok(Self { address, is_ended })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.is_ended.store(true, Ordering::Relaxed);
        // Wakes the thread, which then ends.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let request = RequestHead::read(&mut stream, PATIENCE)?;
    let (status, more, kind, body) = match judge(request.as_ref(), shared) {
        Answer::Metrics(form) => ("200 OK", "", form.content_type(), (shared.page)(form)),
        Answer::Healthy => ("200 OK", "", PLAIN, "ok\n".to_owned()),
        Answer::NoRequest => (
            "400 Bad Request",
            "",
            PLAIN,
            "expected GET /metrics\n".to_owned(),
        ),
        Answer::NotYou => (
            "401 Unauthorized",
            "WWW-Authenticate: Bearer\r\n",
            PLAIN,
            "expected the token\n".to_owned(),
        ),
        Answer::NotByName => (
            "403 Forbidden",
            "",
            PLAIN,
            "expected an address or localhost as the host\n".to_owned(),
        ),
        Answer::NotHere => (
            "404 Not Found",
            "",
            PLAIN,
            "expected GET /metrics\n".to_owned(),
        ),
        Answer::NotSo => (
            "405 Method Not Allowed",
            "Allow: GET\r\n",
            PLAIN,
            "expected GET /metrics\n".to_owned(),
        ),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\n{more}Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    write(&mut stream, &[head.as_bytes(), body.as_bytes()].concat())
}

/// Writes all of it, or as much as is taken in time.
fn write(stream: &mut TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    let begun = Instant::now();
    while !bytes.is_empty() {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        stream.set_write_timeout(Some(left))?;
        match stream.write(bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

const PLAIN: &str = "text/plain; charset=utf-8";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Metrics(Form),
    Healthy,
    NoRequest,
    NotYou,
    NotByName,
    NotHere,
    NotSo,
}

fn judge(request: Option<&RequestHead>, shared: &Shared) -> Answer {
    let Some(request) = request else {
        return Answer::NoRequest;
    };
    if shared.is_loopback && !request.is_by_address() {
        return Answer::NotByName;
    }
    let is_get = request.method == "GET";
    match request.path.split('?').next().unwrap_or_default() {
        "/-/healthy" if is_get => Answer::Healthy,
        "/metrics" if is_get => match &shared.access.token {
            Some(token) if !is_shown(token, &request.authorization) => Answer::NotYou,
            _ => Answer::Metrics(Form::accepted(&request.accept)),
        },
        "/metrics" | "/-/healthy" => Answer::NotSo,
        _ => Answer::NotHere,
    }
}

/// Whether a header shows the token; how much of it is right tells no time.
fn is_shown(token: &str, authorization: &str) -> bool {
    let shown = authorization
        .strip_prefix("Bearer ")
        .unwrap_or_default()
        .trim()
        .as_bytes();
    let token = token.as_bytes();
    let mut differs = token.len() ^ shown.len();
    for (at, byte) in token.iter().enumerate() {
        differs |= usize::from(byte ^ shown.get(at).copied().unwrap_or(0));
    }
    differs == 0
}

#[cfg(test)]
mod tests {
    use std::io::Read;

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

    #[test]
    fn it_answers_on_loopback_in_the_form_that_is_accepted() {
        let address = "127.0.0.1:0".parse().unwrap();
        let endpoint = Endpoint::listen(address, Access::default(), page()).unwrap();
        let asked = |words: &str| asked(endpoint.address(), words);
        let text = asked("GET /metrics HTTP/1.1\nHost: localhost:9\n\n");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"));
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
                text.starts_with(&format!("HTTP/1.1 {status} ")),
                "{words}: {text}"
            );
        }
    }

    #[test]
    fn one_who_reads_slowly_is_not_waited_for() {
        let large: Page = Arc::new(|_| "x".repeat(32 << 20));
        let address = "127.0.0.1:0".parse().unwrap();
        let endpoint = Endpoint::listen(address, Access::default(), large).unwrap();
        let mut slow: Vec<TcpStream> = Vec::new();
        for _ in 0..MOST_AT_ONCE {
            let mut stream = TcpStream::connect(endpoint.address()).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
            slow.push(stream);
        }
        let begun = Instant::now();
        loop {
            // Each takes a little now and then, so that none stands still for long.
            for stream in &mut slow {
                let _ = stream.read(&mut [0; 1 << 16]);
            }
            let mut stream = TcpStream::connect(endpoint.address()).unwrap();
            let mut text = String::new();
            let asked = stream.write_all(b"GET /-/healthy HTTP/1.1\r\n\r\n");
            if asked
                .and_then(|()| stream.read_to_string(&mut text))
                .is_ok()
                && text.ends_with("ok\n")
            {
                break;
            }
            assert!(begun.elapsed() < 4 * PATIENCE, "nobody else is answered");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    #[test]
    fn elsewhere_it_wants_a_token_or_to_be_told() {
        let address: SocketAddr = "0.0.0.0:0".parse().unwrap();
        let said = Endpoint::listen(address, Access::default(), page()).unwrap_err();
        assert!(said.to_string().contains("--token-file"), "{said}");
        let access = Access {
            token: Some("abc".to_owned()),
            is_open: false,
        };
        let endpoint = Endpoint::listen(address, access, page()).unwrap();
        let here = SocketAddr::from(([127, 0, 0, 1], endpoint.address().port()));
        let text = asked(here, "GET /metrics HTTP/1.1\nHost: broker.example\n\n");
        assert!(text.starts_with("HTTP/1.1 401 "), "{text}");
        for wrong in ["ab", "abd", "abcd", ""] {
            assert!(!is_shown("abc", &format!("Bearer {wrong}")), "{wrong}");
        }
        let words = "GET /metrics HTTP/1.1\nHost: broker.example\nauthorization: Bearer abc\n\n";
        assert!(asked(here, words).starts_with("HTTP/1.1 200 "));
    }
}
