//! Key logs: the secrets of sessions, as clients and servers write them for those who may read along.
//!
//! Source: RFC 9850 (SSLKEYLOGFILE); lines `RSA Session-ID:… Master-Key:…` are those of OpenSSL's tools and of
//! agents for old JVMs. A line that ends early is one that is being written. Secrets are kept in memory only.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;

/// Sessions whose secrets are kept; of a log with more, those that come first.
const MOST_SESSIONS: usize = 1 << 20;

/// Longer lines are none of a key log.
const LONGEST_LINE: usize = 4096;

/// What a key log says of one session, by its client random.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets {
    /// The master secret of TLS 1.2.
    pub(crate) master: Option<Secret>,
    /// The first traffic secrets of TLS 1.3.
    pub(crate) client: Option<Secret>,
    pub(crate) server: Option<Secret>,
    /// The traffic secrets of TLS 1.3's handshake.
    pub(crate) client_handshake: Option<Secret>,
    pub(crate) server_handshake: Option<Secret>,
}

/// Secrets of TLS sessions, of any number of key logs. Clones share what they hold, and it may grow while
/// captures are decoded.
#[derive(Clone, Default)]
pub struct TlsKeys {
    kept: Arc<Mutex<Kept>>,
    /// Reads on in files that may have grown.
    grow: Option<Arc<dyn Fn() + Send + Sync>>,
}

#[derive(Default)]
struct Kept {
    by_random: HashMap<[u8; 32], Secrets>,
    /// In the order of the logs, for sessions whose beginning was not captured.
    randoms: Vec<[u8; 32]>,
    masters_by_session: HashMap<Vec<u8>, Secret>,
    logs: u64,
    malformed_lines: u64,
    first_malformed: Option<String>,
    too_many: u64,
}

impl TlsKeys {
    /// The same secrets, and a function that reads on in the files they come from. It is called when a
    /// session's secrets are not there yet.
    #[must_use]
    pub fn growing(self, grow: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            grow: Some(Arc::new(grow)),
            ..self
        }
    }

    /// How many sessions' secrets there are.
    pub fn sessions(&self) -> usize {
        let kept = self.kept();
        kept.by_random.len().max(kept.masters_by_session.len())
    }

    /// How many lines could not be read, and where and why the first of them.
    pub fn malformed_lines(&self) -> (u64, Option<String>) {
        let kept = self.kept();
        (kept.malformed_lines, kept.first_malformed.clone())
    }

    /// Sessions beyond those that are kept.
    pub(crate) fn too_many(&self) -> u64 {
        self.kept().too_many
    }

    /// Whether any key log was given.
    pub fn are_given(&self) -> bool {
        self.kept().logs > 0
    }

    /// Whether there may be more of them later.
    pub(crate) fn may_grow(&self) -> bool {
        self.grow.is_some()
    }

    /// Reads on, if there may be more.
    pub(crate) fn grow(&self) {
        if let Some(grow) = &self.grow {
            grow();
        }
    }

    /// The secrets of a session, if there are any.
    pub(crate) fn of_random(&self, client_random: &[u8; 32]) -> Option<Secrets> {
        self.kept().by_random.get(client_random).cloned()
    }

    /// The master secret of a session of TLS 1.2 by its id.
    pub(crate) fn master_of_session(&self, session_id: &[u8]) -> Option<Secret> {
        self.kept().masters_by_session.get(session_id).cloned()
    }

    /// Remembers the master secret of a session that may be resumed by its id.
    pub(crate) fn keep_session(&self, session_id: &[u8], master: &Secret) {
        let mut kept = self.kept();
        if kept.masters_by_session.len() < MOST_SESSIONS {
            kept.masters_by_session
                .entry_ref(session_id)
                .or_insert_with(|| master.clone());
        }
    }

    /// Sessions of TLS 1.3 whose secrets are complete, the last of the logs first: the client's and the
    /// server's.
    pub(crate) fn last_traffic_secrets(&self, most: usize) -> Vec<([u8; 32], Secret, Secret)> {
        let kept = self.kept();
        let sessions = kept.randoms.iter().rev().filter_map(|random| {
            let secrets = kept.by_random.get(random)?;
            Some((*random, secrets.client.clone()?, secrets.server.clone()?))
        });
        sessions.take(most).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TlsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secrets of {} TLS sessions", self.sessions())
    }
}

