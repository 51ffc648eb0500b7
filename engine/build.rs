//! Puts every file of `sql/` and its folders into the binary, so a new canned query is one new file there.
//!
//! Paths are relative and texts are copied, because several checkouts may share one target directory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new("../sql");
    let mut files = sql_files(root)?;
    for folder in entries(root)?.iter().filter(|entry| entry.is_dir()) {
        files.extend(sql_files(folder)?);
    }
    // By name: queries are asked for by it, wherever they lie.
    files.sort_by_key(|file| file.file_stem().map(std::ffi::OsStr::to_owned));
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let folder = file.parent().and_then(|path| path.strip_prefix(root).ok());
        let folder = folder.unwrap_or(Path::new("")).to_string_lossy();
        let sql = fs::read_to_string(file)?;
        let _ = writeln!(list, "    ({folder:?}, {name:?}, {sql:?}),");
    }
    list.push_str("]\n");
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    fs::write(Path::new(&out).join("canned_files.rs"), list)
}

/// The `.sql` files right in a folder.
fn sql_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = entries(folder)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    Ok(files)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect()
}
