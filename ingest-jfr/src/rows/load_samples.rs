//! `load_samples` from the events by which recorders sample load: `jdk.CPULoad` (of the JDK and of
//! async-profiler), `jdk.ThreadContextSwitchRate`, `jdk.NetworkUtilization`.

use std::sync::Arc;

use arrow::array::Float64Array;
use kcorr_model::columns::{Choices, LabelColumn, Numbers};
use kcorr_model::tables::LOAD_SAMPLES;

use crate::rows::batch::{BATCH_ROWS, RowBatch};
use crate::rows::event::{Event, Scope};
use crate::rows::fields::{OWN, Wanted};

const USER: u8 = OWN;
const SYSTEM: u8 = OWN + 1;
const MACHINE: u8 = OWN + 2;
const SWITCHES: u8 = OWN + 3;
const INTERFACE: u8 = OWN + 4;
const READ: u8 = OWN + 5;
const WRITTEN: u8 = OWN + 6;

/// The fields that samples of load are made of.
pub(crate) const WANTED: [Wanted; 7] = [
    Wanted::value("jvmUser", USER),
    Wanted::value("jvmSystem", SYSTEM),
    Wanted::value("machineTotal", MACHINE),
    Wanted::value("switchRate", SWITCHES),
    Wanted::text("networkInterface", INTERFACE),
    Wanted::value("readRate", READ),
    Wanted::value("writeRate", WRITTEN),
];

/// Which event a sample comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `jdk.CPULoad`.
    Cpu,
    /// `jdk.ThreadContextSwitchRate`.
    ContextSwitches,
    /// `jdk.NetworkUtilization`.
    Network,
}

const METRICS: [&str; 4] = [
    "cpu_usage",
    "context_switch_rate",
    "network_read_rate",
    "network_write_rate",
];
const SCOPES: [&str; 4] = ["machine", "process_user", "process_system", "interface"];
const UNITS: [&str; 3] = ["share", "per_second", "bits_per_second"];

/// Builds batches of `load_samples`.
#[derive(Debug)]
pub(crate) struct LoadSamples {
    rows: usize,
    time: Numbers,
    metric: Choices,
    scope: Choices,
    name: LabelColumn,
    value: Vec<f64>,
    unit: Choices,
}

impl LoadSamples {
    pub(crate) fn new() -> Self {
        Self {
            rows: 0,
            time: Numbers::default(),
            metric: Choices::new(&METRICS),
            scope: Choices::new(&SCOPES),
            name: LabelColumn::default(),
            value: Vec::new(),
            unit: Choices::new(&UNITS),
        }
    }

    /// Appends the values of an event; answers whether the batch is full.
    pub(crate) fn push(&mut self, kind: Kind, event: &Event<'_>, scope: &Scope<'_>) -> bool {
        let float = |slot: u8| f64::from(f32::from_bits(event.int(slot).cast_unsigned()));
        #[allow(clippy::cast_precision_loss)]
        let long = |slot: u8| event.slot(slot) as f64;
        match kind {
            Kind::Cpu => {
                self.row(event, (0, 0, 0), None, float(MACHINE));
                self.row(event, (0, 1, 0), None, float(USER));
                self.row(event, (0, 2, 0), None, float(SYSTEM));
            }
            Kind::ContextSwitches => self.row(event, (1, 0, 1), None, float(SWITCHES)),
            Kind::Network => {
                let interface = event.text(INTERFACE, scope.pools);
                let interface = interface.as_deref();
                self.row(event, (2, 3, 2), interface, long(READ));
                self.row(event, (3, 3, 2), interface, long(WRITTEN));
            }
        }
        self.rows >= BATCH_ROWS
    }

    /// `what` is metric, scope and unit, by their places in the lists. A value that is no number is left
    /// out: async-profiler writes one where it could not read `/proc`.
    fn row(
        &mut self,
        event: &Event<'_>,
        (metric, scope, unit): (i32, i32, i32),
        name: Option<&str>,
        value: f64,
    ) {
        if !value.is_finite() {
            return;
        }
        self.rows += 1;
        self.time.push(event.start);
        self.metric.push(metric);
        self.scope.push(scope);
        self.name.push(name);
        self.value.push(value);
        self.unit.push(unit);
    }

    /// The rows so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<RowBatch> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        let values = Float64Array::from(std::mem::take(&mut self.value));
        Some(RowBatch {
            table: &LOAD_SAMPLES,
            rows,
            columns: vec![
                ("time", self.time.finish_times()),
                ("metric", self.metric.finish()),
                ("scope", self.scope.finish()),
                ("name", self.name.finish()),
                ("value", Some(Arc::new(values))),
                ("unit", self.unit.finish()),
            ],
            stacks: Vec::new(),
        })
    }
}
