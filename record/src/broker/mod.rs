//! The broker that is recorded: its process, and what is known of it from outside.

mod command_line;
mod control_group;
mod jvm;
mod listeners;
mod mounts;
mod properties;
mod sockets;
mod status;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use command_line::CommandLine;
pub use control_group::ControlGroup;
pub use jvm::Jvm;
pub use listeners::Listener;
pub use mounts::Mount;
pub(crate) use mounts::{mount_of, mounts};
pub use properties::Properties;
pub use status::Status;

use crate::error::Error;
use crate::host::Host;

/// Where a broker keeps its logs when its settings do not say it.
const DEFAULT_LOG_DIR: &str = "/tmp/kafka-logs";

/// A running broker.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Its process, as this machine counts.
    pub pid: u32,
    /// When the process began, in the kernel's ticks since boot: another process with the same id has another.
    pub started: u64,
    /// Who it runs as.
    pub status: Status,
    /// How it was started; none of a process that is no broker by its command line.
    pub command_line: Option<CommandLine>,
    /// Its settings, with those of `--override`; empty when their file may not be read.
    pub properties: Properties,
    /// Where its settings were read.
    pub properties_file: Option<PathBuf>,
    /// Where it takes connections, by port.
    pub listeners: Vec<Listener>,
    /// Its log directories, as it sees their paths.
    pub log_dirs: Vec<PathBuf>,
    /// What it has mounted.
    pub mounts: Vec<Mount>,
    /// Its JVM.
    pub jvm: Jvm,
    /// Its control group.
    pub control_group: ControlGroup,
}

impl Broker {
    /// Looks at a process.
    ///
    /// # Errors
    /// When there is no such process, or it may not be looked at.
    pub fn of(host: &Host, pid: u32) -> Result<Self, Error> {
        let status = Status::of(host, pid)
            .map_err(|_| Error::process(format!("there is no process {pid}")))?;
        let cmdline = host
            .bytes(format!("/proc/{pid}/cmdline"))
            .unwrap_or_default();
        let command_line = CommandLine::parse(&cmdline);
        let jvm = Jvm::of(host, pid).map_err(|error| {
            Error::process(format!(
                "process {pid} may not be looked at ({error}): run as root, or with CAP_SYS_PTRACE"
            ))
        })?;
        let (properties, properties_file) = properties_of(host, pid, command_line.as_ref());
        let mut log_dirs: Vec<PathBuf> = ["log.dirs", "log.dir"]
            .into_iter()
            .map(|name| properties.list(name))
            .find(|it| !it.is_empty())
            .unwrap_or_default()
            .into_iter()
            .map(|path| absolute(host, pid, path))
            .collect();
        if log_dirs.is_empty() && !properties.is_empty() {
            log_dirs.push(PathBuf::from(DEFAULT_LOG_DIR));
        }
        let open = sockets::listening_ports(host, pid);
        Ok(Self {
            pid,
            started: started(host, pid).unwrap_or_default(),
            listeners: listeners::listeners(&properties, open.as_ref()),
            mounts: mounts(host, &pid.to_string()),
            control_group: ControlGroup::of(host, pid),
            status,
            command_line,
            properties,
            properties_file,
            log_dirs,
            jvm,
        })
    }

    /// The process of the one broker of this machine.
    ///
    /// # Errors
    /// When there is none, or more than one: the message names them.
    pub fn find(host: &Host) -> Result<u32, Error> {
        let brokers = Self::all(host);
        match brokers[..] {
            [pid] => Ok(pid),
            [] => Err(Error::process(
                "no broker runs here: no process has the class kafka.Kafka on its command line; name it with --pid",
            )),
            _ => {
                let pids: Vec<String> = brokers.iter().map(u32::to_string).collect();
                let pids = pids.join(", ");
                Err(Error::process(format!(
                    "more than one broker runs here (processes {pids}): name one with --pid"
                )))
            }
        }
    }

