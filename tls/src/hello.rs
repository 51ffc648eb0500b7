//! Handshakes: the two messages that say which keys a connection has.
//!
//! Source: RFC 8446, 4 and RFC 5246, 7.4. Everything else in a handshake is passed over.

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const KEY_UPDATE: u8 = 24;

/// Suites that TLS 1.3 alone has.
const OF_TLS_1_3: std::ops::RangeInclusive<u16> = 0x1301..=0x1305;

/// Longer hellos are not put together.
const LONGEST_HELLO: usize = 64 << 10;

/// The random of a ServerHello that asks for another ClientHello (RFC 8446, 4.1.3).
const HELLO_RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What a server chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerHello {
    pub(crate) random: [u8; 32],
    /// `0x0303` for TLS 1.2, `0x0304` for TLS 1.3.
    pub(crate) version: u16,
    pub(crate) suite: u16,
    pub(crate) session_id: Vec<u8>,
    pub(crate) encrypt_then_mac: bool,
    pub(crate) is_compressed: bool,
    /// Of TLS 1.3: whether a session is taken up again.
    pub(crate) has_pre_shared_key: bool,
}

/// A message of a handshake that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    ClientHello {
        random: [u8; 32],
    },
    ServerHello(ServerHello),
    /// The server of TLS 1.3 asks for another ClientHello.
    HelloRetry,
    /// The sender's keys change with its next record.
    KeyUpdate,
}

/// Puts the handshake messages of one direction together.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    carry: Vec<u8>,
    /// Bytes of a message of no interest that are still to come.
    skip: usize,
}

impl Handshake {
    /// Takes the handshake bytes of a record; `take` gets the messages that end in them.
    pub(crate) fn push(&mut self, bytes: &[u8], mut take: impl FnMut(Message)) {
        let skipped = self.skip.min(bytes.len());
        self.skip = self.skip.saturating_sub(skipped);
        self.carry
            .extend_from_slice(bytes.get(skipped..).unwrap_or_default());
        loop {
            let Some(&[kind, a, b, c]) = self.carry.first_chunk::<4>() else {
                return;
            };
            let length = u32::from_be_bytes([0, a, b, c]);
            let size = usize::try_from(length)
                .unwrap_or(usize::MAX)
                .saturating_add(4);
            let is_wanted = matches!(kind, CLIENT_HELLO | SERVER_HELLO | KEY_UPDATE);
            if !is_wanted || size > LONGEST_HELLO {
                let here = size.min(self.carry.len());
                self.carry.drain(..here);
                self.skip = size.saturating_sub(here);
                if self.skip > 0 {
                    return;
                }
                continue;
            }
            let Some(message) = self.carry.get(4..size) else {
                return;
            };
            let read = match kind {
                CLIENT_HELLO => client_hello(message),
                SERVER_HELLO => server_hello(message),
                _ => Some(Message::KeyUpdate),
            };
            self.carry.drain(..size);
            if let Some(message) = read {
                take(message);
            }
        }
    }

    /// Takes the beginning of a record's handshake bytes, of which the rest is missing: hellos say early what
    /// matters.
    pub(crate) fn push_cut(&mut self, bytes: &[u8], mut take: impl FnMut(Message)) {
        if self.carry.is_empty()
            && self.skip == 0
            && let Some((&[kind, ..], message)) = bytes.split_first_chunk::<4>()
        {
            let read = match kind {
                CLIENT_HELLO => client_hello(message),
                SERVER_HELLO => server_hello(message),
                _ => None,
            };
            if let Some(message) = read {
                take(message);
            }
        }
        self.lose();
    }

    /// Bytes were lost: the next ones begin a message.
    pub(crate) fn lose(&mut self) {
        self.carry.clear();
        self.skip = 0;
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.carry.len()
    }
}

/// Whether TCP bytes begin with a ClientHello.
pub fn is_client_hello(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0x16, 3, 0..=4, _, _, CLIENT_HELLO, 0, _, _, 3, 0..=4, ..]
    )
}

fn client_hello(mut message: &[u8]) -> Option<Message> {
    u16_of(&mut message)?;
    let random = *take_array(&mut message)?;
    Some(Message::ClientHello { random })
}

