//! Which broker a command is about.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;

use kcorr_record::{Broker, Host};

/// `--pid`: a process, or the one broker of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BrokerProcess {
    /// The one that runs here.
    Auto,
    /// This one.
    Pid(u32),
}

impl FromStr for BrokerProcess {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(pid @ 1..) => Ok(Self::Pid(pid)),
                _ => Err("expected the number of a process, or auto".to_owned()),
            },
        }
    }
}

impl BrokerProcess {
    /// Looks at the broker.
    pub(crate) fn broker(self, host: &Host) -> anyhow::Result<Broker> {
        let pid = match self {
            Self::Auto => Broker::find(host)?,
            Self::Pid(pid) => pid,
        };
        Ok(Broker::of(host, pid)?)
    }
}

/// The device that a path, or the nearest folder above it that is there, is on.
pub(crate) fn device_of(path: &Path) -> Option<u64> {
    let path = std::path::absolute(path).ok()?;
    let metadata = path.ancestors().find_map(|it| std::fs::metadata(it).ok());
    metadata.map(|metadata| metadata.dev())
}

/// The devices that the broker's log directories are on.
pub(crate) fn log_devices(host: &Host, broker: &Broker) -> BTreeSet<u64> {
    let dirs = broker
        .log_dirs
        .iter()
        .map(|dir| host.path(broker.outside(dir)));
    dirs.filter_map(|dir| device_of(&dir)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_a_number_or_found() {
        assert_eq!("auto".parse(), Ok(BrokerProcess::Auto));
        assert_eq!("4242".parse(), Ok(BrokerProcess::Pid(4242)));
        for bad in ["0", "-1", "kafka", ""] {
            assert!(bad.parse::<BrokerProcess>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_on_the_device_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("a/b");
        assert_eq!(device_of(&new), device_of(folder.path()));
        assert!(device_of(&new).is_some());
    }
}
