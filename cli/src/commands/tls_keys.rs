//! `--tls-keys FILE…`: key logs, which are read and not kept.
//!
//! Who has a key log can read all that its connections carried: a file that others can read is refused, and no
//! byte of one is stored, shown or copied.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use kcorr_ingest_pcap::{KeyLogReader, TlsKeys};
use kcorr_store::input::{Compression, Input, Stop};
use zeroize::Zeroizing;

/// Files that may have grown are looked at so often at most.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Bytes that are read at a time.
const READ_BYTES: usize = 64 << 10;

/// Key logs of encrypted connections.
#[derive(Debug, Default, Args)]
pub(super) struct TlsKeyLogs {
    /// Key logs of the TLS sessions in captures (RFC 9850), as agents in the broker's JVM and SSLKEYLOGFILE write them
    #[arg(long, num_args = 1.., value_name = "FILE")]
    tls_keys: Vec<PathBuf>,

    /// Use key logs that other users can read, too
    #[arg(long)]
    tls_keys_readable: bool,
}

impl TlsKeyLogs {
    pub(super) fn are_given(&self) -> bool {
        !self.tls_keys.is_empty()
    }

    /// The secrets of the files that were named. Key logs are read on while `is_growing`, as a capture that comes
    /// through a pipe goes on.
    pub(super) fn read(&self, is_growing: bool) -> anyhow::Result<TlsKeys> {
        let keys = TlsKeys::default();
        let mut logs = Vec::new();
        for path in &self.tls_keys {
            let log = self
                .read_one(path, &keys)
                .with_context(|| path.display().to_string())?;
            logs.extend(log);
        }
        if !is_growing || logs.is_empty() {
            return Ok(keys);
        }
        let logs = Mutex::new((Instant::now(), logs));
        Ok(keys.growing(move || {
            let mut logs = logs.lock().unwrap_or_else(PoisonError::into_inner);
            let (looked, logs) = &mut *logs;
            if looked.elapsed() < LOOK_AGAIN {
                return;
            }
            *looked = Instant::now();
            for log in logs {
                // What cannot be read now is missing as it was before.
                let _ = log.read_on();
            }
        }))
    }

    /// Adds the secrets of a file to `keys`; returns it if it may grow.
    pub(super) fn read_one(
        &self,
        path: &Path,
        keys: &TlsKeys,
    ) -> anyhow::Result<Option<GrowingLog>> {
        let name = path.display();
        let about = std::fs::metadata(path)?;
        if !self.tls_keys_readable
            && let Some(mode) = readable_by_others(&about)
        {
            bail!(
                "other users can read these keys, and with them all that the connections carried \
                 (mode {mode:04o}): chmod 600 {name}, or use it as it is with --tls-keys-readable"
            );
        }
        let known = keys.sessions();
        let (malformed_before, _) = keys.malformed_lines();
        let mut log = GrowingLog {
            path: path.to_owned(),
            reader: KeyLogReader::new(name.to_string(), keys),
            read: 0,
        };
        let input = Input::open(path, &Stop::default())?;
        let is_plain_file = input.compression == Compression::None && about.is_file();
        let mut bytes = input.reader(|_| ())?;
        log.push_all(&mut bytes)?;
        let (malformed, first) = keys.malformed_lines();
        if keys.sessions() == known && malformed > malformed_before {
            let what = first.unwrap_or_default();
            bail!("holds no keys of TLS sessions ({what})");
        }
        Ok(is_plain_file.then_some(log))
    }
}

/// A key log that is being written.
#[derive(Debug)]
pub(super) struct GrowingLog {
    path: PathBuf,
    reader: KeyLogReader,
    /// Bytes that were read.
    read: u64,
}

impl GrowingLog {
    /// Reads what was added.
    fn read_on(&mut self) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        if file.metadata()?.len() > self.read {
            file.seek(SeekFrom::Start(self.read))?;
            self.push_all(&mut file)?;
        }
        Ok(())
    }

    fn push_all(&mut self, bytes: &mut impl Read) -> io::Result<()> {
        let mut buffer = Zeroizing::new(vec![0; READ_BYTES]);
        loop {
            match bytes.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    self.reader.push(&buffer[..count]);
                    self.read += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.reader.pause();
        Ok(())
    }
}

/// The mode of a file that others than its owner can read.
#[cfg(unix)]
fn readable_by_others(about: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = about.permissions().mode() & 0o7777;
    (about.is_file() && mode & 0o044 != 0).then_some(mode)
}

/// Access rights of other systems are not looked at.
#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::Metadata) -> Option<u32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    fn key_log(folder: &Path, text: &str, mode: u32) -> PathBuf {
        let path = folder.join("keys.log");
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        path
    }

    fn line(byte: u8) -> String {
        let (random, secret) = (format!("{byte:02x}").repeat(32), "ab".repeat(48));
        format!("CLIENT_RANDOM {random} {secret}\n")
    }

    fn logs(files: &[PathBuf], may_be_readable: bool) -> TlsKeyLogs {
        TlsKeyLogs {
            tls_keys: files.to_vec(),
            tls_keys_readable: may_be_readable,
        }
    }

    #[test]
    fn a_key_log_that_others_can_read_is_refused_unless_it_is_said() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o644, 0o640, 0o604] {
            let path = key_log(folder.path(), &line(1), mode);
            let refused = logs(std::slice::from_ref(&path), false)
                .read(false)
                .unwrap_err();
            let text = format!("{refused:#}");
            assert!(
                text.contains("chmod 600") && text.contains("--tls-keys-readable"),
                "{text}"
            );
            assert!(!text.contains("abab"), "{text}");
            assert_eq!(logs(&[path], true).read(false).unwrap().sessions(), 1);
        }
        let path = key_log(folder.path(), &line(1), 0o600);
        assert_eq!(logs(&[path], false).read(false).unwrap().sessions(), 1);
    }

    #[test]
    fn a_key_log_that_grows_is_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (line(1), line(2));
        let (begun, rest) = second.split_at(90);
        let path = key_log(folder.path(), &format!("{first}{begun}"), 0o600);
        let keys = TlsKeys::default();
        let mut log = logs(&[], false).read_one(&path, &keys).unwrap().unwrap();
        assert_eq!(keys.sessions(), 1);
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        file.write_all(rest.as_bytes()).unwrap();
        log.read_on().unwrap();
        assert_eq!(keys.sessions(), 2);
        assert_eq!(keys.malformed_lines(), (0, None));
    }

    #[test]
    fn a_file_without_keys_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = key_log(folder.path(), "Dear diary\n", 0o600);
        let refused = format!("{:#}", logs(&[path], false).read(false).unwrap_err());
        assert!(refused.contains("line 1"), "{refused}");
    }
}
