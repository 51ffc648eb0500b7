//! One measurement a process, so that its CPU time and memory can be taken from outside; see `run.py`.
//!
//! ```text
//! kcorr-bench-interval-join generate STORE KEYS SECONDS REQUESTS WRITES LOCK_WAITS [SKEW]
//! kcorr-bench-interval-join kcorr    STORE SQL [MEMORY_MIB]   the engine
//! kcorr-bench-interval-join plain    STORE SQL                DataFusion without the operator
//! kcorr-bench-interval-join partitioned STORE SQL             the operator with both sides partitioned by key
//! kcorr-bench-interval-join floor    STORE LEFT RIGHT IS_KEYED  a sweep over arrays
//! ```

mod floor;
mod generate;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::TryStreamExt;
use kcorr_engine::{GivenParameters, Session, SessionOptions};
use kcorr_interval_join::IntervalJoinRule;
use kcorr_store::Store;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match arguments.as_slice() {
        ["generate", store, rest @ ..] => generate::generate(store, rest),
        ["kcorr", store, sql, memory @ ..] => {
            let memory = memory.first().map(|mib| mib.parse::<usize>()).transpose()?;
            runtime.block_on(kcorr(store, sql, memory))
        }
        ["plain", store, sql] => runtime.block_on(plain(store, sql, None)),
        ["partitioned", store, sql] => {
            let rule = IntervalJoinRule {
                most_shared_rows: 0,
            };
            runtime.block_on(plain(store, sql, Some(rule)))
        }
        ["floor", store, left, right, is_keyed] => {
            floor::floor(store, left, right, *is_keyed == "true")
        }
        _ => bail!("see the top of src/main.rs"),
    }
}

async fn kcorr(store: &str, sql: &str, memory_mib: Option<usize>) -> Result<()> {
    let mut options = SessionOptions::default();
    options.memory_limit_bytes = memory_mib.map(|mib| mib << 20);
    let session = Session::open_with(&Store::open(store)?, &options).await?;
    for query in session.plan(sql, &GivenParameters::new()).await? {
        let batches: Vec<_> = query.run().await?.try_collect().await?;
        println!("{}", pretty_format_batches(&batches)?);
    }
    Ok(())
}

async fn plain(store: &str, sql: &str, rule: Option<IntervalJoinRule>) -> Result<()> {
    let mut config = SessionConfig::new();
    config.options_mut().execution.parquet.pushdown_filters = true;
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features();
    if let Some(rule) = rule {
        state = state.with_physical_optimizer_rules(rule.with_default_rules());
    }
    let context = SessionContext::new_with_state(state.build());
    let store = Store::open(store)?;
    for table in ["requests", "writes", "lock_waits"] {
        let folder = store.folder().context("the store is in no folder")?;
        let folder = folder.join("data").join(table);
        let folder = folder.to_string_lossy();
        context
            .register_parquet(table, &*folder, ParquetReadOptions::default())
            .await?;
    }
    let batches = context.sql(sql).await?.collect().await?;
    println!("{}", pretty_format_batches(&batches)?);
    Ok(())
}

/// The files that a table of a generated store is in, by their rows' times.
fn files_of(store: &Store, table: &str) -> Result<Vec<PathBuf>> {
    let folder = store.folder().context("the store is in no folder")?;
    let folder = folder.join("data").join(table);
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    // Their names end in a number that counts up.
    files.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    Ok(files)
}
