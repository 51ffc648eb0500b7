//! Rows of `standings`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::record_batch::RecordBatch;
use kcorr_model::columns::{
    LabelBuilder, NO_I32, NO_I64, ended_labels, nullable_int32, nullable_int64, nullable_time,
};
use kcorr_model::{BatchError, LogDirectory, LogFile, Table, tables};

use super::name_extent::NameExtent;
use super::row::{BatchContext, Row, Span};
use super::told::{FileKey, Told};
use crate::device::Device;
use crate::kernel_waits::{self, KernelWait};
use crate::labels::Label;
use crate::syscall::Syscall;
use crate::task_state::TaskState;

/// A stretch in which a thread did not run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) start: i64,
    pub(crate) woken: i64,
    pub(crate) end: i64,
    /// The probe's number of the stack, or [`NO_I64`]: [`Told`] has its frames.
    pub(crate) stack: i64,
    pub(crate) waker_stack: i64,
    /// First argument of the system call.
    pub(crate) argument: i64,
    /// The file of the call, if it has one.
    pub(crate) file: Option<FileKey>,
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    pub(crate) state: TaskState,
    /// Number of the system call, or [`NO_I32`].
    pub(crate) syscall: i32,
    pub(crate) waker_tid: i32,
    pub(crate) ran_tid: i32,
    /// How often its control group was seen without CPU time, or [`NO_I32`].
    pub(crate) throttled: i32,
    /// Of a futex: whether it waits for a time only, or [`NO_I32`].
    pub(crate) timed: i32,
    pub(crate) comm: Label,
    pub(crate) waker_comm: Label,
    pub(crate) ran_comm: Label,
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waker {
    /// Nobody, or it was not seen.
    None,
    Interrupt,
    Thread,
    /// A thread, or an interrupt that came upon it.
    Either,
}

impl Standing {
    /// When it became runnable, or [`NO_I64`].
    fn woken(&self) -> i64 {
        let is_inside = self.woken >= self.start && self.woken <= self.end;
        match self.state.is_runnable() {
            true => self.start,
            false if is_inside => self.woken,
            false => NO_I64,
        }
    }

    fn waker(&self, told: &Told) -> Waker {
        if self.state.is_runnable() || self.woken() == NO_I64 || self.waker_tid == NO_I32 {
            return Waker::None;
        }
        // The idle thread wakes nobody.
        if self.waker_tid == 0 {
            return Waker::Interrupt;
        }
        let stack = told.stack(self.waker_stack);
        match stack.and_then(|stack| stack.is_interrupt) {
            Some(true) => Waker::Interrupt,
            Some(false) => Waker::Thread,
            None => Waker::Either,
        }
    }

    fn waking_thread(&self, told: &Told) -> Option<i32> {
        matches!(self.waker(told), Waker::Thread | Waker::Either).then_some(self.waker_tid)
    }

    fn syscall(&self) -> Option<Syscall> {
        (self.syscall != NO_I32).then_some(Syscall(self.syscall))
    }

    fn is_futex(&self) -> bool {
        self.syscall()
            .is_some_and(|call| call.name() == Some("futex"))
    }

    /// What it waited for, and the frame that tells.
    fn wait<'t>(&self, told: &'t Told) -> (KernelWait, Option<&'t str>) {
        if self.state.is_runnable() {
            let call = self.syscall().and_then(Syscall::name);
            return (kernel_waits::of_runnable(call, self.throttled > 0), None);
        }
        if let Some(stack) = told.stack(self.stack) {
            return (stack.wait, Some(&stack.function));
        }
        let by_call = self
            .syscall()
            .filter(|_| self.state == TaskState::Interruptible)
            .and_then(|call| kernel_waits::of_syscall(call.name()?));
        (by_call.unwrap_or(kernel_waits::UNKNOWN), None)
    }

    fn file_name<'t>(&self, told: &'t Told) -> Option<(&'t str, &'t str, NameExtent)> {
        let name = told.file(self.file?)?;
        Some((&name.directory, &name.file, name.extent))
    }

    fn partition<'t>(&self, told: &'t Told) -> Option<LogDirectory<'t>> {
        let (directory, file, extent) = self.file_name(told)?;
        let is_partition = LogFile::from_name(file).is_some_and(|file| file.is_in_partition());
        (is_partition && extent != NameExtent::Cut)
            .then(|| LogDirectory::from_name(directory))
            .flatten()
    }
}

impl Row for Standing {
    const TABLE: &'static Table = &tables::STANDINGS;
    const ID: &'static str = "standing_id";

    fn span(&self) -> Span {
        Span {
            start: self.start,
            end: self.end,
            duration: self.end.saturating_sub(self.start),
        }
    }

    fn numbers(&self) -> impl Ord {
        (
            (self.end, self.tid, self.pid, self.woken, self.state),
            (self.stack, self.waker_stack, self.argument, self.file),
            (self.syscall, self.waker_tid, self.ran_tid),
            (self.throttled, self.timed),
        )
    }

