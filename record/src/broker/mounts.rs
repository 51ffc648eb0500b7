//! The mounts of a process, as `/proc/PID/mountinfo` tells them.

use std::path::{Path, PathBuf};

use crate::host::Host;

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// `major:minor` of its device.
    pub device: String,
    /// The folder of the file system that is mounted.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// Options of the mount: `rw`, `noatime`.
    pub options: String,
    /// `ext4`, `xfs`, `overlay`, …
    pub file_system: String,
    /// What is mounted: `/dev/nvme1n1`.
    pub source: String,
    /// Options of the file system in force: `data=ordered,commit=5`.
    pub super_options: String,
}

impl Mount {
    /// Both kinds of options, those of the mount first, each once.
    pub fn all_options(&self) -> String {
        let mut options: Vec<&str> = Vec::new();
        for option in self.options.split(',').chain(self.super_options.split(',')) {
            if !option.is_empty() && !options.contains(&option) {
                options.push(option);
            }
        }
        options.join(",")
    }
}

/// The mounts that a process sees, in order; none when they cannot be read. `process` is a pid or `self`.
pub(crate) fn mounts(host: &Host, process: &str) -> Vec<Mount> {
    let text = host.text(format!("/proc/{process}/mountinfo"));
    let text = text.unwrap_or_default();
    text.lines().filter_map(mount).collect()
}

/// The mount that a path is in: the longest point of which it is below, the last one of that place.
pub(crate) fn mount_of<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let holding = mounts.iter().filter(|mount| path.starts_with(&mount.point));
    holding.max_by_key(|mount| mount.point.components().count())
}

/// One line: `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`.
fn mount(line: &str) -> Option<Mount> {
    let (own, other) = line.split_once(" - ")?;
    let mut own = own.split(' ').skip(2);
    let mut other = other.split(' ');
    Some(Mount {
        device: own.next()?.to_owned(),
        root: PathBuf::from(plain(own.next()?)),
        point: PathBuf::from(plain(own.next()?)),
        options: own.next()?.to_owned(),
        file_system: other.next()?.to_owned(),
        source: plain(other.next()?),
        super_options: other.next().unwrap_or_default().to_owned(),
    })
}

/// A path without the octal escapes for blanks and backslashes.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, behind) = rest.split_at(at);
        plain.push_str(before);
        let code = behind
            .get(1..4)
            .and_then(|it| u8::from_str_radix(it, 8).ok());
        match code {
            Some(code) => {
                plain.push(char::from(code));
                rest = behind.get(4..).unwrap_or_default();
            }
            None => {
                plain.push('\\');
                rest = behind.get(1..).unwrap_or_default();
            }
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
22 27 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
36 22 259:2 / /var/lib/my\\040kafka rw,noatime - ext4 /dev/nvme1n1 rw,data=ordered,commit=5
37 36 259:3 / /var/lib/my\\040kafka rw - xfs /dev/nvme2n1 rw,logbufs=8
broken line
";

    #[test]
    fn a_path_is_in_the_last_of_the_nearest_mounts() {
        let mounts: Vec<Mount> = TEXT.lines().filter_map(mount).collect();
        assert_eq!(mounts.len(), 3);
        let found = mount_of(&mounts, Path::new("/var/lib/my kafka/logs")).unwrap();
        assert_eq!(
            (found.file_system.as_str(), found.device.as_str()),
            ("xfs", "259:3")
        );
        let found = mount_of(&mounts, Path::new("/var/lib/my")).unwrap();
        assert_eq!(found.source, "/dev/sda1");
        assert_eq!(mounts[1].all_options(), "rw,noatime,data=ordered,commit=5");
    }

    #[test]
    fn escapes_that_are_none_stay() {
        assert_eq!(plain("a\\x\\134b\\"), "a\\x\\b\\");
    }
}
