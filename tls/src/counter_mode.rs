//! AES in the counter mode of GCM (NIST SP 800-38D), without its proof: for records that were cut.

use std::fmt;

use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};

use crate::cipher_suite::Cipher;

const BLOCK: usize = 16;

/// A key.
pub(crate) struct CounterMode(Key);

enum Key {
    Aes128(Aes128),
    Aes256(Aes256),
}

impl fmt::Debug for CounterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AES-CTR")
    }
}

impl CounterMode {
    /// For a cipher that is GCM.
    pub(crate) fn new(cipher: Cipher, key: &[u8]) -> Option<Self> {
        let key = match cipher {
            Cipher::Aes128Gcm => Key::Aes128(Aes128::new_from_slice(key).ok()?),
            Cipher::Aes256Gcm => Key::Aes256(Aes256::new_from_slice(key).ok()?),
            _ => return None,
        };
        Some(Self(key))
    }

    /// Decrypts the first bytes of a text in place.
    pub(crate) fn apply(&self, nonce: [u8; 12], text: &mut [u8]) {
        // Block 1 is the tag's.
        let mut count = 2_u32;
        for chunk in text.chunks_mut(BLOCK) {
            let mut block = [0; BLOCK];
            if let Some((head, tail)) = block.split_first_chunk_mut::<12>() {
                *head = nonce;
                tail.copy_from_slice(&count.to_be_bytes());
            }
            let mut block = Array::from(block);
            match &self.0 {
                Key::Aes128(key) => key.encrypt_block(&mut block),
                Key::Aes256(key) => key.encrypt_block(&mut block),
            }
            for (byte, mask) in chunk.iter_mut().zip(block) {
                *byte ^= mask;
            }
            count = count.wrapping_add(1);
        }
    }
}
