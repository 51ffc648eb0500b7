//! Sessions that show tables otherwise than they were recorded, and what they take from the one of the store.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use kcorr_store::Store;

use super::Session;
use crate::catalog::Altered;
use crate::error::Result;
use crate::query::parameters::GivenParameters;
use crate::query::session_context::SessionOptions;
use crate::query::step_table::ShownRows;
use crate::query::unaltered::{Unaltered, UnalteredStep, rows_in_memory};

/// The step that says by writes when lines of a request log were written, and the one that says of which logs.
const LINE_TIMES: &str = "line_times";
const UNTIMED_LOGS: &str = "untimed_logs";

impl Session {
    /// Opens a store of which altered sessions will be opened, too: of a small one, these have the same plans.
    pub async fn open_to_alter(store: &Store, options: &SessionOptions) -> Result<Self> {
        let session = Self::open_with(store, options).await?;
        if let Some(in_memory) = session.tables_in_memory(store).await? {
            session.share_plans(store, None, &session);
            session.show_in_memory(store, None, &in_memory).await?;
        }
        Ok(session)
    }

    /// Opens a store whose tables are shown otherwise than they were recorded. What a session of the
    /// store as it is has kept of materialized queries serves this one too, where it rests on nothing that is
    /// altered: on no such table, and on no step that has other rows here.
    pub async fn open_altered(store: &Store, altered: Altered<'_>, whole: &Self) -> Result<Self> {
        let in_memory = whole.tables_in_memory(store).await?;
        let stored = in_memory.as_ref().map(|tables| &tables.stored);
        let session = Self::open_as(store, &whole.options, Some(altered), stored).await?;
        session.share_plans(store, Some(altered), whole);
        if let Some(in_memory) = &in_memory {
            session
                .show_in_memory(store, Some(altered), in_memory)
                .await?;
        }
        session.rest_on(store, altered, whole).await?;
        // What a part has may rest on what is altered in another.
        for (part, whole) in session.brokers.iter().zip(&whole.brokers) {
            if let (Some(part), Some(whole)) = (part.here(), whole.here()) {
                part.rest_on(store, altered, whole).await?;
            }
        }
        Ok(session)
    }

    /// Takes what a session of the store as it is has kept.
    pub(super) async fn rest_on(
        &self,
        store: &Store,
        altered: Altered<'_>,
        whole: &Self,
    ) -> Result<()> {
        let stays = whole.stays(store, altered).await?;
        let whole_kept = {
            let kept = whole.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.clone()
        };
        let shown = whole.context.copied_config().get_extension::<ShownRows>();
        let mut steps = HashMap::new();
        for (name, values) in whole_kept {
            let table = whole.context.table_provider(name).await?;
            let step = UnalteredStep {
                values,
                rows: match shown.as_ref().and_then(|shown| shown.of(&table)) {
                    Some(rows) => Some(rows),
                    None => rows_in_memory(&table).await,
                },
                table,
                is_empty: whole.is_empty(name),
            };
            let below = whole.tables_below_query(name, &stays)?;
            if !below.iter().any(|table| altered.changes(table, store)) {
                self.take_unaltered(name, &step)?;
            }
            steps.insert(name, step);
        }
        let tables = kcorr_model::tables::ALL.iter().copied();
        let changed = tables.filter(|table| altered.changes(table, store));
        self.with_unaltered(|unaltered| {
            unaltered.changed = changed.map(|table| table.name).collect();
            unaltered.steps = steps;
        });
        Ok(())
    }

    /// Registers the rows that a step has in the session of the store as it is.
    pub(super) fn take_unaltered(&self, name: &'static str, step: &UnalteredStep) -> Result<()> {
        let table = match (self.shared_plans(), &step.rows) {
            (Some(plans), Some(rows)) => {
                plans.show(name, &step.values, step.table.schema(), rows.clone())
            }
            _ => Arc::clone(&step.table),
        };
        self.show(name, table)?;
        self.set_empty(name, step.is_empty);
        self.with_unaltered(|unaltered| {
            unaltered.same.insert(name);
        });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name, step.values.clone());
        Ok(())
    }

    pub(super) fn with_unaltered<T>(&self, ask: impl FnOnce(&mut Unaltered) -> T) -> Option<T> {
        let unaltered = self.unaltered.as_ref()?;
        let mut unaltered = unaltered.lock().unwrap_or_else(PoisonError::into_inner);
        Some(ask(&mut unaltered))
    }

    /// Steps of this session that stay as they are when tables are altered, whatever they rest on. Lines that
    /// writes place in time stay where they are when these are shifted: with them, nothing would be. And where
    /// there are none to be placed, there are none without some of the writes.
    pub(super) async fn stays(
        &self,
        store: &Store,
        altered: Altered<'_>,
    ) -> Result<Vec<&'static str>> {
        let sql = format!("SELECT 1 FROM {UNTIMED_LOGS} CROSS JOIN {LINE_TIMES}");
        self.plan(&sql, &GivenParameters::new()).await?;
        let below = self.tables_below_query(UNTIMED_LOGS, &[])?;
        let are_others = below.iter().any(|table| altered.changes(table, store));
        let stays =
            matches!(altered, Altered::Shifted(_)) || (self.is_empty(UNTIMED_LOGS) && !are_others);
        Ok(stays.then_some(LINE_TIMES).into_iter().collect())
    }
}
