//! A file that is written beside the one it replaces, and takes its place once it is whole.

use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::output::pager::Pager;
use crate::output::visible::standard_output;

/// Where output goes. What is dropped before it is finished leaves the old file as it was.
pub(crate) enum OutputFile {
    /// Written in the same folder, and renamed.
    Beside {
        new: BufWriter<NamedTempFile>,
        path: PathBuf,
    },
    /// Written as it comes: standard output, a pipe, a device.
    Direct(BufWriter<Box<dyn Write + Send>>),
    /// Shown on a terminal, by a pager if there is one.
    Paged(Pager),
}

impl OutputFile {
    /// Standard output as it is, for text whose parts were made visible already.
    pub(crate) fn stdout() -> Self {
        Self::Direct(BufWriter::new(Box::new(io::stdout())))
    }

    /// Standard output on a terminal, for text whose parts were made visible already. Wide lines are not broken.
    pub(crate) fn paged(is_wide: bool) -> Self {
        Self::Paged(Pager::new(is_wide))
    }

    /// A file of that name once it is finished; `-` is standard output, visible on a terminal. What is no file, such as a pipe
    /// or a device, is written to at once.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Direct(BufWriter::new(standard_output())));
        }
        Self::open(path).with_context(|| format!("cannot create {}", path.display()))
    }

    fn open(path: &Path) -> io::Result<Self> {
        let old = path.metadata().ok();
        let is_link = path.is_symlink();
        if is_descriptor(path) || old.as_ref().map_or(is_link, |old| !old.is_file()) {
            let file = File::create(path)?;
            return Ok(Self::Direct(BufWriter::new(Box::new(file))));
        }
        // A link stays one: the file that it leads to is replaced.
        let path = if is_link {
            path.canonicalize()?
        } else {
            path.to_owned()
        };
        if old.is_some() {
            // What may not be written to may not be replaced either.
            File::options().append(true).open(&path)?;
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let mut builder = tempfile::Builder::new();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.");
        builder.prefix(&prefix).suffix(".new");
        #[cfg(unix)]
        builder.permissions(permissions(old.as_ref()));
        let new = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
        if let Some(old) = old {
            // The process's mask has taken bits of these away.
            new.as_file().set_permissions(old.permissions())?;
        }
        Ok(Self::Beside {
            new: BufWriter::new(new),
            path,
        })
    }

    /// Puts the file in its place, whole.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Direct(mut out) => Ok(out.flush()?),
            Self::Paged(pager) => pager.finish(),
            Self::Beside { new, path } => {
                let place = || -> io::Result<()> {
                    let new = new.into_inner().map_err(io::IntoInnerError::into_error)?;
                    new.as_file().sync_all()?;
                    new.persist(&path).map_err(|e| e.error)?;
                    Ok(())
                };
                place().with_context(|| format!("cannot write {}", path.display()))
            }
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Beside { new, .. } => new.write(bytes),
            Self::Direct(out) => out.write(bytes),
            Self::Paged(pager) => pager.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Beside { new, .. } => new.flush(),
            Self::Direct(out) => out.flush(),
            Self::Paged(pager) => pager.flush(),
        }
    }
}

/// Whether a path stands for something that this process has open already.
fn is_descriptor(path: &Path) -> bool {
    let places = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"];
    places.iter().any(|place| path.starts_with(place))
}

/// Those of the old file, else what a new one gets.
#[cfg(unix)]
fn permissions(old: Option<&Metadata>) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    old.map_or_else(
        || std::fs::Permissions::from_mode(0o666),
        Metadata::permissions,
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_when_it_is_finished_and_not_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("blame.csv");
        fs::write(&path, "old").expect("a file");
        let mut out = OutputFile::create(&path).expect("a file");
        out.write_all(b"new").expect("written");
        out.flush().expect("written");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "old");
        out.finish().expect("finished");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "new");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn what_is_not_finished_leaves_nothing_and_the_old_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("blame.csv");
        fs::write(&path, "old").expect("a file");
        let mut out = OutputFile::create(&path).expect("a file");
        out.write_all(b"half").expect("written");
        drop(out);
        assert_eq!(fs::read_to_string(&path).expect("a file"), "old");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_rights_stay_as_they_were() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("real.html"), folder.path().join("link"));
        fs::write(&path, "old").expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("rights");
        symlink(&path, &link).expect("a link");
        let mut out = OutputFile::create(&link).expect("a file");
        out.write_all(b"new").expect("written");
        out.finish().expect("finished");
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&path).expect("a file"), "new");
        let mode = path.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[test]
    fn a_device_is_written_to_as_it_is() {
        let out = OutputFile::create(Path::new("/dev/null")).expect("a device");
        assert!(matches!(out, OutputFile::Direct(_)));
        let out = OutputFile::create(Path::new("/dev/stdout")).expect("a device");
        assert!(matches!(out, OutputFile::Direct(_)));
    }
}
