//! Versions of bpftrace, and what their scripts can set.

/// A version of bpftrace, as `0.17` or as `bpftrace --version` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BpftraceVersion {
    major: u32,
    minor: u32,
}

/// A version cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version of bpftrace, such as 0.17 or 0.23.1")]
pub struct UnknownVersion(String);

impl std::str::FromStr for BpftraceVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let unknown = || UnknownVersion(text.to_owned());
        let version = text.split_ascii_whitespace().last().ok_or_else(unknown)?;
        let version = version.strip_prefix('v').unwrap_or(version);
        let mut parts = version.split(['.', '-']);
        let mut number = || parts.next().and_then(|part| part.parse().ok());
        match (number(), number()) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(unknown()),
        }
    }
}

impl BpftraceVersion {
    /// Bytes of a string, if a script can set them: config blocks are of 0.20, and strings were held on
    /// a stack of 512 bytes until 0.21. 256 hold every name of a file (`NAME_MAX` and an end).
    pub(crate) fn max_strlen(self) -> Option<u32> {
        match (self.major, self.minor) {
            (0, ..20) => None,
            (0, 20) => Some(STRLEN),
            _ => Some(256),
        }
    }
}

/// The longest `BPFTRACE_STRLEN` with which old versions take the scripts.
pub(crate) const STRLEN: u32 = 128;
