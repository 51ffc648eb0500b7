//! Cipher suites: what a number that the server chose says of how records are protected.
//!
//! Source: IANA's registry of TLS cipher suites; RFC 8446 (TLS 1.3), 5246 and 5288, 5289 (AES of TLS 1.2), 7905
//! (ChaCha20). How the master secret came about does not matter, so suites of all key exchanges are here that
//! Java and OpenSSL have; CCM, Camellia, ARIA, RC4 and 3DES are not.

/// How records are encrypted and authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    /// AES in CBC mode with a key of so many bytes, and an HMAC.
    AesCbc(usize, Mac),
}

/// The HMAC of a suite with CBC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mac {
    Sha1,
    Sha256,
    Sha384,
}

/// The hash function of a suite's key derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
}

/// What a suite's number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CipherSuite {
    pub(crate) cipher: Cipher,
    pub(crate) hash: Hash,
}

impl CipherSuite {
    /// The suite with a number, if records of it can be read.
    pub(crate) fn of(number: u16) -> Option<Self> {
        use Cipher::{Aes128Gcm, Aes256Gcm, AesCbc, ChaCha20Poly1305};
        use Hash::{Sha256, Sha384};
        let (cipher, hash) = match number {
            // AES_128_GCM_SHA256: TLS 1.3; RSA, DHE, DH, PSK, ECDHE, ECDH of TLS 1.2.
            0x1301 | 0x009c | 0x009e | 0x00a0 | 0x00a2 | 0x00a4 | 0x00a8 | 0x00aa | 0x00ac
            | 0xc02b | 0xc02d | 0xc02f | 0xc031 | 0xd001 => (Aes128Gcm, Sha256),
            0x1302 | 0x009d | 0x009f | 0x00a1 | 0x00a3 | 0x00a5 | 0x00a9 | 0x00ab | 0x00ad
            | 0xc02c | 0xc02e | 0xc030 | 0xc032 | 0xd002 => (Aes256Gcm, Sha384),
            0x1303 | 0xcca8..=0xccae => (ChaCha20Poly1305, Sha256),
            // AES_128_CBC_SHA and AES_256_CBC_SHA.
            0x002f..=0x0033 | 0xc004 | 0xc009 | 0xc00e | 0xc013 => (AesCbc(16, Mac::Sha1), Sha256),
            0x0035..=0x0039 | 0xc005 | 0xc00a | 0xc00f | 0xc014 => (AesCbc(32, Mac::Sha1), Sha256),
            // AES_128_CBC_SHA256 and AES_256_CBC_SHA256.
            0x003c | 0x003e..=0x0040 | 0x0067 | 0xc023 | 0xc025 | 0xc027 | 0xc029 => {
                (AesCbc(16, Mac::Sha256), Sha256)
            }
            0x003d | 0x0068..=0x006b => (AesCbc(32, Mac::Sha256), Sha256),
            0xc024 | 0xc026 | 0xc028 | 0xc02a => (AesCbc(32, Mac::Sha384), Sha384),
            _ => return None,
        };
        Some(Self { cipher, hash })
    }

    /// The suites that a TLS 1.3 traffic secret of so many bytes may be of.
    pub(crate) fn of_traffic_secret(bytes: usize) -> &'static [Self] {
        use Cipher::{Aes128Gcm, Aes256Gcm, ChaCha20Poly1305};
        const OF_32: &[CipherSuite] = &[
            CipherSuite {
                cipher: Aes128Gcm,
                hash: Hash::Sha256,
            },
            CipherSuite {
                cipher: ChaCha20Poly1305,
                hash: Hash::Sha256,
            },
        ];
        const OF_48: &[CipherSuite] = &[CipherSuite {
            cipher: Aes256Gcm,
            hash: Hash::Sha384,
        }];
        match bytes {
            32 => OF_32,
            48 => OF_48,
            _ => &[],
        }
    }
}

impl Cipher {
    /// Bytes of a key.
    pub(crate) fn key_bytes(self) -> usize {
        match self {
            Cipher::Aes128Gcm => 16,
            Cipher::Aes256Gcm | Cipher::ChaCha20Poly1305 => 32,
            Cipher::AesCbc(bytes, _) => bytes,
        }
    }
}

impl Mac {
    /// Bytes of a code, and of its key.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Mac::Sha1 => 20,
            Mac::Sha256 => 32,
            Mac::Sha384 => 48,
        }
    }
}
