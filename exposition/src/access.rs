//! Who may read what is shown on a port.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::IpAddr;

use crate::certificate::Certificate;

/// Who may read, and whether what they read is encrypted.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What a client must show: `Authorization: Bearer TOKEN`, or the token as a password, which browsers ask for.
    pub token: Option<String>,
    /// Whether anybody may read metrics who can reach it.
    pub is_open: bool,
    /// What the address proves to be, by TLS.
    pub certificate: Option<Certificate>,
}

impl Access {
    /// Whether pages for people may be shown: on loopback, or to those who have the token, encrypted.
    pub fn lets_pages(&self, is_loopback: bool) -> bool {
        is_loopback || (self.token.is_some() && self.certificate.is_some())
    }

    /// Whether a request may be answered.
    pub(crate) fn lets(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let shown = headers.get(AUTHORIZATION).map(|it| it.as_bytes());
        is_shown(token, shown.unwrap_or_default())
    }
}

/// Whether a request names an address or `localhost` as its host, which no page of others can be called.
pub(crate) fn is_by_address(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST) else {
        return true;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => host,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.is_empty() || host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

/// Whether a header shows the token.
fn is_shown(token: &str, authorization: &[u8]) -> bool {
    let shown = if let Some(bearer) = authorization.strip_prefix(b"Bearer ") {
        bearer.trim_ascii().to_vec()
    } else if let Some(basic) = authorization.strip_prefix(b"Basic ") {
        let pair = STANDARD.decode(basic.trim_ascii()).unwrap_or_default();
        let colon = pair.iter().position(|&byte| byte == b':');
        let password = colon.and_then(|at| pair.get(at + 1..));
        password.unwrap_or_default().to_vec()
    } else {
        Vec::new()
    };
    is_same_secret(token.as_bytes(), &shown)
}

/// Whether what is shown is a secret; how much of it is right tells no time.
pub fn is_same_secret(secret: &[u8], shown: &[u8]) -> bool {
    let mut differs = secret.len() ^ shown.len();
    for (at, byte) in secret.iter().enumerate() {
        differs |= usize::from(byte ^ shown.get(at).copied().unwrap_or(0));
    }
    differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_whole_as_a_bearer_s_or_as_a_password() {
        // `:abc`, `me:abc`, `abc:` and `me:ab`.
        for right in ["Bearer abc", "Basic OmFiYw==", "Basic bWU6YWJj"] {
            assert!(is_shown("abc", right.as_bytes()), "{right}");
        }
        let wrong = [
            "",
            "abc",
            "Bearer ",
            "Bearer ab",
            "Bearer abd",
            "Bearer abcd",
            "Basic abc",
            "Basic YWJjOg==",
            "Basic bWU6YWI=",
        ];
        for wrong in wrong {
            assert!(!is_shown("abc", wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_page_of_others_has_a_name() {
        let named = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            is_by_address(&headers)
        };
        for here in ["localhost:9", "LOCALHOST", "127.0.0.1", "[::1]:9", "[::1]"] {
            assert!(named(here), "{here}");
        }
        for other in ["evil.example", "evil.example:80", "localhost.example"] {
            assert!(!named(other), "{other}");
        }
        assert!(is_by_address(&HeaderMap::new()));
    }

    #[test]
    fn pages_are_for_those_here_or_who_have_the_token_by_tls() {
        let token = Some("abc".to_owned());
        let of_token = Access {
            token,
            ..Access::default()
        };
        assert!(of_token.lets_pages(true) && !of_token.lets_pages(false));
        let open = Access {
            is_open: true,
            ..Access::default()
        };
        assert!(!open.lets_pages(false));
    }
}
