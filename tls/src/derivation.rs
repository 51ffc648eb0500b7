//! Keys from secrets: HKDF-Expand-Label of TLS 1.3 (RFC 8446, 7.1) and the PRF of TLS 1.2 (RFC 5246, 5).

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::cipher_suite::Hash;

impl Hash {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha384 => hmac::HMAC_SHA384,
        }
    }

    /// Bytes of a digest, and of TLS 1.3's secrets.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
        }
    }
}

/// HKDF-Expand-Label with an empty context: `bytes` bytes derived from a TLS 1.3 secret.
pub(crate) fn expand_label(
    hash: Hash,
    secret: &[u8],
    label: &str,
    bytes: usize,
) -> Zeroizing<Vec<u8>> {
    let length = u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
    let label_bytes = u8::try_from(label.len().saturating_add(6)).unwrap_or(u8::MAX);
    let mut info = length.to_vec();
    info.push(label_bytes);
    info.extend_from_slice(b"tls13 ");
    info.extend_from_slice(label.as_bytes());
    info.push(0);
    let key = hmac::Key::new(hash.hmac(), secret);
    let mut derived = Zeroizing::new(Vec::with_capacity(bytes.saturating_add(64)));
    let mut block: Option<hmac::Tag> = None;
    for count in 1_u8..=8 {
        if derived.len() >= bytes {
            break;
        }
        let mut context = hmac::Context::with_key(&key);
        if let Some(block) = &block {
            context.update(block.as_ref());
        }
        context.update(&info);
        context.update(&[count]);
        let next = context.sign();
        derived.extend_from_slice(next.as_ref());
        block = Some(next);
    }
    derived.truncate(bytes);
    derived
}

/// The key block of TLS 1.2: `bytes` bytes derived from a master secret and the randoms.
pub(crate) fn key_block(
    hash: Hash,
    master: &[u8],
    server_random: &[u8; 32],
    client_random: &[u8; 32],
    bytes: usize,
) -> Zeroizing<Vec<u8>> {
    let seed = [
        b"key expansion".as_slice(),
        server_random.as_slice(),
        client_random.as_slice(),
    ]
    .concat();
    let key = hmac::Key::new(hash.hmac(), master);
    let mut derived = Zeroizing::new(Vec::with_capacity(bytes.saturating_add(64)));
    let mut a = hmac::sign(&key, &seed);
    while derived.len() < bytes {
        let mut context = hmac::Context::with_key(&key);
        context.update(a.as_ref());
        context.update(&seed);
        derived.extend_from_slice(context.sign().as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
    derived.truncate(bytes);
    derived
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    /// RFC 8448, 3: the server's handshake traffic secret and the keys of it.
    #[test]
    fn keys_of_tls_1_3_are_those_of_the_standard_s_example() {
        let secret = bytes("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let key = expand_label(Hash::Sha256, &secret, "key", 16);
        assert_eq!(*key, bytes("3fce516009c21727d0f2e4e86ee403bc"));
        let iv = expand_label(Hash::Sha256, &secret, "iv", 12);
        assert_eq!(*iv, bytes("5d313eb2671276ee13000b30"));
    }
}