fn server_hello(mut message: &[u8]) -> Option<Message> {
    let mut version = u16_of(&mut message)?;
    let random: [u8; 32] = *take_array(&mut message)?;
    if random == HELLO_RETRY {
        return Some(Message::HelloRetry);
    }
    let [length] = *take_array(&mut message)?;
    let session_id = take(&mut message, usize::from(length))?.to_vec();
    let suite = u16_of(&mut message)?;
    if OF_TLS_1_3.contains(&suite) {
        version = 0x0304;
    }
    let is_compressed = take_array(&mut message).is_some_and(|&[method]| method != 0);
    let (mut encrypt_then_mac, mut has_pre_shared_key) = (false, false);
    // Extensions may be missing, or cut off.
    if u16_of(&mut message).is_some() {
        while let (Some(kind), Some(length)) = (u16_of(&mut message), u16_of(&mut message)) {
            let Some(content) = take(&mut message, usize::from(length)) else {
                break;
            };
            match (kind, content) {
                (22, _) => encrypt_then_mac = true,
                (41, _) => has_pre_shared_key = true,
                (43, &[major, minor]) => version = u16::from_be_bytes([major, minor]),
                _ => {}
            }
        }
    }
    Some(Message::ServerHello(ServerHello {
        random,
        version,
        suite,
        session_id,
        encrypt_then_mac,
        is_compressed,
        has_pre_shared_key,
    }))
}

/// The next bytes of a message.
fn take<'a>(message: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(bytes)?;
    *message = rest;
    Some(taken)
}

fn take_array<'a, const N: usize>(message: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = message.split_first_chunk()?;
    *message = rest;
    Some(taken)
}

fn u16_of(message: &mut &[u8]) -> Option<u16> {
    take_array(message).map(|bytes| u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_hello_of(version: u16, random: [u8; 32], suite: u16, extensions: &[u8]) -> Vec<u8> {
        let mut body = 0x0303_u16.to_be_bytes().to_vec();
        body.extend(random);
        body.extend([2, 0xaa, 0xbb]);
        body.extend(suite.to_be_bytes());
        body.push(0);
        let mut all = extensions.to_vec();
        if version == 0x0304 {
            all.extend([0, 43, 0, 2, 3, 4]);
        }
        body.extend(u16::try_from(all.len()).unwrap().to_be_bytes());
        body.extend(all);
        message(SERVER_HELLO, &body)
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![kind, 0];
        message.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        message.extend(body);
        message
    }

    fn taken(bytes: &[u8], size: usize) -> Vec<Message> {
        let (mut handshake, mut messages) = (Handshake::default(), Vec::new());
        for piece in bytes.chunks(size) {
            handshake.push(piece, |message| messages.push(message));
        }
        messages
    }

    #[test]
    fn hellos_are_read_among_other_messages_in_any_pieces() {
        let certificate = message(11, &[0x5c; 3000]);
        let hello = server_hello_of(0x0303, [7; 32], 0xc013, &[0, 22, 0, 0]);
        let bytes = [hello, certificate, message(KEY_UPDATE, &[0])].concat();
        for size in [1, 7, 100, 9000] {
            let messages = taken(&bytes, size);
            let expected = ServerHello {
                random: [7; 32],
                version: 0x0303,
                suite: 0xc013,
                session_id: vec![0xaa, 0xbb],
                encrypt_then_mac: true,
                is_compressed: false,
                has_pre_shared_key: false,
            };
            assert_eq!(
                messages,
                [Message::ServerHello(expected), Message::KeyUpdate],
                "{size}"
            );
        }
    }

    #[test]
    fn what_a_server_of_tls_1_3_chose_is_read_even_if_its_end_is_cut() {
        let hello = server_hello_of(0x0304, [7; 32], 0x1302, &[0, 51, 0, 4, 1, 2, 3, 4]);
        for cut in [hello.len(), hello.len() - 6, 45] {
            let mut messages = Vec::new();
            Handshake::default().push_cut(&hello[..cut], |message| messages.push(message));
            let [Message::ServerHello(hello)] = messages.as_slice() else {
                panic!("{cut}: {messages:?}");
            };
            assert_eq!((hello.version, hello.suite), (0x0304, 0x1302), "{cut}");
        }
    }

    #[test]
    fn a_server_that_asks_again_is_none_that_chose() {
        let retry = server_hello_of(0x0304, HELLO_RETRY, 0x1301, &[]);
        assert_eq!(taken(&retry, 5), [Message::HelloRetry]);
    }
}
