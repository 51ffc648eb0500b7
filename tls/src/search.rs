//! Whose connection it is: the session of a connection whose beginning was not captured.
//!
//! Its client random would say it. Without, a record of TLS 1.3 is tried under the secrets of all sessions that the
//! key logs have, and under numbers from 0 on, until it is authentic or the credit is used up. In TLS 1.2 keys
//! depend on the hellos, so nothing can be tried.

use crate::cipher_suite::CipherSuite;
use crate::direction::TRIAL;
use crate::key_log::TlsKeys;
use crate::opener::Opener;
use crate::peer::Peer;
use crate::sealed::Sealed;

/// Sessions that are tried, of a log with more the last ones.
const MOST_SESSIONS: usize = 4096;

/// Bytes that may be tried in a capture.
const SEARCH_CREDIT: u64 = 2 << 30;

/// What one record may use of it.
pub(crate) const MOST_CREDIT: u64 = 64 << 20;

/// The search for the sessions of a capture's connections.
#[derive(Debug)]
pub struct SessionSearch {
    candidates: Option<Candidates>,
    /// Bytes that may still be tried.
    pub(crate) credit: u64,
}

impl Default for SessionSearch {
    fn default() -> Self {
        Self {
            candidates: None,
            credit: SEARCH_CREDIT,
        }
    }
}

impl SessionSearch {
    /// None: connections whose beginning was not captured are not read.
    pub fn none() -> Self {
        Self {
            candidates: None,
            credit: 0,
        }
    }

    /// The session in which a record of this direction is authentic: its client random and suite.
    pub(crate) fn session_of(
        &mut self,
        peer: Peer,
        record: Sealed<'_>,
        keys: &TlsKeys,
        text: &mut Vec<u8>,
    ) -> Option<([u8; 32], CipherSuite)> {
        if self.credit == 0 {
            return None;
        }
        let known = self.candidates.take();
        let candidates = known
            .filter(|candidates| !candidates.are_old(keys))
            .unwrap_or_else(|| Candidates::of(keys));
        let session = candidates.session_of(peer, record, &mut self.credit, text);
        self.candidates = Some(candidates);
        session
    }
}

/// The sessions of key logs, with their keys.
#[derive(Debug)]
struct Candidates {
    sessions: Vec<Candidate>,
    /// How many sessions the key logs had then.
    known: usize,
}

#[derive(Debug)]
struct Candidate {
    client_random: [u8; 32],
    suite: CipherSuite,
    client: Opener,
    server: Opener,
}

impl Candidates {
    fn of(keys: &TlsKeys) -> Self {
        let mut sessions = Vec::new();
        for (client_random, client, server) in keys.last_traffic_secrets(MOST_SESSIONS) {
            for &suite in CipherSuite::of_traffic_secret(client.len()) {
                let client = Opener::of_traffic_secret(suite, client.bytes());
                let server = Opener::of_traffic_secret(suite, server.bytes());
                if let Some((client, server)) = client.zip(server) {
                    sessions.push(Candidate {
                        client_random,
                        suite,
                        client,
                        server,
                    });
                }
            }
        }
        Self {
            sessions,
            known: keys.sessions(),
        }
    }

    /// Whether the key logs have grown since.
    fn are_old(&self, keys: &TlsKeys) -> bool {
        self.known != keys.sessions()
    }

    /// The session in which a record is authentic. What is tried is taken from `credit`.
    fn session_of(
        &self,
        peer: Peer,
        record: Sealed<'_>,
        credit: &mut u64,
        text: &mut Vec<u8>,
    ) -> Option<([u8; 32], CipherSuite)> {
        if self.sessions.is_empty() {
            return None;
        }
        let cost = (record.body.len() as u64).saturating_add(TRIAL);
        let mut own = MOST_CREDIT.min(*credit);
        let mut number = 0_u64;
        // Low numbers are the likely ones: all sessions are tried with one before the next.
        loop {
            for candidate in &self.sessions {
                if own < cost {
                    return None;
                }
                own = own.saturating_sub(cost);
                *credit = credit.saturating_sub(cost);
                let opener = match peer {
                    Peer::Client => &candidate.client,
                    Peer::Server => &candidate.server,
                };
                if opener.open(record, number, text).is_some() {
                    return Some((candidate.client_random, candidate.suite));
                }
            }
            number = number.saturating_add(1);
        }
    }
}
