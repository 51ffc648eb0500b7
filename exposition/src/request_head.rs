//! The head of a request by HTTP 1, of which little is looked at.

use std::io::Read;
use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};

/// Bytes of a request that are read: what its head may have.
const MOST_BYTES: usize = 8 << 10;

/// What is looked at of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`, `POST`, …
    pub method: String,
    /// Its path, with what may follow (`?x=y`).
    pub path: String,
    /// The host that it names, with its port; empty without.
    pub host: String,
    /// What it accepts; empty when it does not say.
    pub accept: String,
    /// How its sender shows who they are; empty when they do not.
    pub authorization: String,
    /// Whether it says its origin, as web pages do.
    pub has_origin: bool,
}

impl RequestHead {
    /// Reads the head of a request, or none when what came in time is none.
    ///
    /// # Errors
    /// When the connection cannot be read with a time limit.
    pub fn read(stream: &mut TcpStream, patience: Duration) -> std::io::Result<Option<Self>> {
        Ok(Self::parse(&bytes(stream, patience)?))
    }

    fn parse(head: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(head);
        let (head, _) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, path, version) = (words.next()?, words.next()?, words.next()?);
        if !version.starts_with("HTTP/1.") {
            return None;
        }
        let mut request = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            ..Self::default()
        };
        for line in lines {
            let (name, value) = line.split_once(':')?;
            let field = match name.trim().to_ascii_lowercase().as_str() {
                "host" => &mut request.host,
                "accept" => &mut request.accept,
                "authorization" => &mut request.authorization,
                "origin" => {
                    request.has_origin = true;
                    continue;
                }
                _ => continue,
            };
            value.trim().clone_into(field);
        }
        Some(request)
    }

    /// Whether its host is an address or `localhost`, which no page can be called.
    pub fn is_by_address(&self) -> bool {
        let host = self.host.as_str();
        let host = match host.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host,
            _ => host,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.is_empty() || host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
    }
}

/// The bytes until the empty line behind a request's head, or as many as came in time.
fn bytes(stream: &mut TcpStream, patience: Duration) -> std::io::Result<Vec<u8>> {
    let begun = Instant::now();
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while head.len() < MOST_BYTES && !head.windows(4).any(|it| it == b"\r\n\r\n") {
        let left = patience.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => head.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_by_its_first_line_and_its_headers_by_name() {
        let head = RequestHead::parse(b"POST /dump HTTP/1.1\r\nORIGIN: x\r\nHost: [::1]:9\r\n\r\n");
        let head = head.unwrap();
        assert_eq!(
            (head.method.as_str(), head.path.as_str()),
            ("POST", "/dump")
        );
        assert!(head.has_origin && head.is_by_address());
        for none in ["GET /", "GET / SMTP\r\n\r\n", "GET / HTTP/1.1\r\n"] {
            assert_eq!(RequestHead::parse(none.as_bytes()), None, "{none}");
        }
    }
}