    /// All processes that run a broker, by id.
    pub fn all(host: &Host) -> Vec<u32> {
        let names = host.names("/proc");
        let mut pids: Vec<u32> = names.iter().filter_map(|it| it.parse().ok()).collect();
        pids.retain(|pid| {
            let cmdline = host.bytes(format!("/proc/{pid}/cmdline"));
            cmdline.is_ok_and(|it| CommandLine::parse(&it).is_some())
        });
        pids.sort_unstable();
        pids
    }

    /// The same broker after a restart: the process that was started later with the same id and log directories. None when
    /// there are several, as of containers that all call their folder the same.
    pub fn successor(&self, host: &Host) -> Option<Self> {
        let id = |broker: &Self| {
            let names = ["node.id", "broker.id"].into_iter();
            let mut ids = names.filter_map(|name| broker.properties.get(name));
            ids.next().map(str::to_owned)
        };
        let brokers = Self::all(host).into_iter();
        let later = brokers.filter_map(|pid| {
            let later = Self::of(host, pid).ok()?;
            let is_other = (later.pid, later.started) != (self.pid, self.started);
            let is_same = later.log_dirs == self.log_dirs && id(&later) == id(self);
            (is_other && is_same && later.started >= self.started).then_some(later)
        });
        let mut later: Vec<Self> = later.collect();
        match later.len() {
            1 => later.pop(),
            _ => None,
        }
    }

    /// Whether its process still runs, and is no other with the same id.
    pub fn is_running(&self, host: &Host) -> bool {
        started(host, self.pid).is_some_and(|it| it == self.started)
    }

    /// A path as the broker sees it, as this machine sees it.
    pub fn outside(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix("/").unwrap_or(path);
        Path::new(&format!("/proc/{}/root", self.pid)).join(below)
    }

    /// The mounts of its log directories, each once, with the directories in them.
    pub fn log_mounts(&self) -> Vec<(&Mount, Vec<&Path>)> {
        let mut found: Vec<(&Mount, Vec<&Path>)> = Vec::new();
        for dir in &self.log_dirs {
            let Some(mount) = mount_of(&self.mounts, dir) else {
                continue;
            };
            match found.iter_mut().find(|(it, _)| *it == mount) {
                Some((_, dirs)) => dirs.push(dir),
                None => found.push((mount, vec![dir])),
            }
        }
        found
    }

    /// The ports of its listeners.
    pub fn ports(&self) -> BTreeSet<u16> {
        self.listeners.iter().map(|it| it.port).collect()
    }
}

/// The settings, and where they were read.
fn properties_of(
    host: &Host,
    pid: u32,
    command_line: Option<&CommandLine>,
) -> (Properties, Option<PathBuf>) {
    let Some(command_line) = command_line else {
        return (Properties::default(), None);
    };
    let file = command_line.properties_file.as_deref();
    let file = file.map(|file| absolute(host, pid, file));
    let text = file.as_ref().and_then(|file| {
        let below = file.strip_prefix("/").unwrap_or(file);
        host.text(Path::new(&format!("/proc/{pid}/root")).join(below))
            .ok()
    });
    let is_read = text.is_some();
    let mut properties = Properties::parse(&text.unwrap_or_default());
    for (name, value) in &command_line.overrides {
        properties.set(name, value);
    }
    (properties, file.filter(|_| is_read))
}

/// A path that a process was given, from the root of its mounts on.
fn absolute(host: &Host, pid: u32, path: &str) -> PathBuf {
    let folder = host.link(format!("/proc/{pid}/cwd"));
    folder.unwrap_or_else(|| PathBuf::from("/")).join(path)
}

