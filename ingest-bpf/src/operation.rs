//! What tracers call file operations.
//!
//! The canned queries tell reads and syncs from writes by the words of `writes.operation`, so a word of
//! another vocabulary must never get there: an `F` would count as a write.

/// Words of `writes.operation`.
const WORDS: &[&str] = &[
    "write",
    "pwrite",
    "writev",
    "pwritev",
    "read",
    "pread",
    "readv",
    "preadv",
    "sendfile",
    "splice",
    "copy_file_range",
    "fsync",
    "fdatasync",
    "msync",
    "sync",
    "syncfs",
    "sync_file_range",
    "open",
    "close",
    "truncate",
    "fallocate",
    "rename",
    "unlink",
    "getattr",
];

/// Other words for them: the letters of bcc's and libbpf-tools' tables, and calls that are variants.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("r", "read"),
    ("w", "write"),
    ("o", "open"),
    ("s", "fsync"),
    ("f", "fsync"),
    ("g", "getattr"),
    ("pwrite64", "pwrite"),
    ("pwritev2", "pwritev"),
    ("pread64", "pread"),
    ("preadv2", "preadv"),
    ("sendfile64", "sendfile"),
    ("openat", "open"),
    ("openat2", "open"),
    ("ftruncate", "truncate"),
    ("renameat", "rename"),
    ("renameat2", "rename"),
    ("unlinkat", "unlink"),
    ("fsync_range", "fsync"),
    ("write_iter", "write"),
    ("read_iter", "read"),
    ("file_write_iter", "write"),
    ("file_read_iter", "read"),
    ("sync_file", "fsync"),
    ("file_fsync", "fsync"),
    ("file_open", "open"),
    ("flush", "fsync"),
];

/// What the kernel's functions and tracepoints are called before the operation.
const PREFIXES: &[&str] = &[
    "__x64_",
    "__arm64_",
    "sys_enter_",
    "sys_exit_",
    "ksys_",
    "sys_",
    "vfs_",
    "ext4_",
    "xfs_",
    "btrfs_",
    "nfs_",
    "zfs_",
    "f2fs_",
    "do_",
];

/// The word of `writes.operation` for one of a tracer's: `W`, `WRITE`, `vfs_write`, `__x64_sys_pwrite64`.
pub(crate) fn operation_from_text(text: &str) -> Option<&'static str> {
    let lower = text.trim().to_ascii_lowercase();
    let mut rest = lower.as_str();
    loop {
        let word = WORDS.iter().find(|word| **word == rest).copied();
        let other = OTHER_WORDS.iter().find(|(other, _)| *other == rest);
        if let Some(word) = word.or(other.map(|(_, word)| *word)) {
            return Some(word);
        }
        rest = PREFIXES
            .iter()
            .find_map(|prefix| rest.strip_prefix(prefix))?;
    }
}

/// The words that are known, for messages.
pub(crate) fn known_words() -> String {
    format!("{}; R, W, O, S, F, G", WORDS.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_functions_are_the_operations_they_stand_for() {
        let cases = [
            ("W", Some("write")),
            ("F", Some("fsync")),
            ("S", Some("fsync")),
            ("R", Some("read")),
            ("O", Some("open")),
            ("WRITE", Some("write")),
            ("vfs_fsync_range", Some("fsync")),
            ("__x64_sys_pwrite64", Some("pwrite")),
            ("sys_enter_fdatasync", Some("fdatasync")),
            ("ext4_file_write_iter", Some("write")),
            ("X", None),
            ("", None),
            ("vfs_", None),
            ("flushed", None),
        ];
        for (text, operation) in cases {
            assert_eq!(operation_from_text(text), operation, "{text}");
        }
    }
}
