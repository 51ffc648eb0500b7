//! A session over several brokers: queries that are asked of each by itself.

use std::sync::{Arc, PoisonError};

use kcorr_store::Store;

use super::Session;
use super::steps::Registered;
use super::values::with_defaults;
use crate::error::{Error, ErrorKind, Result};
use crate::query::below::Below;
use crate::query::by_broker;
use crate::query::canned::{CannedQuery, canned_query, name_of};
use crate::query::parameters::GivenParameters;

/// The parts of a store that are of one broker each; none when it has one broker.
pub(super) fn stores_of_brokers(store: &Store) -> Vec<(Option<i32>, Store)> {
    let brokers = store.manifest().brokers();
    if brokers.len() < 2 {
        return Vec::new();
    }
    let part = |broker: Option<i32>| (broker, store.of_broker(broker));
    brokers.into_iter().map(part).collect()
}

impl Session {
    /// Registers a query that is asked of each broker by itself: the rows of all. Each broker's session runs it: in
    /// one plan DataFusion would take what is below it for the same in all, since it has the same names.
    pub(super) async fn register_by_broker(
        &self,
        below: &Below,
        place: usize,
        given: &GivenParameters,
    ) -> Result<()> {
        let query = &below.used(place).query;
        let name = query.name;
        let values = below.values(place, given)?;
        if self.keeps(name, &values) {
            return Ok(());
        }
        // What the parts are to know of each other is computed here, of all.
        for over in below.over_brokers(place) {
            self.register(below, &[over], given, &mut Registered::new())
                .await?;
            let query = &below.used(over).query;
            let rows = self.context.table_provider(query.name).await?;
            let given = with_defaults(&query.header, given);
            let values = below.values(over, &given)?;
            let is_same = self.with_unaltered(|unaltered| unaltered.same.contains(query.name));
            for part in &self.brokers {
                part.show(query.name, Arc::clone(&rows))?;
                part.set_empty(query.name, self.is_empty(query.name));
                part.with_unaltered(|unaltered| unaltered.set_same(query.name, is_same));
                let mut kept = part.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.insert(query.name, values.clone());
            }
        }
        let mut rows = Vec::new();
        let mut is_empty = true;
        for part in &self.brokers {
            part.register(below, &[place], given, &mut Registered::new())
                .await?;
            let mut steps = part.take_steps();
            let table = if query.header.is_materialized {
                is_empty &= part.is_empty(name);
                part.context.table_provider(name).await?
            } else {
                let rows = part.context.table(name).await?;
                let (step, kept) = part
                    .run_step(name, rows.logical_plan().clone(), None)
                    .await?;
                is_empty &= step.row_count == 0;
                steps.push(step);
                kept.table
            };
            rows.push(table);
            steps.into_iter().for_each(|step| self.add_step(step));
        }
        self.set_empty(name, is_empty);
        self.show(name, by_broker::union(name, rows)?)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name, values);
        Ok(())
    }

    /// Registers a query over several brokers where there is one: it has no rows.
    pub(super) fn show_of_one(&self, query: &CannedQuery) -> Result<()> {
        if self.is_part {
            let message = format!("{} was not computed for the parts of the store", query.name);
            return Err(Error::new(ErrorKind::Query, message));
        }
        let mut none = by_broker::of_one(&query.header)?;
        if let Some(plans) = self.shared_plans() {
            none = plans.show(query.name, &[], none.schema(), Vec::new());
        }
        self.show(query.name, none)?;
        self.set_empty(query.name, true);
        self.with_unaltered(|unaltered| unaltered.set_same(query.name, Some(true)));
        Ok(())
    }

    /// What stands for a text that is a canned query which is asked of each broker by itself; `None` for any
    /// other, and where there is one broker.
    pub(super) fn of_all_brokers(&self, sql: &str) -> Result<Option<String>> {
        if self.brokers.is_empty() {
            return Ok(None);
        }
        let query = name_of(sql).and_then(canned_query).transpose()?;
        let query = query.filter(|query| query.header.is_by_broker);
        query.map(|query| by_broker::of_all(&query)).transpose()
    }
}