/// Field 22 of `/proc/PID/stat`, counted behind the name, which may hold anything; none of a process that is gone
/// or was ended and not yet collected.
fn started(host: &Host, pid: u32) -> Option<u64> {
    let text = host.text(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind) = text.rsplit_once(')')?;
    let mut fields = behind.split_ascii_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with a broker as process 4242.
    fn machine() -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let write = |path: &str, text: &str| host.put(path, text);
        write(
            "/proc/4242/cmdline",
            "java\0-Xmx1g\0kafka.Kafka\0conf/server.properties\0--override\0node.id=4\0",
        );
        write("/proc/4242/status", "Uid:\t1\t1\t1\t1\nNSpid:\t4242\t1\n");
        write(
            "/proc/4242/stat",
            "4242 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20\n",
        );
        write(
            "/proc/4242/maps",
            "1 r-xp 0 0 0 /jdk/lib/server/libjvm.so\n",
        );
        write(
            "/proc/4242/mountinfo",
            "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 8:2 / /data rw - xfs /dev/sdb rw\n",
        );
        write(
            "/proc/4242/root/opt/kafka/conf/server.properties",
            "listeners=SSL://:9093\nlog.dirs=/data/a,/data/b,logs\nnode.id=1\n",
        );
        std::os::unix::fs::symlink("/opt/kafka", host.path("/proc/4242/cwd")).unwrap();
        write("/proc/12/cmdline", "bash\0-c\0pgrep -f kafka.Kafka\0");
        write("/proc/self/mountinfo", "");
        (root, host)
    }

    #[test]
    fn a_broker_is_found_with_its_settings_and_mounts() {
        let (_root, host) = machine();
        let pid = Broker::find(&host).unwrap();
        let broker = Broker::of(&host, pid).unwrap();
        assert_eq!(broker.ports(), BTreeSet::from([9093]));
        assert!(broker.listeners[0].is_encrypted());
        assert_eq!(broker.properties.get("node.id"), Some("4"));
        assert_eq!(broker.status.inner_pid, 1);
        assert_eq!(broker.started, 777);
        assert!(broker.is_running(&host));
        let mounts = broker.log_mounts();
        let told: Vec<_> = mounts
            .iter()
            .map(|(mount, dirs)| (mount.file_system.as_str(), dirs.len()))
            .collect();
        assert_eq!(told, [("xfs", 2), ("ext4", 1)]);
        assert_eq!(broker.log_dirs[2], Path::new("/opt/kafka/logs"));
    }

    #[test]
    fn none_several_and_others_are_told_apart() {
        let (_root, host) = machine();
        std::fs::create_dir_all(host.path("/proc/77")).unwrap();
        std::fs::write(host.path("/proc/77/cmdline"), "java\0kafka.Kafka\0x\0").unwrap();
        let error = Broker::find(&host).unwrap_err().to_string();
        assert!(error.contains("77, 4242"), "{error}");
        let empty = tempfile::tempdir().unwrap();
        let error = Broker::find(&Host::at(empty.path()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("--pid"), "{error}");
        let error = Broker::of(&host, 5).unwrap_err().to_string();
        assert_eq!(error, "there is no process 5");
    }

    #[test]
    fn a_broker_that_was_restarted_is_known_by_its_id_and_its_logs() {
        let (_root, host) = machine();
        let before = Broker::of(&host, 4242).unwrap();
        assert!(before.successor(&host).is_none());
        let start = |pid: u32, started: u64, id: u32| {
            let of = |file: &str| format!("/proc/{pid}/{file}");
            let words = format!(
                "java\0kafka.Kafka\0/opt/kafka/conf/server.properties\0--override\0node.id={id}\0"
            );
            host.put(&of("cmdline"), &words);
            host.put(&of("status"), "Uid:\t1\t1\t1\t1\n");
            let fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18";
            host.put(
                &of("stat"),
                &format!("{pid} (java) {fields} {started} 20\n"),
            );
            host.put(&of("maps"), "");
            host.put(&of("mountinfo"), "");
            host.put(
                &of("root/opt/kafka/conf/server.properties"),
                "log.dirs=/data/a,/data/b,/opt/kafka/logs\n",
            );
        };
        // Of another id, and one that ran before.
        start(50, 900, 5);
        start(51, 700, 4);
        assert!(before.successor(&host).is_none());
        start(52, 900, 4);
        assert_eq!(before.successor(&host).map(|it| it.pid), Some(52));
        start(53, 901, 4);
        assert!(before.successor(&host).is_none());
    }

    #[test]
    fn another_process_with_the_same_id_is_another() {
        let (_root, host) = machine();
        let broker = Broker::of(&host, 4242).unwrap();
        std::fs::write(
            host.path("/proc/4242/stat"),
            "4242 (java) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20\n",
        )
        .unwrap();
        assert!(!broker.is_running(&host));
    }
}
