//! AES-CBC of TLS 1.2 (RFC 5246, 6.2.3.2), authenticated before or after encryption (RFC 7366).

use std::fmt;

use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use aes::{Aes128, Aes256};
use aws_lc_rs::hmac;

use crate::cipher_suite::Mac;
use crate::sealed::Sealed;

const BLOCK: usize = 16;

/// The keys of one direction.
pub(crate) struct CbcOpener {
    cipher: Cipher,
    mac: Mac,
    mac_key: hmac::Key,
    /// Whether what is authenticated is the encrypted text.
    is_encrypted_first: bool,
}

enum Cipher {
    Aes128(Aes128),
    Aes256(Aes256),
}

impl fmt::Debug for CbcOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AES-CBC, {:?}", self.mac)
    }
}

impl CbcOpener {
    pub(crate) fn new(
        key: &[u8],
        mac: Mac,
        mac_key: &[u8],
        is_encrypted_first: bool,
    ) -> Option<Self> {
        let cipher = match key.len() {
            16 => Cipher::Aes128(Aes128::new_from_slice(key).ok()?),
            32 => Cipher::Aes256(Aes256::new_from_slice(key).ok()?),
            _ => return None,
        };
        let algorithm = match mac {
            Mac::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Mac::Sha256 => hmac::HMAC_SHA256,
            Mac::Sha384 => hmac::HMAC_SHA384,
        };
        Some(Self {
            cipher,
            mac,
            mac_key: hmac::Key::new(algorithm, mac_key),
            is_encrypted_first,
        })
    }

    /// The fewest bytes that a record has, header included.
    pub(crate) fn shortest_record(&self) -> usize {
        let text = if self.is_encrypted_first {
            self.mac.bytes().saturating_add(BLOCK)
        } else {
            self.mac.bytes().saturating_add(1).next_multiple_of(BLOCK)
        };
        text.saturating_add(5 + BLOCK)
    }

    pub(crate) fn open(&self, sealed: Sealed<'_>, number: u64, text: &mut Vec<u8>) -> Option<u8> {
        let [kind, major, minor, ..] = sealed.header;
        let mac_bytes = self.mac.bytes();
        let authentic = |bytes: &[u8], tag: &[u8]| {
            let [high, low] = u16::try_from(bytes.len()).ok()?.to_be_bytes();
            let mut context = hmac::Context::with_key(&self.mac_key);
            context.update(&number.to_be_bytes());
            context.update(&[kind, major, minor, high, low]);
            context.update(bytes);
            (context.sign().as_ref() == tag).then_some(())
        };
        let mut body = sealed.body;
        if self.is_encrypted_first {
            let (encrypted, tag) = body.split_at_checked(body.len().checked_sub(mac_bytes)?)?;
            authentic(encrypted, tag)?;
            body = encrypted;
        }
        let (_, encrypted) = body.split_first_chunk::<BLOCK>()?;
        if encrypted.is_empty() || !encrypted.len().is_multiple_of(BLOCK) {
            return None;
        }
        text.clear();
        text.extend_from_slice(encrypted);
        let (blocks, _) = Array::slice_as_chunks_mut(text);
        match &self.cipher {
            Cipher::Aes128(cipher) => cipher.decrypt_blocks(blocks),
            Cipher::Aes256(cipher) => cipher.decrypt_blocks(blocks),
        }
        // Every block is masked with the encrypted one before it; the first with the IV.
        for (byte, mask) in text.iter_mut().zip(body) {
            *byte ^= mask;
        }
        let padding = text.last().copied()?;
        let padded = text
            .len()
            .checked_sub(usize::from(padding).saturating_add(1))?;
        if text.get(padded..)?.iter().any(|&byte| byte != padding) {
            return None;
        }
        text.truncate(padded);
        if !self.is_encrypted_first {
            let (content, tag) = text.split_at_checked(text.len().checked_sub(mac_bytes)?)?;
            authentic(content, tag)?;
            let content = content.len();
            text.truncate(content);
        }
        Some(kind)
    }
}
