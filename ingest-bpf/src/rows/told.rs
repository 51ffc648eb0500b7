//! What a probe prints once and refers to by a number from then on: kernel stacks and names of files.
//!
//! A row may come before the line that tells what it refers to, because tracers read one buffer a CPU; so
//! rows keep the numbers until they leave the reorder window.

use std::collections::HashMap;

use kcorr_model::columns::NO_I64;

use super::name_extent::NameExtent;
use crate::kernel_waits::{self, KernelWait};

/// Stacks and files that are known at once; past them they are forgotten, and told again by the probe.
const MAX_STACKS: usize = 1 << 16;
const MAX_FILES: usize = 1 << 16;

/// A file by its numbers. The generation tells a file from an earlier one of the same inode number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileKey {
    pub(crate) device: i64,
    pub(crate) inode: i64,
    pub(crate) generation: i64,
}

/// A kernel stack that was told, and what it tells.
#[derive(Debug, Clone)]
pub(crate) struct ToldStack {
    /// Its row in `stacks`.
    pub(crate) stack_id: i64,
    /// What a thread with this stack waits for.
    pub(crate) wait: KernelWait,
    /// The frame that says so.
    pub(crate) function: String,
    /// Whether it is inside of an interrupt, where it tells.
    pub(crate) is_interrupt: Option<bool>,
}

impl ToldStack {
    /// What some frames tell, innermost first.
    pub(crate) fn new(stack_id: i64, frames: &[String], is_truncated: bool) -> Self {
        let found = kernel_waits::of_stack(frames);
        Self {
            stack_id,
            wait: found.wait,
            function: found.function,
            is_interrupt: kernel_waits::is_interrupt(frames, is_truncated),
        }
    }
}

/// Name of a file that was told.
#[derive(Debug, Clone)]
pub(crate) struct FileName {
    pub(crate) directory: String,
    pub(crate) file: String,
    /// How much of the directory's name there is.
    pub(crate) extent: NameExtent,
}

/// Rows that refer to what was never told, and stacks that no class fits.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    pub(crate) missing_stacks: u64,
    pub(crate) unknown_waits: u64,
    /// Innermost frames of the first of these.
    pub(crate) first_unknown: Option<String>,
}

/// What was told so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    stacks: HashMap<i64, ToldStack>,
    files: HashMap<FileKey, FileName>,
    pub(crate) untold: Untold,
}

impl Told {
    pub(crate) fn tell_stack(&mut self, number: i64, stack: ToldStack) {
        if self.stacks.len() >= MAX_STACKS {
            self.stacks.clear();
        }
        self.stacks.insert(number, stack);
    }

    pub(crate) fn tell_file(&mut self, key: FileKey, name: FileName) {
        if self.files.len() >= MAX_FILES {
            self.files.clear();
        }
        self.files.insert(key, name);
    }

    /// The stack of a number.
    pub(crate) fn stack(&self, number: i64) -> Option<&ToldStack> {
        (number != NO_I64)
            .then(|| self.stacks.get(&number))
            .flatten()
    }

    /// The file's name, as it was told last.
    pub(crate) fn file(&self, key: FileKey) -> Option<&FileName> {
        self.files.get(&key)
    }

    /// Counts what rows that leave the window lack: of each the number of its stack, and whether the thread
    /// was runnable.
    pub(crate) fn count_missing(&mut self, rows: impl IntoIterator<Item = (i64, bool)>) {
        for (number, is_runnable) in rows {
            match self.stack(number) {
                None if number != NO_I64 => {
                    self.untold.missing_stacks = self.untold.missing_stacks.saturating_add(1);
                }
                Some(stack) if stack.wait == kernel_waits::UNKNOWN && !is_runnable => {
                    let frames = stack.function.clone();
                    self.untold.unknown_waits = self.untold.unknown_waits.saturating_add(1);
                    self.untold.first_unknown.get_or_insert(frames);
                }
                _ => {}
            }
        }
    }
}
