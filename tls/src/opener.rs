//! Opening records: decryption of one direction under one key, with the proof that the key and the record's
//! number are right.

use aws_lc_rs::aead::{self, LessSafeKey, Nonce, UnboundKey};

use crate::cbc::CbcOpener;
use crate::cipher_suite::{Cipher, CipherSuite};
use crate::counter_mode::CounterMode;
use crate::derivation::expand_label;
use crate::sealed::Sealed;

/// Bytes of an AEAD's tag.
const TAG: usize = 16;

/// Where the nonce of a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// TLS 1.3: the record's number, and the type of what is in it within.
    Tls13,
    /// ChaCha20 of TLS 1.2 (RFC 7905): the record's number.
    Tls12,
    /// GCM of TLS 1.2 (RFC 5288): eight bytes before the record's text.
    Tls12Explicit,
}

/// Opens records.
#[derive(Debug)]
pub(crate) struct Opener(Kind);

#[derive(Debug)]
enum Kind {
    Aead {
        key: Box<LessSafeKey>,
        counter: Option<Box<CounterMode>>,
        iv: [u8; 12],
        form: Form,
    },
    Cbc(Box<CbcOpener>),
}

impl Opener {
    /// Of TLS 1.3, by a traffic secret.
    pub(crate) fn of_traffic_secret(suite: CipherSuite, secret: &[u8]) -> Option<Self> {
        let key = expand_label(suite.hash, secret, "key", suite.cipher.key_bytes());
        let iv = expand_label(suite.hash, secret, "iv", 12);
        Self::aead(
            suite.cipher,
            &key,
            iv.as_slice().try_into().ok()?,
            Form::Tls13,
        )
    }

    /// Of TLS 1.2, by the parts of its key block: the key, and the IV, which is four bytes for GCM.
    pub(crate) fn of_key_block(cipher: Cipher, key: &[u8], iv: &[u8]) -> Option<Self> {
        let mut whole = [0; 12];
        whole.get_mut(..iv.len())?.copy_from_slice(iv);
        let form = if cipher == Cipher::ChaCha20Poly1305 {
            Form::Tls12
        } else {
            Form::Tls12Explicit
        };
        Self::aead(cipher, key, whole, form)
    }

    /// Of TLS 1.2 with CBC.
    pub(crate) fn of_cbc(opener: CbcOpener) -> Self {
        Self(Kind::Cbc(Box::new(opener)))
    }

    fn aead(cipher: Cipher, key: &[u8], iv: [u8; 12], form: Form) -> Option<Self> {
        let algorithm = match cipher {
            Cipher::Aes128Gcm => &aead::AES_128_GCM,
            Cipher::Aes256Gcm => &aead::AES_256_GCM,
            Cipher::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
            Cipher::AesCbc(..) => return None,
        };
        let counter = CounterMode::new(cipher, key).map(Box::new);
        let key = UnboundKey::new(algorithm, key).ok()?;
        Some(Self(Kind::Aead {
            key: Box::new(LessSafeKey::new(key)),
            counter,
            iv,
            form,
        }))
    }

    /// Bytes of a record's header and before its text.
    pub(crate) fn before_text(&self) -> usize {
        match &self.0 {
            Kind::Aead { form, .. } => match form {
                Form::Tls12Explicit => 13,
                Form::Tls13 | Form::Tls12 => 5,
            },
            Kind::Cbc(_) => 21,
        }
    }

    /// Bytes that a record has besides its text and padding, header included; none where padding depends on the
    /// text.
    pub(crate) fn overhead(&self) -> Option<usize> {
        match &self.0 {
            Kind::Aead { form, .. } => {
                let inner_type = usize::from(*form == Form::Tls13);
                Some(
                    self.before_text()
                        .saturating_add(TAG)
                        .saturating_add(inner_type),
                )
            }
            Kind::Cbc(_) => None,
        }
    }

    /// The fewest bytes that a record has, header included.
    pub(crate) fn shortest_record(&self) -> usize {
        match &self.0 {
            Kind::Aead { .. } => self.overhead().unwrap_or(5),
            Kind::Cbc(opener) => opener.shortest_record(),
        }
    }

    /// Opens the record with this number: its text is put into `text`, and the type of what is in it is
    /// returned. None when it is not authentic.
    pub(crate) fn open(&self, sealed: Sealed<'_>, number: u64, text: &mut Vec<u8>) -> Option<u8> {
        match &self.0 {
            Kind::Cbc(opener) => opener.open(sealed, number, text),
            Kind::Aead { key, iv, form, .. } => {
                let [kind, major, minor, ..] = sealed.header;
                let (nonce, body) = form.nonce(*iv, sealed.body, number)?;
                let text_bytes = body.len().checked_sub(TAG)?;
                let (sealed_text, tag) = body.split_at_checked(text_bytes)?;
                let mut additional = [0; 13];
                let additional: &[u8] = if *form == Form::Tls13 {
                    &sealed.header
                } else {
                    let [high, low] = u16::try_from(text_bytes).ok()?.to_be_bytes();
                    additional
                        .first_chunk_mut::<8>()?
                        .copy_from_slice(&number.to_be_bytes());
                    additional
                        .last_chunk_mut::<5>()?
                        .copy_from_slice(&[kind, major, minor, high, low]);
                    &additional
                };
                if text.len() < text_bytes {
                    text.resize(text_bytes, 0);
                }
                text.truncate(text_bytes);
                key.open_separate_gather(
                    Nonce::assume_unique_for_key(nonce),
                    aead::Aad::from(additional),
                    sealed_text,
                    tag,
                    text,
                )
                .ok()?;
                if *form != Form::Tls13 {
                    return Some(kind);
                }
                // Behind the text stand its type and zeros.
                let at = text.iter().rposition(|&byte| byte != 0)?;
                let kind = text.get(at).copied();
                text.truncate(at);
                kind
            }
        }
    }

    /// The beginning of a record's text, of which only these bytes are there: not authentic. So the key must
    /// have been proven, and the number be sure. None where the text cannot be read from its beginning.
    pub(crate) fn open_beginning(
        &self,
        body: &[u8],
        number: u64,
        text: &mut Vec<u8>,
    ) -> Option<()> {
        let Kind::Aead {
            counter: Some(counter),
            iv,
            form,
            ..
        } = &self.0
        else {
            return None;
        };
        let (nonce, body) = form.nonce(*iv, body, number)?;
        text.clear();
        text.extend_from_slice(body);
        counter.apply(nonce, text);
        Some(())
    }
}

impl Form {
    /// The nonce of a record, and its text.
    fn nonce(self, mut iv: [u8; 12], body: &[u8], number: u64) -> Option<([u8; 12], &[u8])> {
        let low = iv.last_chunk_mut::<8>()?;
        if self == Form::Tls12Explicit {
            let (explicit, rest) = body.split_first_chunk::<8>()?;
            *low = *explicit;
            return Some((iv, rest));
        }
        *low = (u64::from_be_bytes(*low) ^ number).to_be_bytes();
        Some((iv, body))
    }
}