/// Equal when they are the same ones.
impl PartialEq for TlsKeys {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kept, &other.kept)
    }
}

impl Eq for TlsKeys {}

/// Reads one key log, which comes in pieces.
pub struct KeyLogReader {
    keys: TlsKeys,
    name: String,
    line: u64,
    carry: Zeroizing<Vec<u8>>,
    is_too_long: bool,
}

impl fmt::Debug for KeyLogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}", self.name, self.line)
    }
}

impl KeyLogReader {
    /// A reader of the log with this name, whose secrets are added to `keys`.
    pub fn new(name: impl Into<String>, keys: &TlsKeys) -> Self {
        let mut kept = keys.kept();
        kept.logs = kept.logs.saturating_add(1);
        drop(kept);
        Self {
            // What the keys do to grow may own this reader: no circle.
            keys: TlsKeys {
                kept: Arc::clone(&keys.kept),
                grow: None,
            },
            name: name.into(),
            line: 0,
            carry: Zeroizing::new(Vec::new()),
            is_too_long: false,
        }
    }

    /// Takes the next bytes of the log.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut lines = bytes.split_inclusive(|&byte| byte == b'\n');
        let mut kept = self.keys.kept();
        for piece in &mut lines {
            let is_whole = piece.ends_with(b"\n");
            if self.carry.len().saturating_add(piece.len()) > LONGEST_LINE {
                self.is_too_long = true;
                self.carry.zeroize();
            } else if !is_whole || !self.carry.is_empty() {
                self.carry.extend_from_slice(piece);
            }
            if !is_whole {
                continue;
            }
            self.line = self.line.saturating_add(1);
            let line = if self.carry.is_empty() {
                piece
            } else {
                &self.carry
            };
            let read = if std::mem::take(&mut self.is_too_long) {
                Err("a line that is too long")
            } else {
                kept.take(line)
            };
            if let Err(problem) = read {
                kept.malformed_lines = kept.malformed_lines.saturating_add(1);
                let (name, line) = (&self.name, self.line);
                kept.first_malformed
                    .get_or_insert_with(|| format!("{name}, line {line}: {problem}"));
            }
            self.carry.zeroize();
        }
    }

    /// What came is all there is for now: a last line without an end is used if it is whole. More may be
    /// pushed.
    pub fn pause(&mut self) {
        if !self.carry.is_empty() && !self.is_too_long {
            let _ = self.keys.kept().take(&self.carry);
        }
    }
}

impl Kept {
    /// Takes a line; says what is wrong with it.
    fn take(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let mut fields = line
            .split(u8::is_ascii_whitespace)
            .filter(|field| !field.is_empty());
        let Some(label) = fields.next() else {
            return Ok(());
        };
        if label.starts_with(b"#") {
            return Ok(());
        }
        let (first, second) = (fields.next(), fields.next());
        if label == b"RSA" {
            let id = first.and_then(|field| field.strip_prefix(b"Session-ID:"));
            let master = second.and_then(|field| field.strip_prefix(b"Master-Key:"));
            let (Some(id), Some(master)) = (id, master) else {
                // A premaster secret by its encrypted form, of the key exchange that nobody uses any more.
                return Ok(());
            };
            let id = bytes_of_hex(id).ok_or("a session id that is not hexadecimal")?;
            let master = secret(master, &[48])?;
            if !id.is_empty() && self.masters_by_session.len() < MOST_SESSIONS {
                self.masters_by_session.insert(id.to_vec(), master);
            }
            return Ok(());
        }
        let which = match label {
            b"CLIENT_RANDOM" => 0,
            b"CLIENT_TRAFFIC_SECRET_0" => 1,
            b"SERVER_TRAFFIC_SECRET_0" => 2,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => 3,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => 4,
            _ if is_label(label) => return Ok(()),
            _ => return Err("no label of a key log"),
        };
        let random = first
            .and_then(bytes_of_hex)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok())
            .ok_or("a client random that is not 64 hexadecimal digits")?;
        let second = second.ok_or("a line without a secret")?;
        let sizes: &[usize] = if which == 0 { &[48] } else { &[32, 48] };
        let secret = secret(second, sizes)?;
        if fields.next().is_some() {
            return Err("more than three fields");
        }
        if !self.by_random.contains_key(&random) {
            if self.by_random.len() >= MOST_SESSIONS {
                self.too_many = self.too_many.saturating_add(1);
                return Ok(());
            }
            self.randoms.push(random);
        }
        let secrets = self.by_random.entry(random).or_default();
        match which {
            0 => secrets.master = Some(secret),
            1 => secrets.client = Some(secret),
            2 => secrets.server = Some(secret),
            3 => secrets.client_handshake = Some(secret),
            _ => secrets.server_handshake = Some(secret),
        }
        Ok(())
    }
}

