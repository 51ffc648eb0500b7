//! What can be lost of samples of `cpu.stat`.

use kcorr_model::{LossKind, Severity};

/// A line that cannot be read.
pub(crate) static CPU_STAT_BAD_LINE: LossKind = LossKind {
    name: "cpu_stat_bad_line",
    severity: Severity::Warning,
    doc: "A line is neither a time (seconds since 1970, as `date +%s.%N` prints them) nor a name and a number, as in `cpu.stat`: its sample may be missing.",
};

/// A sample without the counters of the quota.
pub(crate) static CPU_STAT_NO_COUNTERS: LossKind = LossKind {
    name: "cpu_stat_no_counters",
    severity: Severity::Warning,
    doc: "A sample has no `nr_throttled` with `throttled_usec` or `throttled_time`: it is cut, or of a group without a quota.",
};

/// The counters began anew.
pub(crate) static CPU_STAT_RESTART: LossKind = LossKind {
    name: "cpu_stat_restart",
    severity: Severity::Info,
    doc: "The counters fell, so the group was made anew, or the time went backwards: what happened between the two samples is not known.",
};
