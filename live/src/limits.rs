//! What of a folder goes because it is too old, or too much.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveDateTime};

/// Removes files and folders by the time in their names: those older than `keep_ns`, and the oldest while all have
/// more than `most_bytes`. What cannot be removed stays, and is tried again.
pub(crate) fn age_out(folder: &Path, now_ns: i64, keep_ns: i64, most_bytes: u64) {
    let mut all: Vec<(PathBuf, u64)> = files(folder)
        .into_iter()
        .map(|path| (path.clone(), bytes_of(&path)))
        .collect();
    let mut total: u64 = all.iter().map(|(_, bytes)| bytes).sum();
    all.retain(|(path, _)| time_of(path).is_some());
    for (path, bytes) in all {
        let is_old = time_of(&path).is_some_and(|time| now_ns.saturating_sub(time) > keep_ns);
        if !is_old && total <= most_bytes {
            continue;
        }
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        if removed.is_ok() {
            total = total.saturating_sub(bytes);
        }
    }
}

/// What a folder has, in the order of names, which is that of time.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Bytes of a file, or of all in a folder.
pub(crate) fn bytes_of(path: &Path) -> u64 {
    if !path.is_dir() {
        return fs::symlink_metadata(path).map_or(0, |it| it.len());
    }
    files(path).iter().map(|path| bytes_of(path)).sum()
}

/// The end of the time that a name begins with: a day, an hour, or a moment.
fn time_of(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_string_lossy();
    let stem = name.get(..8)?;
    let day = NaiveDate::parse_from_str(stem, "%Y%m%d").ok()?;
    let rest = name.get(8..).unwrap_or_default();
    let time: NaiveDateTime = match rest.strip_prefix('T') {
        None => day.and_hms_opt(23, 59, 59)?,
        Some(time) => {
            let number = |at: usize| time.get(at..at + 2)?.parse::<u32>().ok();
            let (minute, second) = (number(2).unwrap_or(59), number(4).unwrap_or(59));
            day.and_hms_opt(number(0)?, minute, second)?
        }
    };
    time.and_utc().timestamp_nanos_opt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn the_oldest_go_first_and_strangers_stay() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "20231115T115000.000.kcorr",
            "20231115T115500.000.kcorr",
            "20231115T115900.000.kcorr",
        ];
        for name in names {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("data"), [0; 100]).unwrap();
        }
        fs::write(folder.path().join("notes"), "mine").unwrap();
        let noon = 1_700_049_600 * SECOND;
        let left = || files(folder.path()).len();
        age_out(folder.path(), noon, 3600 * SECOND, 1 << 20);
        assert_eq!(left(), 4);
        age_out(folder.path(), noon, 400 * SECOND, 1 << 20);
        assert_eq!(left(), 3);
        age_out(folder.path(), noon, 400 * SECOND, 150);
        assert_eq!(left(), 2);
        assert!(folder.path().join(names[2]).exists() && folder.path().join("notes").exists());
    }

    #[test]
    fn a_name_tells_the_end_of_its_time() {
        let time = |name: &str| time_of(Path::new(name)).map(|ns| ns / SECOND - 1_700_006_400);
        assert_eq!(time("20231115.jsonl"), Some(86_399));
        assert_eq!(time("20231115T12.jsonl"), Some(12 * 3600 + 3599));
        assert_eq!(time("20231115T120000.250.kcorr"), Some(43_200));
        assert_eq!(time("notes"), None);
    }
}
