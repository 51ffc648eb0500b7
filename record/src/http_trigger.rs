//! Dumps that are asked for by HTTP: `POST /dump` on an address of loopback, which an alert's webhook or a script calls.
//!
//! Whoever may open connections on the machine may ask, so it listens on loopback only; the cap on dumps a day bounds
//! what they can ask for. Requests of web pages (they say their origin) are refused. Nothing else is served, and
//! one connection is answered at a time.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kcorr_exposition::RequestHead;

use crate::error::Error;

/// The time that a client has for its request.
const PATIENCE: Duration = Duration::from_secs(2);

/// Listens for requests for a dump, until it is dropped.
#[derive(Debug)]
pub struct HttpTrigger {
    address: SocketAddr,
    asked: Arc<AtomicU64>,
    is_ended: Arc<AtomicBool>,
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
        let cannot = |error| Error::address(format!("cannot listen on {address}"), Some(error));
        let listener = TcpListener::bind(address).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let (asked, is_ended) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (counted, ended) = (Arc::clone(&asked), Arc::clone(&is_ended));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                match stream {
                    // A client that goes away has its dump all the same.
                    Ok(stream) => drop(answer(stream, &counted)),
                    // Out of descriptors, for a moment.
                    Err(_) => std::thread::sleep(Duration::from_millis(100)),
                }
            }
        });
        Ok(Self {
            address,
            asked,
            is_ended,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many dumps were asked for since this was asked last.
    pub fn take(&self) -> u64 {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

impl Drop for HttpTrigger {
    fn drop(&mut self) {
        self.is_ended.store(true, Ordering::Relaxed);
        // Wakes the thread, which then ends; if it cannot be reached it waits on with nothing to count for.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
    }
}

/// Reads a request's head, counts it, and answers.
fn answer(mut stream: TcpStream, asked: &AtomicU64) -> std::io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = RequestHead::read(&mut stream, PATIENCE)?;
    let (status, allow, words) = match judge(request.as_ref()) {
        Answer::Dump => {
            asked.fetch_add(1, Ordering::Relaxed);
            ("202 Accepted", "", "a store of the last minutes is made")
        }
        Answer::NotSo => (
            "405 Method Not Allowed",
            "Allow: POST\r\n",
            "expected POST /dump",
        ),
        Answer::NotHere => ("404 Not Found", "", "expected POST /dump"),
        Answer::NotFromPages => ("403 Forbidden", "", "web pages may not ask"),
        Answer::NoRequest => ("400 Bad Request", "", "expected POST /dump"),
    };
    let length = words.len() + 1;
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{allow}Content-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{words}\n"
    )
}

/// What a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Dump,
    NotSo,
    NotHere,
    NotFromPages,
    NoRequest,
}

fn judge(request: Option<&RequestHead>) -> Answer {
    let Some(request) = request else {
        return Answer::NoRequest;
    };
    match (request.path.as_str(), request.method.as_str()) {
        ("/dump", _) if request.has_origin => Answer::NotFromPages,
        ("/dump", "POST") => Answer::Dump,
        ("/dump", _) => Answer::NotSo,
        _ => Answer::NotHere,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Instant;

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
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
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
