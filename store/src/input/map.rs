//! Memory maps: the one place with `unsafe`.
#![allow(unsafe_code)]

use std::fs::File;

use memmap2::Mmap;

/// Maps a file for reading; `None` where the file cannot be mapped (empty, or a file system that
/// does not map), and then it is read instead.
pub fn map(file: &File) -> Option<Mmap> {
    // SAFETY: the map is only read. A recorder that appends to the file meanwhile does not change
    // what is mapped; a file that somebody truncates while it is being ingested ends the process
    // with SIGBUS, which the store survives by design, as it survives any kill.
    unsafe { Mmap::map(file) }.ok()
}
