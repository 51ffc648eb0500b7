//! What a host must have for the programs to be loaded, and who this process is.

use std::path::PathBuf;

use crate::error::{Error, ErrorKind};

/// Where a host shows itself; another root in tests.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    root: PathBuf,
}

const BPF: (u32, &str) = (39, "CAP_BPF");
const PERFMON: (u32, &str) = (38, "CAP_PERFMON");
/// Stands for both.
const SYS_ADMIN: u32 = 21;

/// Says what keeps the programs from being loaded here, if anything that can be known beforehand does.
///
/// # Errors
/// The first thing that is missing, with what would make it be there.
pub fn check() -> Result<(), Error> {
    Host::this().check()
}

impl Host {
    pub(crate) fn this() -> Self {
        Self {
            root: PathBuf::from("/"),
        }
    }

    fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(path)).ok()
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if !cfg!(target_arch = "x86_64") {
            return Err(Error::new(
                ErrorKind::Architecture,
                "the programs read registers of x86-64, and this machine is another: there is no \
                 way but bpftrace's scripts for what needs no registers",
            ));
        }
        if !self.root.join("sys/kernel/btf/vmlinux").exists() {
            return Err(Error::new(
                ErrorKind::NoBtf,
                "the kernel has no /sys/kernel/btf/vmlinux, so the programs cannot be fitted to it: \
                 a kernel built with CONFIG_DEBUG_INFO_BTF has it; bpftrace's scripts need it less",
            ));
        }
        if let Some(lockdown) = self.text("sys/kernel/security/lockdown")
            && lockdown.contains("[confidentiality]")
        {
            return Err(Error::new(
                ErrorKind::Lockdown,
                "the kernel is locked down for confidentiality (/sys/kernel/security/lockdown), and \
                 programs that read its memory are refused to everybody: boot it with \
                 lockdown=integrity or none",
            ));
        }
        let missing = self.missing_capabilities();
        if !missing.is_empty() {
            let missing = missing.join(" and ");
            return Err(Error::new(
                ErrorKind::Permission,
                format!(
                    "this process lacks {missing}: run it as root, or with `setcap \
                     cap_bpf,cap_perfmon,cap_syslog+ep` on the program"
                ),
            ));
        }
        Ok(())
    }

    fn missing_capabilities(&self) -> Vec<&'static str> {
        let status = self.text("proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        // Where /proc says nothing the kernel will.
        let Some(held) = line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()) else {
            return Vec::new();
        };
        let has = |number: u32| held >> number & 1 == 1;
        let needed = [BPF, PERFMON].into_iter();
        let missing = needed.filter(|&(number, _)| !has(number) && !has(SYS_ADMIN));
        missing.map(|(_, name)| name).collect()
    }

    /// The kernel's release, such as `6.1.0-18-amd64`.
    pub(crate) fn release(&self) -> String {
        let release = self.text("proc/sys/kernel/osrelease").unwrap_or_default();
        release.trim().to_owned()
    }

    /// The major and minor number of the release.
    pub(crate) fn version(&self) -> Option<(u32, u32)> {
        let release = self.release();
        let mut numbers = release.split(['.', '-']).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// The number of this process's PID namespace, unless it is the host's own.
    pub(crate) fn inner_namespace(&self) -> Option<u32> {
        /// Of the host's namespace in every kernel (`PROC_PID_INIT_INO`).
        const OF_HOST: u32 = 0xEFFF_FFFC;
        let link = std::fs::read_link(self.root.join("proc/self/ns/pid")).ok()?;
        // pid:[4026531836]
        let text = link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?;
        text.parse().ok().filter(|&number| number != OF_HOST)
    }

    /// Whether there is a process.
    pub(crate) fn has_process(&self, pid: u32) -> bool {
        self.root.join(format!("proc/{pid}")).exists()
    }

    pub(crate) fn symbols_path(&self) -> PathBuf {
        self.root.join("proc/kallsyms")
    }

    #[cfg(test)]
    pub(crate) fn at(root: &std::path::Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

    use std::path::Path;

    use super::*;

    /// A host with everything, in a folder.
    fn host(folder: &Path, capabilities: &str, lockdown: Option<&str>) -> Host {
        let write = |path: &str, text: &str| {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("sys/kernel/btf/vmlinux", "");
        write(
            "proc/self/status",
            &format!("Name:\tkcorr\nCapEff:\t{capabilities}\n"),
        );
        write("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
        if let Some(lockdown) = lockdown {
            write("sys/kernel/security/lockdown", lockdown);
        }
        Host::at(folder)
    }

    fn missing(host: &Host) -> Option<(ErrorKind, String)> {
        let error = host.check().err()?;
        Some((error.kind(), error.to_string()))
    }

    #[test]
    fn a_host_says_the_first_thing_that_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let all = "000001ffffffffff";
        assert_eq!(missing(&host(folder.path(), all, None)), None);
        assert_eq!(host(folder.path(), all, None).version(), Some((6, 1)));
        // CAP_SYS_ADMIN stands for both.
        assert_eq!(missing(&host(folder.path(), "200000", None)), None);
        let (kind, text) = missing(&host(folder.path(), "0000008000000000", None)).unwrap();
        assert_eq!(kind, ErrorKind::Permission);
        assert!(
            text.starts_with("this process lacks CAP_PERFMON:"),
            "{text}"
        );
        let (_, text) = missing(&host(folder.path(), "0", None)).unwrap();
        assert!(text.contains("CAP_BPF and CAP_PERFMON"), "{text}");
        let lockdown = "none integrity [confidentiality]\n";
        let (kind, _) = missing(&host(folder.path(), all, Some(lockdown))).unwrap();
        assert_eq!(kind, ErrorKind::Lockdown);
        let lockdown = "none [integrity] confidentiality\n";
        assert_eq!(missing(&host(folder.path(), all, Some(lockdown))), None);
        std::fs::remove_file(folder.path().join("sys/kernel/btf/vmlinux")).unwrap();
        let (kind, text) = missing(&Host::at(folder.path())).unwrap();
        assert_eq!(kind, ErrorKind::NoBtf);
        assert!(text.contains("CONFIG_DEBUG_INFO_BTF"), "{text}");
    }
}
