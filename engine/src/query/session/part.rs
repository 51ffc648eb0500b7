//! A broker's part of a store, opened for a session in another process.

use std::sync::Arc;

use datafusion::catalog::MemTable;
use kcorr_store::Store;

use super::Session;
use super::brokers::stores_of_brokers;
use crate::catalog;
use crate::error::{Error, ErrorKind, Result};
use crate::query::below::Below;
use crate::query::elsewhere::{PartRows, ShownRows};
use crate::query::kept_rows::KeptRows;
use crate::query::parameters::GivenParameters;
use crate::query::session_context::SessionOptions;
use crate::query::step_rows::StepRows;

/// A session of one broker's part of a store of several. It runs canned queries that are asked of each broker by
/// itself, and nothing else.
#[derive(Debug)]
pub struct PartSession {
    session: Session,
}

impl PartSession {
    /// Opens the part that is of a broker (`None`: of the recordings that name none).
    ///
    /// # Errors
    /// When the store has no such part, or cannot be read.
    pub async fn open(
        store: &Store,
        broker: Option<i32>,
        options: &SessionOptions,
    ) -> Result<Self> {
        let mut parts = stores_of_brokers(store).into_iter();
        let part = parts.find(|(of, _)| *of == broker);
        let Some((_, part)) = part else {
            let message = format!(
                "{} is no store of several brokers, or has none such",
                store.name()
            );
            return Err(Error::new(ErrorKind::Store, message));
        };
        let runtime = options.runtime()?;
        catalog::register_store(&runtime, store)?;
        let context = options.context(runtime, &part)?;
        let step_rows = StepRows::new(options.memory_limit_bytes);
        let mut session = Session::open_one(context, &part, None, None, step_rows, options).await?;
        session.is_part = true;
        let keeps = !options.is_fresh && !options.allows_files;
        let kept_rows = keeps.then(|| KeptRows::of(store)).flatten();
        session.kept_rows = kept_rows.map(|kept| kept.of_broker(broker));
        Ok(Self { session })
    }

    /// Shows it rows of a query over several brokers, in place of those that it was shown before.
    ///
    /// # Errors
    /// When there is no such query.
    pub async fn show(&self, rows: ShownRows) -> Result<()> {
        let _planning = self.session.planning.lock().await;
        let (below, place) = asked(&rows.query)?;
        let query = &below.used(place).query;
        if !query.header.is_over_brokers {
            let message = format!("{} is no query over several brokers", query.name);
            return Err(Error::new(ErrorKind::Query, message));
        }
        let values = below.values(place, &rows.given)?;
        let is_empty = rows.batches.iter().all(|batch| batch.num_rows() == 0);
        let table = Arc::new(MemTable::try_new(rows.schema, vec![rows.batches])?);
        self.session.show_over_brokers(query.name, table, values)?;
        self.session.set_empty(query.name, is_empty);
        Ok(())
    }

    /// Runs a query that is asked of each broker by itself.
    ///
    /// # Errors
    /// When there is no such query, one over several brokers below it was not shown, or it fails.
    pub async fn run(&self, query: &str, given: &GivenParameters) -> Result<PartRows> {
        let _planning = self.session.planning.lock().await;
        let (below, place) = asked(query)?;
        if !below.used(place).query.header.is_by_broker {
            let message = format!("{query} is not asked of each broker by itself");
            return Err(Error::new(ErrorKind::Query, message));
        }
        let part = self.session.table_of_part(&below, place, given).await?;
        let rows = self.session.context.read_table(part.table)?;
        Ok(PartRows {
            steps: part.steps,
            rows: rows.execute_stream().await?,
        })
    }
}

/// A canned query with all that is below it, and its place there.
fn asked(query: &str) -> Result<(Below, usize)> {
    let no_query = || {
        let message = format!("there is no canned query {query}");
        Error::new(ErrorKind::Query, message)
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if query.is_empty() || !query.chars().all(is_name) {
        return Err(no_query());
    }
    let below = Below::text(&format!("SELECT 1 FROM {query}"))?;
    let place = below.place(query).ok_or_else(no_query)?;
    Ok((below, place))
}
