//! Where a recording is put, and how its programs are started.

use std::io;
use std::path::{Path, PathBuf};

use crate::child::Launcher;
use crate::kept::Kept;
use crate::ring::{Framing, Ring, RingSettings};
use crate::sink::{Sink, WholeFile};

/// The folder of a recording.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its folder.
    pub folder: PathBuf,
    /// How children are started.
    pub launcher: Launcher,
    /// How much is kept, when the recording goes on until it is ended; else all of it is.
    pub ring: Option<RingSettings>,
}

impl Place {
    /// The file of a name.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A sink for a file of that name, and what is kept of what it takes.
    ///
    /// # Errors
    /// When it cannot be made, in one sentence.
    pub(crate) fn keep(
        &self,
        name: &str,
        framing: Framing,
    ) -> Result<(Box<dyn Sink>, Kept), String> {
        self.made(name, framing)
            .map_err(|error| format!("cannot write {name}: {error}"))
    }

    fn made(&self, name: &str, framing: Framing) -> io::Result<(Box<dyn Sink>, Kept)> {
        let Some(mut settings) = self.ring else {
            let file = self.file(name);
            return Ok((Box::new(WholeFile::create(&file)?), Kept::Whole(file)));
        };
        // Half of all is for packets, and the rest for a dozen others.
        settings.most_bytes /= match framing {
            Framing::Pcap => 2,
            Framing::Lines { .. } => 24,
        };
        let (ring, sink) = Ring::create(&self.folder, name, framing, settings)?;
        Ok((Box::new(sink), Kept::LastMinutes(ring)))
    }
}

/// Bytes of a file, 0 when it is not there.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
