//! What `/proc/PID/status` says of a process.

use crate::host::Host;

/// Who a process is, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The user it runs as (effective).
    pub uid: u32,
    /// The group it runs as (effective).
    pub gid: u32,
    /// Its id in the innermost namespace of processes, which is what it calls itself.
    pub inner_pid: u32,
    /// Signals that it catches, a bit each, the first signal in the lowest.
    pub caught_signals: u64,
    /// What it may do (`CAP_…`), a bit each.
    pub capabilities: u64,
}

/// `SIGQUIT`, which HotSpot catches: it is asked with it to open its socket of attachment.
const SIGQUIT: u32 = 3;

impl Status {
    /// Reads the status of a process.
    ///
    /// # Errors
    /// When the process is not there.
    pub fn of(host: &Host, pid: u32) -> std::io::Result<Self> {
        let text = host.text(format!("/proc/{pid}/status"))?;
        Ok(Self::parse(&text, pid))
    }

    /// Reads the text of a status.
    pub(crate) fn parse(text: &str, pid: u32) -> Self {
        let field = |name: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        };
        let effective = |name: &str| {
            let word = field(name)?.split_ascii_whitespace().nth(1)?;
            word.parse().ok()
        };
        let bits = |name: &str| u64::from_str_radix(field(name)?.trim(), 16).ok();
        let inner = field("NSpid").and_then(|ids| ids.split_ascii_whitespace().last());
        Self {
            uid: effective("Uid").unwrap_or_default(),
            gid: effective("Gid").unwrap_or_default(),
            inner_pid: inner.and_then(|id| id.parse().ok()).unwrap_or(pid),
            caught_signals: bits("SigCgt").unwrap_or_default(),
            capabilities: bits("CapEff").unwrap_or_default(),
        }
    }

    /// Whether a `SIGQUIT` is caught; one that is not would end the process.
    pub fn catches_quit(&self) -> bool {
        self.caught_signals & (1 << (SIGQUIT - 1)) != 0
    }

    /// Whether it has a capability, by its number.
    pub fn has_capability(&self, number: u32) -> bool {
        self.capabilities.checked_shr(number).unwrap_or(0) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_in_a_container_has_another_id_there() {
        let text = "Name:\tjava\nUid:\t0\t1001\t0\t0\nGid:\t0\t5\t0\t0\nNSpid:\t4242\t7\n\
                    SigCgt:\t0000000181005ccf\nCapEff:\t00000000a80425fb\n";
        let status = Status::parse(text, 4242);
        assert_eq!((status.uid, status.gid, status.inner_pid), (1001, 5, 7));
        assert!(status.catches_quit());
        assert!(status.has_capability(13) && !status.has_capability(38));
        assert!(!status.has_capability(200));
    }

    #[test]
    fn a_status_of_an_old_kernel_has_the_id_itself() {
        let status = Status::parse("Name:\tjava\n", 12);
        assert_eq!(status.inner_pid, 12);
        assert!(!status.catches_quit());
    }
}