    fn labels(&mut self) -> impl IntoIterator<Item = &mut Label> {
        [&mut self.comm, &mut self.waker_comm, &mut self.ran_comm]
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_, '_>) -> Result<RecordBatch, BatchError> {
        let stacks = rows.iter().map(|row| (row.stack, row.state.is_runnable()));
        context.shared.told.count_missing(stacks);
        let comm = context.column(rows, |row| row.comm);
        let ran_comm = context.column(rows, |row| row.ran_comm);
        let builder = context.builder(rows);
        let (told, labels) = (&*context.shared.told, context.shared.labels);
        let waits: Vec<_> = rows.iter().map(|row| row.wait(told)).collect();
        let stack_id = |number: i64| told.stack(number).map_or(NO_I64, |stack| stack.stack_id);
        let device = |row: &Self| Some(Device(row.file?.device).to_string());
        builder
            .set("woken_time", nullable_time(rows, Self::woken))
            .set(
                "blocked_ns",
                nullable_int64(rows, |r| match r.woken() {
                    NO_I64 => NO_I64,
                    woken => woken.saturating_sub(r.start),
                }),
            )
            .set(
                "runnable_ns",
                nullable_int64(rows, |r| match r.woken() {
                    NO_I64 => NO_I64,
                    woken => r.end.saturating_sub(woken),
                }),
            )
            .set("pid", nullable_int32(rows, |row| row.pid))
            .set("tid", nullable_int32(rows, |row| row.tid))
            .set("comm", comm)
            .set("state", texts(rows, |row| Some(row.state.name())))
            .set("wait_class", texts(&waits, |wait| Some(wait.0.class)))
            .set("wait_mechanism", texts(&waits, |wait| wait.0.mechanism))
            .set("wait_function", texts(&waits, |wait| wait.1))
            .set("stack_id", nullable_int64(rows, |row| stack_id(row.stack)))
            .set(
                "syscall",
                texts(rows, |row| row.syscall().map(|call| call.to_string())),
            )
            .set(
                "fd",
                nullable_int32(rows, |row| {
                    let fd = row.syscall().filter(|call| call.takes_fd());
                    fd.and_then(|_| i32::try_from(row.argument).ok())
                        .unwrap_or(NO_I32)
                }),
            )
            .set(
                "futex_address",
                nullable_int64(rows, |row| match row.is_futex() {
                    true => row.argument,
                    false => NO_I64,
                }),
            )
            .set(
                "is_timed",
                flags(rows, |row| {
                    (row.is_futex() && row.timed != NO_I32).then_some(row.timed > 0)
                }),
            )
            .set("device", texts(rows, device))
            .set(
                "inode",
                nullable_int64(rows, |r| r.file.map_or(NO_I64, |f| f.inode)),
            )
            .set(
                "directory",
                texts(rows, |row| row.file_name(told).map(|name| name.0)),
            )
            .set(
                "file",
                texts(rows, |row| row.file_name(told).map(|name| name.1)),
            )
            .set(
                "topic",
                texts(rows, |row| row.partition(told).map(|of| of.topic)),
            )
            .set(
                "partition",
                nullable_int32(rows, |row| {
                    row.partition(told).map_or(NO_I32, |of| of.partition)
                }),
            )
            .set(
                "waker_tid",
                nullable_int32(rows, |row| row.waking_thread(told).unwrap_or(NO_I32)),
            )
            .set(
                "waker_comm",
                texts(rows, |row| {
                    row.waking_thread(told).map(|_| labels.get(row.waker_comm))
                }),
            )
            .set(
                "is_waker_interrupt",
                flags(rows, |row| match row.waker(told) {
                    Waker::Interrupt => Some(true),
                    Waker::Thread => Some(false),
                    Waker::Either | Waker::None => None,
                }),
            )
            .set(
                "waker_stack_id",
                nullable_int64(rows, |row| match row.waker(told) {
                    Waker::None => NO_I64,
                    _ => stack_id(row.waker_stack),
                }),
            )
            .set("ran_instead_tid", nullable_int32(rows, |row| row.ran_tid))
            .set("ran_instead_comm", ran_comm)
            .set(
                "is_quota_spent",
                flags(rows, |row| {
                    (row.throttled != NO_I32).then_some(row.throttled > 0)
                }),
            )
            .finish()
    }
}

fn texts<R, T: AsRef<str>>(rows: &[R], text: impl Fn(&R) -> Option<T>) -> ArrayRef {
    let mut column = LabelBuilder::new();
    for row in rows {
        column.append_option(text(row));
    }
    ended_labels(&mut column)
}

fn flags<R>(rows: &[R], flag: impl Fn(&R) -> Option<bool>) -> ArrayRef {
    Arc::new(rows.iter().map(flag).collect::<BooleanArray>())
}
