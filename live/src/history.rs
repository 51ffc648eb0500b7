//! A folder of accounts, read again: its windows in the order of time, with the settings that they are marked by.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::rollup::Rollup;
use crate::rollup_days::{days, rollups_of_day};
use crate::settings::{Settings, read_all};

/// The windows of a folder; of its days one at a time is in memory.
#[derive(Debug)]
pub struct History {
    days: Vec<PathBuf>,
    settings: BTreeMap<String, Settings>,
}

impl History {
    /// Opens what `kcorr live` has written, also while it writes.
    ///
    /// # Errors
    /// When there are no roll-ups, or the settings cannot be read.
    pub fn open(folder: &Path) -> Result<Self> {
        let days = days(folder);
        if days.is_empty() {
            return Err(Error::Refused(format!(
                "{} has no roll-ups: expected the folder that kcorr live writes (--dir)",
                folder.display()
            )));
        }
        Ok(Self {
            days,
            settings: read_all(&folder.join("settings"))?,
        })
    }

    /// The settings of a window, where they are known.
    pub fn settings(&self, rollup: &Rollup) -> Option<&Settings> {
        self.settings.get(rollup.settings.as_ref()?)
    }

    /// Shows every window.
    ///
    /// # Errors
    /// When a day cannot be read.
    pub fn each(&self, mut show: impl FnMut(&Rollup)) -> Result<()> {
        for day in &self.days {
            let mut rollups = rollups_of_day(day)?;
            rollups.sort_by_key(|it| it.period);
            for rollup in &rollups {
                show(rollup);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Archive, Keeping};
    use crate::period::Period;
    use crate::rollup::Outcome;

    #[test]
    fn windows_are_marked_by_their_settings_which_stand_once() {
        let folder = tempfile::tempdir().unwrap();
        let said = History::open(folder.path()).unwrap_err().to_string();
        assert!(said.contains("has no roll-ups"), "{said}");
        let mut archive = Archive::open(folder.path(), Keeping::default()).unwrap();
        let of = |mode: &str| Settings::from([("data_mode".to_owned(), mode.to_owned())]);
        for (at, mode) in ["ordered", "ordered", "writeback"].into_iter().enumerate() {
            let from_ns = i64::try_from(at).unwrap() * 10;
            let period = Period {
                from_ns,
                to_ns: from_ns + 10,
            };
            let rollup = Rollup::without(period, Outcome::Accounted);
            let rollup = archive.marked(rollup, &of(mode)).unwrap();
            archive.write(&rollup, &[]).unwrap();
        }
        let bare = Rollup::without(
            Period {
                from_ns: 30,
                to_ns: 40,
            },
            Outcome::Skipped,
        );
        archive.write(&bare, &[]).unwrap();
        let count = std::fs::read_dir(folder.path().join("settings"))
            .unwrap()
            .count();
        assert_eq!(count, 2);
        let history = History::open(folder.path()).unwrap();
        let mut modes = Vec::new();
        history
            .each(|it| modes.push(history.settings(it).map(|it| it["data_mode"].clone())))
            .unwrap();
        let some = |mode: &str| Some(mode.to_owned());
        assert_eq!(
            modes,
            [some("ordered"), some("ordered"), some("writeback"), None]
        );
    }
}
