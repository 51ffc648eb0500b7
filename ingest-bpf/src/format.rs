//! The formats of tracers' output, by the names that `--bpf-format` takes.

use std::fmt;
use std::str::FromStr;

/// A format. Without one, every line is taken for what it looks like; with one, lines are read as that
/// format even where its header or first lines are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// JSON lines of kcorr's probes.
    KcorrJson,
    /// bpftrace's own text: maps and stacks, with the probes' JSON lines in between.
    Bpftrace,
    /// `bpftrace -f json`.
    BpftraceJson,
    /// JSON lines of any tool, read by a field map.
    MappedJson,
    /// `ext4slower` of bcc or libbpf-tools.
    Ext4slower,
    /// `xfsslower`.
    Xfsslower,
    /// `btrfsslower`.
    Btrfsslower,
    /// `fileslower`.
    Fileslower,
    /// `ext4slower -j` and its kin: comma-separated values with times in µs or ns since boot.
    SlowerCsv,
    /// `START TIME  END TIME  LATENCY  TID  BYTES  OFF_KB  FILE`.
    FileLines,
    /// `START TIME  END TIME  LATENCY  FUNCTION`.
    FunctionLines,
    /// `funcslower`.
    Funcslower,
    /// `biosnoop`.
    Biosnoop,
    /// `runqslower`.
    Runqslower,
    /// Folded stacks of `profile -f`: samples.
    ProfileFolded,
    /// Folded stacks of `offcputime -f`: µs.
    OffcputimeFolded,
    /// Collapsed stacks of async-profiler: samples.
    Collapsed,
    /// Stacks of `profile`: samples.
    Profile,
    /// Stacks of `offcputime`: µs.
    Offcputime,
}

use Format::*;

impl Format {
    /// Every format with its name.
    const ALL: &'static [(&'static str, Format)] = &[
        ("kcorr-json", KcorrJson),
        ("bpftrace", Bpftrace),
        ("bpftrace-json", BpftraceJson),
        ("mapped-json", MappedJson),
        ("ext4slower", Ext4slower),
        ("xfsslower", Xfsslower),
        ("btrfsslower", Btrfsslower),
        ("fileslower", Fileslower),
        ("slower-csv", SlowerCsv),
        ("file-lines", FileLines),
        ("function-lines", FunctionLines),
        ("funcslower", Funcslower),
        ("biosnoop", Biosnoop),
        ("runqslower", Runqslower),
        ("profile-folded", ProfileFolded),
        ("offcputime-folded", OffcputimeFolded),
        ("collapsed", Collapsed),
        ("profile", Profile),
        ("offcputime", Offcputime),
    ];

    /// The names of all formats.
    pub const NAMES: &'static [&'static str] = &{
        let mut names = [""; Self::ALL.len()];
        let mut i = 0;
        #[allow(clippy::indexing_slicing, reason = "checked when compiled")]
        while i < names.len() {
            names[i] = Self::ALL[i].0;
            i += 1;
        }
        names
    };

    /// The name that `--bpf-format` takes.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, format)| *format == self);
        found.map_or("", |(name, _)| name)
    }

    /// The header that the format's tool prints, for inputs whose own is missing.
    pub(crate) fn header(self) -> Option<&'static str> {
        Some(match self {
            Ext4slower | Xfsslower | Btrfsslower => "TIME COMM PID T BYTES OFF_KB LAT(ms) FILENAME",
            Fileslower => "TIME(s) COMM TID D BYTES LAT(ms) FILENAME",
            SlowerCsv => "ENDTIME_us,TASK,PID,TYPE,BYTES,OFFSET_b,LATENCY_us,FILE",
            FileLines => "START TIME END TIME LATENCY TID BYTES OFF_KB FILE",
            FunctionLines => "START TIME END TIME LATENCY FUNCTION",
            Funcslower => "TIME COMM PID LAT(ms) RVAL FUNC",
            Biosnoop => "TIME(s) COMM PID DISK T SECTOR BYTES LAT(ms)",
            Runqslower => "TIME COMM TID LAT(us)",
            _ => return None,
        })
    }

    /// The file system that the format's tool traces, if it traces one.
    pub(crate) fn file_system(self) -> Option<&'static str> {
        match self {
            Ext4slower => Some("ext4"),
            Xfsslower => Some("xfs"),
            Btrfsslower => Some("btrfs"),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No format has such a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown eBPF format `{name}`; known are {}", Format::NAMES.join(", "))]
pub struct UnknownFormat {
    name: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, format)| *format)
            .ok_or_else(|| UnknownFormat {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for name in Format::NAMES {
            assert_eq!(name.parse::<Format>().unwrap().to_string(), *name);
        }
        let error = "ext5slower".parse::<Format>().unwrap_err().to_string();
        assert!(error.contains("ext5slower") && error.contains("ext4slower"));
    }
}
