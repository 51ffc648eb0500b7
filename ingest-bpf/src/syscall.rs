//! System calls of x86-64 by their numbers.

use std::fmt;

/// A system call by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syscall(pub(crate) i32);

/// Whether a call's first argument is a file descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Fd,
    Other,
}

use First::{Fd, Other};

/// Calls in which a thread of a broker may stand; from `arch/x86/entry/syscalls/syscall_64.tbl`, whose numbers
/// never change.
const CALLS: &[(i32, &str, First)] = &[
    (0, "read", Fd),
    (1, "write", Fd),
    (2, "open", Other),
    (3, "close", Fd),
    (4, "stat", Other),
    (5, "fstat", Fd),
    (6, "lstat", Other),
    (7, "poll", Other),
    (8, "lseek", Fd),
    (9, "mmap", Other),
    (10, "mprotect", Other),
    (11, "munmap", Other),
    (12, "brk", Other),
    (16, "ioctl", Fd),
    (17, "pread64", Fd),
    (18, "pwrite64", Fd),
    (19, "readv", Fd),
    (20, "writev", Fd),
    (21, "access", Other),
    (23, "select", Other),
    (24, "sched_yield", Other),
    (25, "mremap", Other),
    (26, "msync", Other),
    (27, "mincore", Other),
    (28, "madvise", Other),
    (34, "pause", Other),
    (35, "nanosleep", Other),
    (40, "sendfile", Fd),
    (42, "connect", Fd),
    (43, "accept", Fd),
    (44, "sendto", Fd),
    (45, "recvfrom", Fd),
    (46, "sendmsg", Fd),
    (47, "recvmsg", Fd),
    (48, "shutdown", Fd),
    (56, "clone", Other),
    (57, "fork", Other),
    (58, "vfork", Other),
    (59, "execve", Other),
    (60, "exit", Other),
    (61, "wait4", Other),
    (72, "fcntl", Fd),
    (73, "flock", Fd),
    (74, "fsync", Fd),
    (75, "fdatasync", Fd),
    (76, "truncate", Other),
    (77, "ftruncate", Fd),
    (78, "getdents", Fd),
    (82, "rename", Other),
    (83, "mkdir", Other),
    (84, "rmdir", Other),
    (86, "link", Other),
    (87, "unlink", Other),
    (89, "readlink", Other),
    (128, "rt_sigtimedwait", Other),
    (130, "rt_sigsuspend", Other),
    (149, "mlock", Other),
    (151, "mlockall", Other),
    (162, "sync", Other),
    (186, "gettid", Other),
    (187, "readahead", Fd),
    (202, "futex", Other),
    (217, "getdents64", Fd),
    (221, "fadvise64", Fd),
    (230, "clock_nanosleep", Other),
    (231, "exit_group", Other),
    (232, "epoll_wait", Fd),
    (233, "epoll_ctl", Fd),
    (234, "tgkill", Other),
    (247, "waitid", Other),
    (257, "openat", Fd),
    (262, "newfstatat", Fd),
    (263, "unlinkat", Fd),
    (264, "renameat", Fd),
    (270, "pselect6", Other),
    (271, "ppoll", Other),
    (275, "splice", Fd),
    (277, "sync_file_range", Fd),
    (281, "epoll_pwait", Fd),
    (285, "fallocate", Fd),
    (288, "accept4", Fd),
    (295, "preadv", Fd),
    (296, "pwritev", Fd),
    (299, "recvmmsg", Fd),
    (306, "syncfs", Fd),
    (307, "sendmmsg", Fd),
    (316, "renameat2", Fd),
    (322, "execveat", Fd),
    (324, "membarrier", Other),
    (326, "copy_file_range", Fd),
    (327, "preadv2", Fd),
    (328, "pwritev2", Fd),
    (332, "statx", Fd),
    (426, "io_uring_enter", Fd),
    (435, "clone3", Other),
    (437, "openat2", Fd),
    (441, "epoll_pwait2", Fd),
    (449, "futex_waitv", Other),
    (455, "futex_wait", Other),
];

impl Syscall {
    fn known(self) -> Option<&'static (i32, &'static str, First)> {
        let at = CALLS.binary_search_by_key(&self.0, |call| call.0).ok()?;
        CALLS.get(at)
    }

    /// Its name, of those that are listed.
    pub(crate) fn name(self) -> Option<&'static str> {
        self.known().map(|call| call.1)
    }

    /// Whether its first argument is a file descriptor.
    pub(crate) fn takes_fd(self) -> bool {
        self.known().is_some_and(|call| call.2 == Fd)
    }
}

/// The name, or `syscall 999` of one that is not listed.
impl fmt::Display for Syscall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "syscall {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_so_that_every_call_is_found() {
        assert!(CALLS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(Syscall(202).to_string(), "futex");
        assert_eq!(Syscall(9999).to_string(), "syscall 9999");
        assert!(Syscall(40).takes_fd() && !Syscall(202).takes_fd());
    }
}
