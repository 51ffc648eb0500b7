//! Sockets that a process listens on, as `/proc` tells them.

use std::collections::BTreeSet;

use crate::host::Host;

/// `TCP_LISTEN` in the kernel's table of sockets.
const LISTEN: &str = "0A";

/// Port and inode of each listening socket in the text of `/proc/PID/net/tcp` or `tcp6`.
fn listening(table: &str) -> impl Iterator<Item = (u16, u64)> {
    table.lines().skip(1).filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let local = words.nth(1)?;
        let state = words.nth(1)?;
        // Behind the state: queues, timers, retransmissions, user, timeout.
        let inode = words.nth(5)?;
        let port = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
        (state == LISTEN).then_some((port, inode.parse().ok()?))
    })
}

/// Ports that a process listens on: the listening sockets of its network namespace that are among its files.
/// None when its files may not be looked at.
pub(super) fn listening_ports(host: &Host, pid: u32) -> Option<BTreeSet<u16>> {
    let folder = format!("/proc/{pid}/fd");
    let files = std::fs::read_dir(host.path(&folder)).ok()?;
    let mut inodes = BTreeSet::new();
    for file in files.flatten() {
        let target = std::fs::read_link(file.path()).ok();
        let target = target.as_ref().and_then(|target| target.to_str());
        let inode = target.and_then(|it| it.strip_prefix("socket:[")?.strip_suffix(']'));
        inodes.extend(inode.and_then(|inode| inode.parse::<u64>().ok()));
    }
    let mut ports = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let text = host.text(format!("/proc/{pid}/net/{table}"));
        let text = text.unwrap_or_default();
        let ours = listening(&text).filter(|(_, inode)| inodes.contains(inode));
        ports.extend(ours.map(|(port, _)| port));
    }
    Some(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 101 1 0 100 0 0 10 0
   1: 0100007F:2384 0100007F:9C40 01 00000000:00000000 02:000 00000000     0        0 102 1 0 20 4 30 10 -1
   2: 00000000000000000000000001000000:2385 0:0 0A 00000000:00000000 00:00000000 00000000 0 0 103 1 0
   cut 3
";

    #[test]
    fn listening_sockets_have_a_port_and_an_inode() {
        let found: Vec<_> = listening(TABLE).collect();
        assert_eq!(found, [(9092, 101), (9093, 103)]);
    }

    #[test]
    fn only_the_process_s_own_sockets_count() {
        let root = tempfile::tempdir().unwrap();
        let process = root.path().join("proc/7");
        std::fs::create_dir_all(process.join("net")).unwrap();
        std::fs::create_dir_all(process.join("fd")).unwrap();
        std::fs::write(process.join("net/tcp"), TABLE).unwrap();
        std::os::unix::fs::symlink("socket:[101]", process.join("fd/4")).unwrap();
        std::os::unix::fs::symlink("/dev/null", process.join("fd/0")).unwrap();
        let host = Host::at(root.path());
        assert_eq!(listening_ports(&host, 7), Some(BTreeSet::from([9092])));
        assert_eq!(listening_ports(&host, 8), None);
    }
}
