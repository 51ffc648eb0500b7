//! What this program takes of the machine, by `/proc`.

use std::fs;

/// The kernel's ticks a second in `/proc`, on every machine that it runs kcorr on.
const TICKS: f64 = 100.0;

/// CPU time and memory.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OwnCost {
    /// CPU time of this process.
    pub own_cpu_seconds: f64,
    /// That of its children that have ended.
    pub children_cpu_seconds: f64,
    /// Its resident memory.
    pub own_memory_bytes: u64,
    /// That of the last account at most.
    pub account_memory_bytes: u64,
}

impl OwnCost {
    /// As it is now.
    pub fn now(account_memory_bytes: u64) -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let (own, children) = cpu_seconds(&stat).unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self {
            own_cpu_seconds: own,
            children_cpu_seconds: children,
            own_memory_bytes: bytes(&status, "VmRSS:").unwrap_or(0),
            account_memory_bytes,
        }
    }
}

/// The most resident memory that a process has had.
pub(crate) fn peak_memory_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    bytes(&status, "VmHWM:")
}

/// Seconds of a process, and of its children that were waited for: fields 14 to 17, behind a name that may have blanks.
fn cpu_seconds(stat: &str) -> Option<(f64, f64)> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    let (user, system) = (next()?, next()?);
    let (user_of_children, system_of_children) = (next()?, next()?);
    Some((
        (user + system) / TICKS,
        (user_of_children + system_of_children) / TICKS,
    ))
}

/// `VmRSS:     123 kB`
fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_moves_no_field() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 1000 500 20 0 1";
        assert_eq!(cpu_seconds(stat), Some((3.0, 15.0)));
        assert_eq!(
            bytes("Name:\tx\nVmRSS:\t   12 kB\n", "VmRSS:"),
            Some(12_288)
        );
        let now = OwnCost::now(0);
        assert!(now.own_memory_bytes > 0);
        assert!(peak_memory_bytes(std::process::id()) >= Some(now.own_memory_bytes / 2));
    }
}
