//! Files of lines, named by the time that they are of: what is written to them stays whole, whatever was killed when.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use chrono::DateTime;

use crate::error::{Error, Result};
use crate::period::Period;

/// Cuts from the end of a file the line that is not whole, and those before it that go. What stands before one that stays
/// was written whole.
pub(crate) fn cut(path: &Path, goes: impl Fn(&[u8]) -> bool) -> Result<()> {
    let text = fs::read(path).map_err(|e| Error::file("cannot read", path, e))?;
    let ends = text.iter().rposition(|&byte| byte == b'\n');
    let mut whole = text.get(..ends.map_or(0, |at| at + 1)).unwrap_or_default();
    while let Some(lines) = whole.strip_suffix(b"\n") {
        let begin = lines.iter().rposition(|&byte| byte == b'\n');
        let (before, last) = lines.split_at(begin.map_or(0, |at| at + 1));
        if !goes(last) {
            break;
        }
        whole = before;
    }
    if whole.len() < text.len() {
        let file = OpenOptions::new().write(true).open(path);
        let cut = file.and_then(|file| file.set_len(whole.len() as u64));
        cut.map_err(|e| Error::file("cannot write", path, e))?;
    }
    Ok(())
}

/// Appends lines to the file of a window's time.
pub(crate) fn append(folder: &Path, name: &str, period: Period, text: &[u8]) -> Result<()> {
    let time = DateTime::from_timestamp_nanos(period.from_ns);
    let path = folder.join(format!("{}.jsonl", time.format(name)));
    let cannot = |e| Error::file("cannot write", &path, e);
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    let mut file = opened.map_err(cannot)?;
    let before = file.metadata().map_err(cannot)?.len();
    file.write_all(text).map_err(|error| {
        // Half a line would hide all behind it.
        let _ = file.set_len(before);
        cannot(error)
    })
}

/// Compresses a day, behind what is compressed of it already.
pub(crate) fn compress(path: &Path) -> std::io::Result<()> {
    let target = path.with_extension("jsonl.zst");
    let partial = path.with_extension("partial");
    let written = compress_to(path, &target, &partial);
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written?;
    fs::rename(partial, target)?;
    fs::remove_file(path)
}

fn compress_to(path: &Path, before: &Path, partial: &Path) -> std::io::Result<()> {
    let mut to = File::create(partial)?;
    if let Ok(mut before) = File::open(before) {
        let known = zstd::decode_all(&before)?;
        std::io::Seek::rewind(&mut before)?;
        std::io::copy(&mut before, &mut to)?;
        // One that was killed before it removed the day has all of it there.
        if known.ends_with(&fs::read(path)?) {
            return Ok(());
        }
    }
    // Frames that follow each other are one text.
    zstd::stream::copy_encode(File::open(path)?, to, 10)
}
