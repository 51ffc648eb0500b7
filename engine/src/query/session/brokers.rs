//! A session over several brokers: queries that are asked of each by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use futures::future::try_join_all;
use kcorr_store::Store;

use super::Session;
use super::steps::Registered;
use super::values::with_defaults;
use crate::error::{Error, ErrorKind, Result};
use crate::query::below::Below;
use crate::query::by_broker;
use crate::query::canned::{CannedQuery, canned_query, name_of};
use crate::query::elsewhere::{RemotePart, ShownRows};
use crate::query::parameters::GivenParameters;
use crate::query::step::Step;

/// A broker's part of a store.
pub(super) enum Part {
    /// Whose queries this process runs.
    Here(Box<Session>),
    /// Whose queries another one runs.
    Elsewhere(PartElsewhere),
}

/// A part in another process.
pub(super) struct PartElsewhere {
    part: Arc<dyn RemotePart>,
    /// What it was shown of several brokers, with the values that this was computed with.
    shown: Mutex<HashMap<&'static str, Vec<(String, ScalarValue)>>>,
}

/// What a part gives of a query.
pub(super) struct PartTable {
    pub(super) table: Arc<dyn TableProvider>,
    /// Whether a query above need not be run if it needs a row of it.
    is_empty: bool,
    pub(super) steps: Vec<Step>,
}

/// The parts of a store that are of one broker each; none when it has one broker.
pub(super) fn stores_of_brokers(store: &Store) -> Vec<(Option<i32>, Store)> {
    let brokers = store.manifest().brokers();
    if brokers.len() < 2 {
        return Vec::new();
    }
    let part = |broker: Option<i32>| (broker, store.of_broker(broker));
    brokers.into_iter().map(part).collect()
}

impl PartElsewhere {
    pub(super) fn new(part: Arc<dyn RemotePart>) -> Self {
        Self {
            part,
            shown: Mutex::default(),
        }
    }
}

impl Part {
    /// The part's session, where it is in this process.
    pub(super) fn here(&self) -> Option<&Session> {
        match self {
            Self::Here(session) => Some(session),
            Self::Elsewhere(_) => None,
        }
    }
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
            self.show_parts(below, over, given).await?;
        }
        let tables = self.tables_of_parts(below, place, given).await?;
        let mut rows = Vec::new();
        let mut is_empty = true;
        for part in tables {
            is_empty &= part.is_empty;
            rows.push(part.table);
            part.steps.into_iter().for_each(|step| self.add_step(step));
        }
        self.set_empty(name, is_empty);
        self.show(name, by_broker::union(name, rows)?)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name, values);
        Ok(())
    }

    /// Shows the parts the rows of a query over several brokers, which is registered here.
    async fn show_parts(&self, below: &Below, over: usize, given: &GivenParameters) -> Result<()> {
        let query = &below.used(over).query;
        let rows = self.context.table_provider(query.name).await?;
        let given = with_defaults(&query.header, given);
        let values = below.values(over, &given)?;
        let is_same = self.with_unaltered(|unaltered| unaltered.same.contains(query.name));
        let mut unshown = Vec::new();
        for part in &self.brokers {
            match part {
                Part::Here(part) => {
                    part.show_over_brokers(query.name, Arc::clone(&rows), values.clone())?;
                    part.set_empty(query.name, self.is_empty(query.name));
                    part.with_unaltered(|unaltered| unaltered.set_same(query.name, is_same));
                }
                Part::Elsewhere(part) => {
                    let shown = part.shown.lock().unwrap_or_else(PoisonError::into_inner);
                    if shown.get(query.name) != Some(&values) {
                        unshown.push(part);
                    }
                }
            }
        }
        if unshown.is_empty() {
            return Ok(());
        }
        let schema = rows.schema();
        let batches = self.context.read_table(rows)?.collect().await?;
        let shown = ShownRows {
            query: query.name.to_owned(),
            given,
            schema,
            batches,
        };
        try_join_all(unshown.iter().map(|part| part.part.show(shown.clone()))).await?;
        for part in unshown {
            let mut shown = part.shown.lock().unwrap_or_else(PoisonError::into_inner);
            shown.insert(query.name, values.clone());
        }
        Ok(())
    }

    /// Registers rows of a query over several brokers, in a part's session.
    pub(super) fn show_over_brokers(
        &self,
        name: &'static str,
        rows: Arc<dyn TableProvider>,
        values: Vec<(String, ScalarValue)>,
    ) -> Result<()> {
        self.show(name, rows)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name, values);
        Ok(())
    }

    /// What each part gives of a query that is asked of it: of those of this process one after another, of others
    /// at once.
    async fn tables_of_parts(
        &self,
        below: &Below,
        place: usize,
        given: &GivenParameters,
    ) -> Result<Vec<PartTable>> {
        let mut tables = Vec::new();
        let mut elsewhere = Vec::new();
        for (number, part) in self.brokers.iter().enumerate() {
            match part {
                Part::Here(part) => tables.push(part.table_of_part(below, place, given).await?),
                Part::Elsewhere(part) => elsewhere.push((number, part)),
            }
        }
        let query = &below.used(place).query;
        let come = elsewhere.into_iter().map(async |(number, part)| {
            let given = with_defaults(&query.header, given);
            let rows = part.part.run(query.name, &given).await?;
            let name = format!("{} of part {number}", query.name);
            let task = self.context.task_ctx();
            let (schema, stream) = (rows.rows.schema(), rows.rows);
            let kept = self.step_rows.keep(&name, schema, stream, &task).await?;
            Ok::<_, Error>(PartTable {
                table: kept.table,
                is_empty: kept.row_count == 0,
                steps: rows.steps,
            })
        });
        tables.extend(try_join_all(come).await?);
        Ok(tables)
    }

    /// What a part gives of a query that is asked of it, in the part's session.
    pub(super) async fn table_of_part(
        &self,
        below: &Below,
        place: usize,
        given: &GivenParameters,
    ) -> Result<PartTable> {
        let query = &below.used(place).query;
        let name = query.name;
        self.register(below, &[place], given, &mut Registered::new())
            .await?;
        let mut steps = self.take_steps();
        if query.header.is_materialized {
            let table = self.context.table_provider(name).await?;
            return Ok(PartTable {
                table,
                is_empty: self.is_empty(name),
                steps,
            });
        }
        let rows = self.context.table(name).await?;
        let (step, kept) = self
            .run_step(name, rows.logical_plan().clone(), None)
            .await?;
        let is_empty = step.row_count == 0;
        steps.push(step);
        Ok(PartTable {
            table: kept.table,
            is_empty,
            steps,
        })
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
        let Some(query) = query.filter(|query| query.header.is_by_broker) else {
            return Ok(None);
        };
        if Below::query(query.name)?.all_tables().is_empty() {
            return Ok(None);
        }
        by_broker::of_all(&query).map(Some)
    }
}
