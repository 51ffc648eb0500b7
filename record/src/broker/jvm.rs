//! The JVM of a process, by what it has mapped.

use std::path::{Path, PathBuf};

use crate::host::Host;

/// What the maps of a JVM's memory say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Jvm {
    /// Its library, as the process sees its path.
    pub libjvm: Option<PathBuf>,
    /// A library of async-profiler (or another agent called so) that is loaded.
    pub profiler: Option<PathBuf>,
    /// `JAVA_VERSION` of the JDK's `release` file: `17.0.15`.
    pub version: Option<String>,
    /// `IMPLEMENTOR` of that file: `Debian`, `Eclipse Adoptium`.
    pub vendor: Option<String>,
    /// Mappings of its memory; the kernel allows `vm.max_map_count`.
    pub map_count: u64,
}

impl Jvm {
    /// Reads `/proc/PID/maps`, and the `release` file above the library.
    ///
    /// # Errors
    /// When the maps may not be read.
    pub fn of(host: &Host, pid: u32) -> std::io::Result<Self> {
        let maps = host.text(format!("/proc/{pid}/maps"))?;
        let mut jvm = Self::default();
        for line in maps.lines() {
            jvm.map_count += 1;
            let Some(path) = line.find('/').and_then(|at| line.get(at..)) else {
                continue;
            };
            let path = path.trim_end_matches(" (deleted)");
            let name = path.rsplit('/').next().unwrap_or_default();
            if name == "libjvm.so" && jvm.libjvm.is_none() {
                jvm.libjvm = Some(PathBuf::from(path));
            }
            let lower = name.to_lowercase();
            if lower.starts_with("libasyncprofiler") && jvm.profiler.is_none() {
                jvm.profiler = Some(PathBuf::from(path));
            }
        }
        if let Some(release) = jvm.libjvm.as_deref().and_then(|it| release(host, pid, it)) {
            jvm.version = value(&release, "JAVA_VERSION");
            jvm.vendor = value(&release, "IMPLEMENTOR");
        }
        Ok(jvm)
    }
}

/// The text of the `release` file of the JDK that a library lies in (`lib/server/libjvm.so`), in the process's own
/// mounts.
fn release(host: &Host, pid: u32, libjvm: &Path) -> Option<String> {
    let homes = libjvm.ancestors().skip(1).take(5);
    homes.map(|home| home.join("release")).find_map(|file| {
        let below = file.strip_prefix("/").ok()?.to_owned();
        host.text(Path::new(&format!("/proc/{pid}/root")).join(below))
            .ok()
    })
}

/// `NAME="value"` in a `release` file.
fn value(release: &str, name: &str) -> Option<String> {
    let mut lines = release.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_the_profiler_and_the_release_are_found() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("proc/7/root/opt/jdk");
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(
            home.join("release"),
            "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"21.0.1\"\n",
        )
        .unwrap();
        let maps = "7f0 r-xp 0 08:01 1   /opt/jdk/lib/server/libjvm.so\n\
                    7f1 r-xp 0 08:01 1   /opt/jdk/lib/server/libjvm.so\n\
                    7f2 rw-p 0 00:00 0 \n\
                    7f3 r-xp 0 08:01 2   /opt/ap/libasyncProfiler.so (deleted)\n";
        std::fs::write(root.path().join("proc/7/maps"), maps).unwrap();
        let jvm = Jvm::of(&Host::at(root.path()), 7).unwrap();
        assert_eq!(
            jvm.libjvm.as_deref(),
            Some(Path::new("/opt/jdk/lib/server/libjvm.so"))
        );
        assert_eq!(
            jvm.profiler.as_deref(),
            Some(Path::new("/opt/ap/libasyncProfiler.so"))
        );
        assert_eq!(jvm.version.as_deref(), Some("21.0.1"));
        assert_eq!(jvm.map_count, 4);
    }
}
