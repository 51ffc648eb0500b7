//! What log directories lie on.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::Fact;
use crate::broker::{Broker, mount_of};
use crate::host::Host;

/// Settings of a block device's queue.
const QUEUE: [&str; 6] = [
    "scheduler",
    "rotational",
    "nr_requests",
    "write_cache",
    "read_ahead_kb",
    "wbt_lat_usec",
];

/// What is known of each log directory.
pub(super) fn facts(host: &Host, broker: &Broker, facts: &mut Vec<Fact>) {
    for dir in &broker.log_dirs {
        let of = dir.display().to_string();
        let mut add = |name: &str, value: String| {
            facts.push(Fact::new("log_directory", of.clone(), name, value));
        };
        let Some(mount) = mount_of(&broker.mounts, dir) else {
            continue;
        };
        add("file_system", mount.file_system.clone());
        add("device", mount.device.clone());
        add("source", mount.source.clone());
        add("mount_point", mount.point.display().to_string());
        add("mount_options", mount.all_options());
        if let Ok(space) = nix::sys::statvfs::statvfs(&broker.outside(dir)) {
            let unit = space.fragment_size();
            add(
                "size_bytes",
                space.blocks().saturating_mul(unit).to_string(),
            );
            add(
                "available_bytes",
                space.blocks_available().saturating_mul(unit).to_string(),
            );
        }
        let Some(device) = block_device(host, &mount.device) else {
            continue;
        };
        let name = device
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let Some(name) = name else { continue };
        add("block_device", name.clone());
        // Options that the mount does not tell, because they are the default.
        if let Some(options) = host.word(format!("/proc/fs/ext4/{name}/options")) {
            let options: Vec<&str> = options.lines().collect();
            add("options_in_force", options.join(","));
        }
        if let Some(is_on) = has_fast_commit(&host.path(format!("/dev/{name}"))) {
            add("fast_commit", is_on.to_string());
        }
        let journals = host.names("/proc/fs/jbd2");
        let journal = journals
            .iter()
            .find(|it| it.starts_with(&format!("{name}-")));
        let info = journal.and_then(|it| host.text(format!("/proc/fs/jbd2/{it}/info")).ok());
        if let Some(line) = info.as_deref().and_then(|info| info.lines().next()) {
            add("journal", line.trim().to_owned());
        }
        let queue = queue(host, &device);
        for name in QUEUE {
            if let Some(value) = queue.as_ref().and_then(|queue| host.word(queue.join(name))) {
                add(name, value);
            }
        }
    }
}

/// Whether an ext4 has the feature `fast_commit`, by its superblock (`s_magic` and `s_feature_compat` of
/// `struct ext4_super_block`), since nothing in `/proc` tells; none of another file system, or when the device may not be
/// read.
fn has_fast_commit(device: &Path) -> Option<bool> {
    const SUPERBLOCK: u64 = 1024;
    const MAGIC: usize = 0x38;
    const COMPATIBLE: usize = 0x5c;
    const FAST_COMMIT: u32 = 0x400;
    let mut block = [0; 0x60];
    let device = std::fs::File::open(device).ok()?;
    device.read_exact_at(&mut block, SUPERBLOCK).ok()?;
    if block.get(MAGIC..MAGIC + 2)? != [0x53, 0xef] {
        return None;
    }
    let features = block.get(COMPATIBLE..COMPATIBLE + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(features) & FAST_COMMIT != 0)
}

/// The folder of a block device in `/sys`, from `major:minor`; none of a file system without one.
fn block_device(host: &Host, number: &str) -> Option<PathBuf> {
    let link = host.link(format!("/sys/dev/block/{number}"))?;
    Some(normal(&Path::new("/sys/dev/block").join(link)))
}

/// The queue of a device, or of the one that it is a part of.
fn queue(host: &Host, device: &Path) -> Option<PathBuf> {
    let folders = [Some(device), device.parent()];
    let mut queues = folders
        .into_iter()
        .flatten()
        .map(|folder| folder.join("queue"));
    queues.find(|queue| host.path(queue).is_dir())
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_commits_are_told_by_the_superblock() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("sda1");
        let mut image = vec![0; 4096];
        let found = |image: &[u8]| {
            std::fs::write(&device, image).unwrap();
            has_fast_commit(&device)
        };
        assert_eq!(found(&image), None);
        image[1024 + 0x38..1024 + 0x3a].copy_from_slice(&[0x53, 0xef]);
        image[1024 + 0x5c..1024 + 0x60].copy_from_slice(&0x23c_u32.to_le_bytes());
        assert_eq!(found(&image), Some(false));
        image[1024 + 0x5c..1024 + 0x60].copy_from_slice(&0x63c_u32.to_le_bytes());
        assert_eq!(found(&image), Some(true));
        assert_eq!(found(&image[..1040]), None);
        assert_eq!(has_fast_commit(Path::new("/nowhere")), None);
    }

    #[test]
    fn a_partition_has_the_queue_of_its_disk() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let disk = "/sys/devices/pci0/nvme0n1";
        std::fs::create_dir_all(host.path(format!("{disk}/nvme0n1p2"))).unwrap();
        std::fs::create_dir_all(host.path(format!("{disk}/queue"))).unwrap();
        std::fs::create_dir_all(host.path("/sys/dev/block")).unwrap();
        let link = "../../devices/pci0/nvme0n1/nvme0n1p2";
        std::os::unix::fs::symlink(link, host.path("/sys/dev/block/259:2")).unwrap();
        let device = block_device(&host, "259:2").unwrap();
        assert_eq!(device, Path::new("/sys/devices/pci0/nvme0n1/nvme0n1p2"));
        let found = queue(&host, &device).unwrap();
        assert_eq!(found, Path::new("/sys/devices/pci0/nvme0n1/queue"));
        assert_eq!(block_device(&host, "0:45"), None);
    }
}
