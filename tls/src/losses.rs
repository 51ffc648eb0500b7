//! What is lost of encrypted connections, and how it is told: once for each kind, with its connections.

use std::fmt::Write as _;

use kcorr_model::{LossKind, LossLedger, Position, Severity};

use crate::key_log::TlsKeys;

/// Connections without a key.
pub(crate) static NO_KEY: LossKind = LossKind {
    name: "tls_no_key",
    severity: Severity::Error,
    doc: "Connections to the broker's port are encrypted by TLS, and the secrets of their sessions are not in a \
          key log that was given: they have no rows of requests. Give the key log of the broker's JVM, or of \
          the clients, with --tls-keys; it must have been written when the connections began.",
};

/// Connections whose handshake was not captured.
pub(crate) static NO_HANDSHAKE: LossKind = LossKind {
    name: "tls_no_handshake",
    severity: Severity::Error,
    doc: "Connections to the broker's port are encrypted by TLS and began before the capture, or the packets of \
          their handshakes are missing: which secrets are theirs is not known, and they have no rows of requests. (In TLS 1.3, all that the key logs \
          have were tried, up to a bound.) \
          Begin to capture before the clients connect, or let them connect anew.",
};

/// Connections whose records the secrets do not open.
pub(crate) static NOT_AUTHENTIC: LossKind = LossKind {
    name: "tls_not_authentic",
    severity: Severity::Error,
    doc: "Records of encrypted connections are not authentic by the secrets that the key log has for their \
          sessions: the secrets are wrong, or too much of the connection is missing. Nothing of these records \
          becomes a row.",
};

/// Connections with a cipher suite or a version that is not read.
pub(crate) static UNSUPPORTED: LossKind = LossKind {
    name: "tls_unsupported",
    severity: Severity::Error,
    doc: "Connections are encrypted by a version of TLS or a cipher suite that is not read: TLS 1.2 and 1.3 with \
          AES-GCM and ChaCha20-Poly1305 are, and AES-CBC of TLS 1.2. They have no rows of requests.",
};

/// Connections that are not read and whose clients do not wait for answers.
pub(crate) static OVERLAP: LossKind = LossKind {
    name: "tls_overlap",
    severity: Severity::Info,
    doc: "Of connections that could not be read, these showed that their clients ask again before they have an answer: \
          what is sent and answered in turn on them is no request with its response. With the broker's request log, lines \
          may still be found for some turns.",
};

/// Turns that are not told.
pub(crate) static UNCERTAIN_TURNS: LossKind = LossKind {
    name: "tls_uncertain_turns",
    severity: Severity::Info,
    doc: "Turns of connections that could not be read, of which it is not known what they are: the first after a \
          handshake, which may have tickets in them, those beside lost bytes, and those with records of the size of \
          an alert or of a change of keys. They have no rows.",
};

/// Single records that cannot be opened.
pub(crate) static BAD_RECORD: LossKind = LossKind {
    name: "tls_bad_record",
    severity: Severity::Warning,
    doc: "A record of an encrypted connection is all there and cannot be opened: it was damaged. Reading went on \
          behind it.",
};

/// Lines of key logs.
pub(crate) static KEY_LOG_LINE: LossKind = LossKind {
    name: "tls_key_log_line",
    severity: Severity::Warning,
    doc: "A line of a key log could not be read; the sessions of the others were used.",
};

/// Key logs with more sessions than are kept.
pub(crate) static TOO_MANY_SECRETS: LossKind = LossKind {
    name: "tls_too_many_secrets",
    severity: Severity::Warning,
    doc: "A key log has the secrets of more sessions than are kept (1,048,576); those that came last were not used.",
};

/// Connections that are named in a loss.
const MOST_NAMED: usize = 8;

/// What there is of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Records, as far as they are known.
    pub records: u64,
    /// Bytes, headers of records included.
    pub bytes: u64,
    /// The first and the last time at which there were some, ns since 1970.
    pub times: Option<(i64, i64)>,
}

impl Extent {
    fn add(&mut self, other: Self) {
        self.records = self.records.saturating_add(other.records);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.times = match (self.times, other.times) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
    }
}

/// Connections that were not read, by why.
#[derive(Debug, Default)]
pub struct UnreadConnections {
    kinds: Vec<Unread>,
    /// Turns of them that are not told, and where the first of these connections is in the capture.
    uncertain_turns: u64,
    turns_from: Option<u64>,
}

#[derive(Debug)]
struct Unread {
    kind: &'static LossKind,
    connections: u64,
    extent: Extent,
    position: u64,
    named: Vec<String>,
}

impl UnreadConnections {
    /// Counts a connection of which there was too little to know it by: where it is in the capture, and what there
    /// was of it.
    pub fn without_handshake(&mut self, name: String, extent: Extent, position: u64) {
        self.add(&NO_HANDSHAKE, name, extent, position);
    }

    /// Counts turns that are not told.
    pub(crate) fn add_uncertain_turns(&mut self, turns: u64, position: u64) {
        self.uncertain_turns = self.uncertain_turns.saturating_add(turns);
        self.turns_from = Some(self.turns_from.map_or(position, |from| from.min(position)));
    }

    /// Counts a connection.
    pub(crate) fn add(
        &mut self,
        kind: &'static LossKind,
        name: String,
        extent: Extent,
        position: u64,
    ) {
        let found = self.kinds.iter_mut().find(|unread| unread.kind == kind);
        let unread = match found {
            Some(unread) => unread,
            None => {
                self.kinds.push(Unread {
                    kind,
                    connections: 0,
                    extent: Extent::default(),
                    position,
                    named: Vec::new(),
                });
                match self.kinds.last_mut() {
                    Some(unread) => unread,
                    None => return,
                }
            }
        };
        unread.connections = unread.connections.saturating_add(1);
        unread.extent.add(extent);
        unread.position = unread.position.min(position);
        if unread.named.len() < MOST_NAMED {
            let Extent { records, bytes, .. } = extent;
            unread
                .named
                .push(format!("{name}: {records} records, {bytes} bytes"));
        }
    }

    /// Makes losses of them, and of what the key logs had that could not be used.
    pub fn tell(&mut self, keys: &TlsKeys, is_encrypted: bool, losses: &mut LossLedger) {
        for unread in std::mem::take(&mut self.kinds) {
            let position = Position::Byte(unread.position);
            losses.record_many(
                unread.kind,
                unread.connections,
                position,
                unread.extent.times,
                || unread.detail(),
            );
        }
        let turns = std::mem::take(&mut self.uncertain_turns);
        if turns > 0 {
            let position = self.turns_from.map_or(Position::Whole, Position::Byte);
            losses.record_many(&UNCERTAIN_TURNS, turns, position, None, || {
                "turns of the connections that were not read".into()
            });
        }
        if !is_encrypted {
            return;
        }
        let (malformed, first) = keys.malformed_lines();
        if malformed > 0 {
            losses.record_many(&KEY_LOG_LINE, malformed, Position::Whole, None, || {
                first.unwrap_or_default()
            });
        }
        let too_many = keys.too_many();
        if too_many > 0 {
            losses.record_many(&TOO_MANY_SECRETS, too_many, Position::Whole, None, || {
                format!("{too_many} lines of sessions beyond those")
            });
        }
    }
}

impl Unread {
    fn detail(&self) -> String {
        let mut text = self.named.join("; ");
        let more = self.connections.saturating_sub(self.named.len() as u64);
        if more > 0 {
            let Extent { records, bytes, .. } = self.extent;
            let _ = write!(
                text,
                "; and {more} more: {records} records, {bytes} bytes in all"
            );
        }
        text
    }
}
