//! Ways of showing a store's tables otherwise than they were recorded, for tests of the verdicts.

use kcorr_model::Table;

use super::{Ablation, Shift, completed};
use kcorr_store::Store;

/// How the tables differ from what was recorded.
#[derive(Debug, Clone, Copy)]
pub enum Altered<'a> {
    /// Some recordings at another time.
    Shifted(&'a Shift),
    /// Something taken away.
    Without(&'a Ablation),
}

impl Altered<'_> {
    /// The query that stands for a table whose rows can be read under another name; `None` for tables
    /// that lose none.
    pub(super) fn sql(self, table: &Table, stored_name: &str) -> Option<String> {
        match self {
            Self::Shifted(_) => None,
            Self::Without(ablation) => ablation.sql(table, stored_name),
        }
    }

    /// Whether a table has other rows than those that are stored.
    pub(crate) fn changes(self, table: &'static Table, store: &Store) -> bool {
        let is_changed = match self {
            Self::Shifted(shift) => shift.changes(table, store),
            Self::Without(ablation) => ablation.changes(table, store),
        };
        let completing = completed::completing(table);
        is_changed || completing.is_some_and(|table| self.changes(table, store))
    }
}
