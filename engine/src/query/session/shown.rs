//! What a session has registered, and what it knows of it.

use std::sync::{Arc, PoisonError};

use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;

use super::Session;
use crate::error::Result;
use crate::query::empty_branches::EmptyTables;
use crate::query::step::Step;

impl Session {
    /// Registers the rows of a step.
    pub(super) fn show_step(
        &self,
        name: &'static str,
        step: Step,
        table: Arc<dyn TableProvider>,
        values: Vec<(String, ScalarValue)>,
    ) -> Result<()> {
        self.show(name, table)?;
        self.set_empty(name, step.row_count == 0);
        self.add_step(step);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name, values);
        Ok(())
    }

    pub(super) fn add_step(&self, step: Step) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.push(step);
    }

    pub(super) fn show(&self, name: &'static str, table: Arc<dyn TableProvider>) -> Result<()> {
        self.context.deregister_table(name)?;
        self.context.register_table(name, table)?;
        Ok(())
    }

    /// What the tables and steps without rows tell of a plan.
    pub(super) fn with_empty_tables<T>(&self, ask: impl FnOnce(&EmptyTables<'_>) -> T) -> T {
        let empty = self.empty.lock().unwrap_or_else(PoisonError::into_inner);
        let unrecorded = self
            .unrecorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let unrecorded = unrecorded.iter().copied();
        ask(&EmptyTables {
            names: empty.iter().map(String::as_str).chain(unrecorded).collect(),
        })
    }

    /// Whether a materialized query is registered without rows.
    pub(super) fn is_empty(&self, name: &str) -> bool {
        let empty = self.empty.lock().unwrap_or_else(PoisonError::into_inner);
        empty.contains(name)
    }

    pub(super) fn set_empty(&self, name: &str, is_empty: bool) {
        let mut empty = self.empty.lock().unwrap_or_else(PoisonError::into_inner);
        if is_empty {
            empty.insert(name.to_owned());
        } else {
            empty.remove(name);
        }
    }

    /// Whether the rows of a materialized query with these values are registered already.
    pub(super) fn keeps(&self, name: &str, bearing: &[(String, ScalarValue)]) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name).is_some_and(|values| values == bearing)
    }
}
