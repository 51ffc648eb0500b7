//! What the keys of a connection are: from its hellos and the key logs.

use crate::cbc::CbcOpener;
use crate::cipher_suite::{Cipher, CipherSuite};
use crate::derivation::key_block;
use crate::hello::{Message, ServerHello};
use crate::key_log::{Secrets, TlsKeys};
use crate::opener::Opener;
use crate::peer::Peer;
use crate::secret::Secret;

/// Why a connection has no keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoKeys {
    NoHandshake,
    NoKey,
    Unsupported(String),
}

/// A direction's key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) opener: Opener,
    /// Of TLS 1.3: the secret that it is derived from, and the key of the handshake's records, if it is known.
    pub(crate) secret: Option<(CipherSuite, Secret)>,
    pub(crate) handshake: Option<Opener>,
}

/// The hellos of a connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    client_random: Option<[u8; 32]>,
    server: Option<ServerHello>,
    /// The suite of a session that was found without its hellos.
    found: Option<CipherSuite>,
    /// The server has asked for another ClientHello, as only TLS 1.3 does.
    is_retried: bool,
}

const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

impl Session {
    /// Takes a message of the handshake.
    pub(crate) fn take(&mut self, peer: Peer, message: Message) {
        match (peer, message) {
            (Peer::Client, Message::ClientHello { random }) => self.client_random = Some(random),
            (Peer::Server, Message::ServerHello(hello)) => self.server = Some(hello),
            (Peer::Server, Message::HelloRetry) => self.is_retried = true,
            _ => {}
        }
    }

    /// Whether it is known to be TLS 1.3.
    pub(crate) fn is_tls13(&self) -> bool {
        let server = self.server.as_ref();
        self.is_found() || self.is_retried || server.is_some_and(|hello| hello.version == TLS_1_3)
    }

    /// Whether it is known to be TLS 1.2.
    pub(crate) fn is_tls12(&self) -> bool {
        let server = self.server.as_ref();
        server.is_some_and(|hello| hello.version == TLS_1_2)
    }

    /// It was found to be this session of TLS 1.3, whose hellos were not captured.
    pub(crate) fn is(&mut self, client_random: [u8; 32], suite: CipherSuite) {
        self.client_random = Some(client_random);
        self.found = Some(suite);
    }

    /// Whether it was found so.
    pub(crate) fn is_found(&self) -> bool {
        self.found.is_some()
    }

    /// Whether it is known which session it is, and of what kind.
    pub(crate) fn is_known(&self) -> bool {
        self.is_found() || self.hellos().is_some()
    }

    /// The client's random and the server's choice, if both were captured.
    pub(crate) fn hellos(&self) -> Option<(&[u8; 32], &ServerHello)> {
        self.client_random.as_ref().zip(self.server.as_ref())
    }

    /// What the server chose, if that was captured.
    pub(crate) fn server_hello(&self) -> Option<&ServerHello> {
        self.server.as_ref()
    }

    /// The key of a direction.
    pub(crate) fn key(&self, peer: Peer, keys: &TlsKeys) -> Result<Key, NoKeys> {
        if let Some((suite, random)) = self.found.zip(self.client_random) {
            let secrets = keys.of_random(&random).unwrap_or_default();
            return traffic_key(peer, suite, secrets);
        }
        let (client_random, server) = self.hellos().ok_or(NoKeys::NoHandshake)?;
        let version = server.version;
        let suite = CipherSuite::of(server.suite);
        let suite = match (version, suite) {
            (TLS_1_2 | TLS_1_3, Some(suite)) if !server.is_compressed => suite,
            _ => {
                return Err(NoKeys::Unsupported(format!(
                    "version {version:#06x}, cipher suite {:#06x}",
                    server.suite
                )));
            }
        };
        let secrets = keys.of_random(client_random).unwrap_or_default();
        if version == TLS_1_3 {
            return traffic_key(peer, suite, secrets);
        }
        let master = match secrets.master {
            Some(master) => master,
            None => keys
                .master_of_session(&server.session_id)
                .ok_or(NoKeys::NoKey)?,
        };
        if !server.session_id.is_empty() {
            keys.keep_session(&server.session_id, &master);
        }
        let opener = key_of_master(peer, suite, &master, client_random, server);
        opener
            .map(|opener| Key {
                opener,
                secret: None,
                handshake: None,
            })
            .ok_or(NoKeys::NoKey)
    }
}

/// RFC 5246, 6.3.
fn key_of_master(
    peer: Peer,
    suite: CipherSuite,
    master: &Secret,
    client_random: &[u8; 32],
    server: &ServerHello,
) -> Option<Opener> {
    let key_bytes = suite.cipher.key_bytes();
    let (mac_bytes, iv_bytes) = match suite.cipher {
        Cipher::Aes128Gcm | Cipher::Aes256Gcm => (0, 4),
        Cipher::ChaCha20Poly1305 => (0, 12),
        Cipher::AesCbc(_, mac) => (mac.bytes(), 0),
    };
    let block = key_block(
        suite.hash,
        master.bytes(),
        &server.random,
        client_random,
        2 * (mac_bytes + key_bytes + iv_bytes),
    );
    // Of each part the client's comes first.
    let own = usize::from(peer == Peer::Server);
    let mut rest = block.as_slice();
    let mut part = |bytes: usize| {
        let (both, behind) = rest.split_at_checked(2 * bytes)?;
        rest = behind;
        both.get(own * bytes..(own + 1) * bytes)
    };
    let (mac_key, key, iv) = (part(mac_bytes)?, part(key_bytes)?, part(iv_bytes)?);
    match suite.cipher {
        Cipher::AesCbc(_, mac) => {
            CbcOpener::new(key, mac, mac_key, server.encrypt_then_mac).map(Opener::of_cbc)
        }
        cipher => Opener::of_key_block(cipher, key, iv),
    }
}

/// Of TLS 1.3.
fn traffic_key(peer: Peer, suite: CipherSuite, secrets: Secrets) -> Result<Key, NoKeys> {
    // One direction alone would show requests without answers.
    let (client, server) = secrets.client.zip(secrets.server).ok_or(NoKeys::NoKey)?;
    let (secret, handshake) = match peer {
        Peer::Client => (client, secrets.client_handshake),
        Peer::Server => (server, secrets.server_handshake),
    };
    if secret.len() != suite.hash.bytes() {
        return Err(NoKeys::NoKey);
    }
    let opener = Opener::of_traffic_secret(suite, secret.bytes()).ok_or(NoKeys::NoKey)?;
    let handshake = handshake.and_then(|secret| Opener::of_traffic_secret(suite, secret.bytes()));
    Ok(Key {
        opener,
        secret: Some((suite, secret)),
        handshake,
    })
}
