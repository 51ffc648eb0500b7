//! The control group of a process: where its limits and counters are.

use std::path::{Path, PathBuf};

use super::mounts::mounts;
use crate::host::Host;

/// The folders of a process's control groups: one of version 2, and one for each controller of version 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlGroup {
    folders: Vec<(String, PathBuf)>,
}

impl ControlGroup {
    /// Finds them by `/proc/PID/cgroup` and where control groups are mounted here.
    pub fn of(host: &Host, pid: u32) -> Self {
        let text = host.text(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let mounts = mounts(host, "self");
        let mut folders = Vec::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, ':');
            let (_, Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let (kind, controllers): (_, Vec<&str>) = match controllers {
                "" => ("cgroup2", vec![""]),
                names => ("cgroup", names.split(',').collect()),
            };
            for controller in controllers {
                let mounted = mounts.iter().find(|mount| {
                    let mut options = mount.super_options.split(',');
                    mount.file_system == kind
                        && (controller.is_empty() || options.any(|it| it == controller))
                });
                let Some(mounted) = mounted else { continue };
                let path = Path::new(path);
                let below = path.strip_prefix(&mounted.root).unwrap_or(path);
                let below = below.strip_prefix("/").unwrap_or(below);
                folders.push((controller.to_owned(), mounted.point.join(below)));
            }
        }
        Self { folders }
    }

    /// The first of its folders that has a file: `cpu.stat`, `io.stat`. A controller's own folder is asked before
    /// that of version 2.
    pub fn file(&self, host: &Host, controller: &str, name: &str) -> Option<PathBuf> {
        let own = self.folders.iter().filter(|(it, _)| it == controller);
        let unified = self.folders.iter().filter(|(it, _)| it.is_empty());
        let mut files = own.chain(unified).map(|(_, folder)| folder.join(name));
        files.find(|file| host.path(file).is_file())
    }

    /// The path of the group of version 2, or the first of version 1, for people.
    pub fn name(&self) -> Option<&Path> {
        let unified = self.folders.iter().find(|(it, _)| it.is_empty());
        let folder = unified.or(self.folders.first());
        folder.map(|(_, folder)| folder.as_path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        for (path, text) in files {
            host.put(path, text);
        }
        (root, host)
    }

    #[test]
    fn both_versions_are_found_and_the_controller_s_own_first() {
        let (_root, host) = host(&[
            (
                "/proc/7/cgroup",
                "4:cpu,cpuacct:/kafka\n0::/system.slice/kafka.service\n",
            ),
            (
                "/proc/self/mountinfo",
                "1 0 0:1 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n\
                 2 0 0:2 / /sys/fs/cgroup/cpu rw - cgroup none rw,cpuacct,cpu\n",
            ),
            ("/sys/fs/cgroup/cpu/kafka/cpu.stat", "nr_throttled 0\n"),
            (
                "/sys/fs/cgroup/unified/system.slice/kafka.service/io.stat",
                "",
            ),
        ]);
        let group = ControlGroup::of(&host, 7);
        let file = |controller, name| group.file(&host, controller, name);
        assert_eq!(
            file("cpu", "cpu.stat").as_deref(),
            Some(Path::new("/sys/fs/cgroup/cpu/kafka/cpu.stat"))
        );
        assert!(file("io", "io.stat").is_some_and(|it| it.starts_with("/sys/fs/cgroup/unified")));
        assert_eq!(file("memory", "memory.stat"), None);
    }

    #[test]
    fn a_process_that_is_gone_has_none() {
        let (_root, host) = host(&[]);
        assert_eq!(ControlGroup::of(&host, 7), ControlGroup::default());
    }
}