/// Labels are words in capitals; those that are not known are passed over (RFC 9850, 2).
fn is_label(word: &[u8]) -> bool {
    word.iter()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
}

fn secret(hex: &[u8], sizes: &[usize]) -> Result<Secret, &'static str> {
    let bytes = bytes_of_hex(hex).ok_or("a secret that is not hexadecimal")?;
    if sizes.contains(&bytes.len()) {
        Ok(Secret::from(bytes.as_slice()))
    } else {
        Err("a secret of an impossible length")
    }
}

fn bytes_of_hex(hex: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let (pairs, rest) = hex.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for [high, low] in pairs {
        let byte = digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?;
        bytes.push(u8::try_from(byte).ok()?);
    }
    Some(bytes)
}

/// The name of the format that a file's first bytes are of, if they are a key log's: its first line that is no
/// comment begins with a label of one.
pub fn recognise_key_log(head: &[u8]) -> Option<&'static str> {
    const LABELS: [&str; 9] = [
        "CLIENT_RANDOM ",
        "CLIENT_EARLY_TRAFFIC_SECRET ",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET ",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET ",
        "CLIENT_TRAFFIC_SECRET_0 ",
        "SERVER_TRAFFIC_SECRET_0 ",
        "EARLY_EXPORTER_SECRET ",
        "EXPORTER_SECRET ",
        "RSA Session-ID:",
    ];
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"))?;
    LABELS
        .iter()
        .any(|label| first.starts_with(label.as_bytes()))
        .then_some("a log of TLS keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(byte: u8) -> String {
        format!("{byte:02x}").repeat(32)
    }

    #[test]
    fn a_log_in_any_pieces_gives_the_same_secrets() {
        let text = format!(
            "# 2026\r\nCLIENT_RANDOM {} {}\r\n\nSERVER_TRAFFIC_SECRET_0 {} {}\nNEW_LABEL x\nCLIENT_TRAFFIC_SECRET_0 {} {}",
            random(1),
            "ab".repeat(48),
            random(2),
            "CD".repeat(32),
            random(2),
            "ef".repeat(32)
        );
        for size in [1, 7, 64, 4096] {
            let keys = TlsKeys::default();
            let mut reader = KeyLogReader::new("keys", &keys);
            text.as_bytes()
                .chunks(size)
                .for_each(|piece| reader.push(piece));
            assert_eq!(keys.malformed_lines(), (0, None));
            let master = keys.of_random(&[1; 32]).unwrap().master.unwrap();
            assert_eq!(master.bytes(), [0xab; 48]);
            assert!(keys.of_random(&[2; 32]).unwrap().client.is_none());
            // The last line has no end, and is whole.
            reader.pause();
            assert_eq!(keys.last_traffic_secrets(9).len(), 1);
        }
    }

    #[test]
    fn a_line_that_is_damaged_is_located_and_not_shown() {
        let keys = TlsKeys::default();
        let mut reader = KeyLogReader::new("keys.log", &keys);
        reader.push(format!("\nCLIENT_RANDOM {} 1234\nDear diary\n", random(7)).as_bytes());
        reader.push(b"CLIENT_RANDOM 12");
        reader.pause();
        let (count, first) = keys.malformed_lines();
        assert_eq!(count, 2);
        assert_eq!(
            first.as_deref(),
            Some("keys.log, line 2: a secret of an impossible length")
        );
        assert_eq!(keys.sessions(), 0);
        assert!(!format!("{keys:?} {reader:?}").contains("1234"));
    }

    #[test]
    fn key_logs_are_known_by_their_labels() {
        assert!(recognise_key_log(b"# comment\r\nCLIENT_RANDOM 00").is_some());
        assert!(recognise_key_log(b"RSA Session-ID:00 Master-Key:11").is_some());
        assert!(recognise_key_log(b"# only\n").is_none());
        assert!(recognise_key_log(b"CLIENT RANDOM 00").is_none());
    }
}
