//! What a session takes of the machine, and how DataFusion is set up for it.

use std::sync::Arc;

use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use kcorr_interval_join::{AsOfPlanner, IntervalJoinRule, UnspilledRepartitionPool};
use kcorr_store::Store;

use super::elsewhere::Elsewhere;
use super::in_order::InOrderRule;
use crate::catalog;
use crate::error::Result;
use crate::functions;

/// What a session may take of the machine.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Memory for the rows that queries hold at a time, in bytes. What does not fit is put into
    /// temporary files where that is possible, else the query fails. `None` for no limit.
    pub memory_limit_bytes: Option<usize>,
    /// Whether `Session::take_steps` tells how each step was run.
    pub shows_plans: bool,
    /// Whether SQL may do more than read the store's tables: read and write files (`FROM 'a.parquet'`, COPY,
    /// external tables), make tables, and change any setting.
    pub allows_files: bool,
    /// Whether steps are computed anew, and their rows not kept for later sessions.
    pub is_fresh: bool,
    /// Who runs the queries that are asked of each broker of several; `None` for this process.
    pub elsewhere: Option<Arc<dyn Elsewhere>>,
}

impl SessionOptions {
    /// What the contexts of a session share: its memory, and the files that it reads.
    pub(super) fn runtime(&self) -> Result<Arc<RuntimeEnv>> {
        let mut runtime = RuntimeEnvBuilder::new();
        if let Some(bytes) = self.memory_limit_bytes {
            runtime = runtime.with_memory_pool(Arc::new(UnspilledRepartitionPool::new(bytes)));
        }
        Ok(runtime.build_arc()?)
    }

    /// Whether what is planned reads few rows: of a small store, and of nothing else.
    pub(super) fn plans_for_few_rows(&self, store: &Store) -> bool {
        !self.allows_files && catalog::has_few_rows(store)
    }

    /// Whether files of a store are read once, and their rows held.
    pub(super) fn reads_once(&self, store: &Store) -> bool {
        !self.allows_files && self.memory_limit_bytes.is_none() && catalog::is_small(store)
    }

    /// A context without tables, for a store.
    pub(super) fn context(
        &self,
        runtime: Arc<RuntimeEnv>,
        store: &Store,
    ) -> Result<SessionContext> {
        let mut config = SessionConfig::new().with_information_schema(true);
        if self.plans_for_few_rows(store) {
            config = config.with_target_partitions(1);
        }
        config.options_mut().sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
        // Views of text keep whole buffers alive: passed through several sorts and joins, each batch
        // came to hold every buffer of the query, tens of thousands of them.
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        config
            .options_mut()
            .execution
            .parquet
            .schema_force_view_types = false;
        config.options_mut().execution.parquet.pushdown_filters = true;
        // Footers of the largest files have half of this; what is read around one is of no use.
        config.options_mut().execution.parquet.metadata_size_hint = Some(64 << 10);
        // Files are looked at one after another: with a LIMIT the first ones are read, not those that were
        // looked at first.
        config.options_mut().execution.meta_fetch_concurrency = ConfigNonZeroUsize::try_new(1)?;
        if let Some(bytes) = self.memory_limit_bytes {
            // A sort sets this much aside to merge what it wrote to files: 10 MB by default, times the
            // number of sorts.
            let reserved = &mut config.options_mut().execution.sort_spill_reservation_bytes;
            *reserved = (*reserved).min(bytes / 64);
        }
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_physical_optimizer_rules(IntervalJoinRule::default().with_default_rules())
            .with_physical_optimizer_rule(Arc::new(InOrderRule))
            .build();
        let mut context = SessionContext::new_with_state(state);
        if self.allows_files {
            context = context.enable_url_table();
        }
        context.register_relation_planner(Arc::new(AsOfPlanner))?;
        for function in functions::all() {
            context.register_udf(function);
        }
        Ok(context)
    }
}
