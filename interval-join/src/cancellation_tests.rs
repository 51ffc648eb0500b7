//! A join that nobody waits for any longer stops, whatever it is doing, and leaves nothing behind.
//!
//! Everything runs on one thread, so that a join that does not give way would run to its end (which
//! here takes hours, or never comes) before the test could cancel it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use super::IntervalJoinRule;
use super::deadline::within;

/// What may go on after a join is cancelled, until its threads see it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a join may take until it is where the test wants to cancel it, and until that is seen.
const LONGEST: Duration = Duration::from_secs(300);

struct Machine {
    context: SessionContext,
    runtime: Arc<RuntimeEnv>,
    folder: tempfile::TempDir,
}

impl Machine {
    fn new(memory_bytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folders = DiskManagerMode::Directories(vec![folder.path().to_owned()]);
        let disk = DiskManagerBuilder::default().with_mode(folders);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_limit(memory_bytes, 1.0)
            .with_disk_manager_builder(disk)
            .build_arc()
            .unwrap();
        let state = SessionStateBuilder::new()
            .with_config(SessionConfig::new().with_target_partitions(2))
            .with_runtime_env(Arc::clone(&runtime))
            .with_default_features()
            .with_physical_optimizer_rules(IntervalJoinRule::default().with_default_rules())
            .build();
        let context = SessionContext::new_with_state(state);
        Self {
            context,
            runtime,
            folder,
        }
    }

    fn bytes_on_disk(&self) -> u64 {
        bytes_in(self.folder.path())
    }

    /// Starts a query that joins two tables of numbers in a line, cancels it once a condition is met,
    /// and waits until its memory and files are free.
    fn cancel(self, sql: &str, when: impl Fn(&Self, usize) -> bool + Send + 'static) {
        let query = sql.to_owned();
        within(LONGEST, sql, move || self.cancel_now(&query, when));
    }

    fn cancel_now(&self, sql: &str, when: impl Fn(&Self, usize) -> bool) {
        let tokio = Builder::new_current_thread().build().unwrap();
        tokio.block_on(async {
            let frame = self.context.sql(sql).await.unwrap();
            let plan = frame.clone().create_physical_plan().await.unwrap();
            let shown = displayable(plan.as_ref()).indent(false).to_string();
            assert!(shown.contains("IntervalJoinExec"), "{shown}");
            let mut stream = frame.execute_stream().await.unwrap();
            let (count, mut counted) = futures::channel::mpsc::unbounded();
            let join = tokio::spawn(async move {
                while let Some(batch) = stream.next().await {
                    count.unbounded_send(batch.unwrap().num_rows()).unwrap();
                    yield_now().await;
                }
            });
            let mut rows = 0;
            while !when(self, rows) {
                yield_now().await;
                while let Ok(count) = counted.try_recv() {
                    rows += count;
                }
            }
            join.abort();
            assert!(join.await.is_err_and(|error| error.is_cancelled()));
            let start = std::time::Instant::now();
            while self.runtime.memory_pool.reserved() > 0 || self.bytes_on_disk() > 0 {
                assert!(start.elapsed() < PATIENCE, "something goes on");
                yield_now().await;
            }
        });
    }
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(entry_data) if entry_data.is_dir() => bytes_in(&entry.path()),
        Ok(entry_data) => entry_data.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

/// Numbers from one up that match when they are near each other.
fn near(count: u64, distance: u64, and: &str) -> String {
    format!(
        "SELECT a.value, b.value AS other
        FROM generate_series(1, {count}) AS a
        JOIN generate_series(1, {count}) AS b
            ON a.value <= b.value + {distance} AND a.value >= b.value - {distance} {and}"
    )
}

const ENDLESS: u64 = 1_000_000_000_000;

#[test]
fn a_join_that_is_cancelled_while_it_collects_the_build_side_frees_its_memory() {
    let machine = Machine::new(1 << 40);
    let sql = near(ENDLESS, 1, "");
    let has_collected = |machine: &Machine| machine.runtime.memory_pool.reserved() > 1 << 24;
    machine.cancel(&sql, move |machine, _| has_collected(machine));
}

#[test]
fn a_join_that_is_cancelled_while_it_spills_removes_its_files() {
    let machine = Machine::new(1 << 20);
    machine.cancel(&near(ENDLESS, 1, ""), |machine, _| {
        machine.bytes_on_disk() > 1 << 20
    });
}

#[test]
fn a_join_that_is_cancelled_within_a_huge_output_frees_its_memory() {
    let machine = Machine::new(1 << 30);
    let sql = near(1_000_000, ENDLESS, "");
    machine.cancel(&sql, |_, rows| rows > 100_000);
}

#[test]
fn a_join_that_is_cancelled_between_the_passes_of_a_spilled_build_side_removes_its_files() {
    let machine = Machine::new(1 << 20);
    let sql = near(1_000_000, ENDLESS, "");
    machine.cancel(&sql, |machine, rows| {
        rows > 100_000 && machine.bytes_on_disk() > 0
    });
}

#[test]
fn a_join_that_finds_no_pair_among_all_gives_way_to_being_cancelled() {
    let machine = Machine::new(1 << 30);
    // 10¹² pairs, each tested.
    let sql = near(1_000_000, ENDLESS, "AND a.value % 7 + b.value % 7 = 20");
    let is_probing = |machine: &Machine| machine.runtime.memory_pool.reserved() > 0;
    machine.cancel(&sql, move |machine, _| is_probing(machine));
}
