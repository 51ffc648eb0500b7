//! Rows of `threads`: each distinct thread once.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array, StringArray};
use kcorr_model::{BatchBuilder, Error, Output, tables};

use super::constants::Constants;
use crate::names::threads::Thread;
use crate::rows::batch::BATCH_ROWS;

/// Distinct threads remembered, to say each once; further ones may come twice.
const MAX_THREADS: usize = 4_000_000;

/// Collects threads, each with its process.
#[derive(Debug, Default)]
pub(super) struct ThreadRows {
    known: HashSet<(Option<i32>, Thread)>,
    new: Vec<(Option<i32>, Thread)>,
}

impl ThreadRows {
    pub(super) fn take(
        &mut self,
        pid: Option<i32>,
        thread: Thread,
        constants: &Constants,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let key = (pid, thread);
        if self.known.contains(&key) {
            return Ok(());
        }
        if self.known.len() < MAX_THREADS {
            self.known.insert(key.clone());
        }
        self.new.push(key);
        if self.new.len() >= BATCH_ROWS {
            self.flush(constants, output)?;
        }
        Ok(())
    }

    /// Hands on what is held.
    pub(super) fn flush(
        &mut self,
        constants: &Constants,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let threads = std::mem::take(&mut self.new);
        if threads.is_empty() {
            return Ok(());
        }
        let text = |of: fn(&Thread) -> Option<&str>| -> ArrayRef {
            Arc::new(threads.iter().map(|(_, t)| of(t)).collect::<StringArray>())
        };
        let virtual_flags = threads.iter().map(|(_, t)| t.is_virtual);
        let batch = BatchBuilder::new(&tables::THREADS, threads.len())
            .set("source_id", constants.source(threads.len()))
            .set(
                "pid",
                Arc::new(threads.iter().map(|(pid, _)| *pid).collect::<Int32Array>()),
            )
            .set(
                "tid",
                Arc::new(threads.iter().map(|(_, t)| t.tid).collect::<Int32Array>()),
            )
            .set(
                "java_thread_id",
                Arc::new(
                    threads
                        .iter()
                        .map(|(_, t)| t.java_thread_id)
                        .collect::<Int64Array>(),
                ),
            )
            .set("name", text(|t| t.java_name.as_deref()))
            .set("os_name", text(|t| t.os_name.as_deref()))
            .set("thread_group", text(|t| t.group.as_deref()))
            .set(
                "is_virtual",
                Arc::new(virtual_flags.collect::<BooleanArray>()),
            )
            .finish()?;
        output.batch(&tables::THREADS, batch)
    }
}
