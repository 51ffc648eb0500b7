//! `gc.log`: what `-Xlog:safepoint*,gc*:file=…:time,uptimenanos,level,tags` writes.

use std::io::{self, Write};

use super::clock::UPTIME_NS;
use super::{Recorder, date_time};
use crate::history::History;

/// Writes each pause as a collection inside its safepoint, as the JVM does: at their ends.
pub(super) fn write(
    history: &History,
    mut recorder: Recorder,
    mut output: impl Write,
) -> io::Result<()> {
    let mut last_end = 0;
    for (number, pause) in history.pauses.iter().enumerate() {
        let clock = recorder.clock;
        let line_start = |time| {
            let (date, clock_time) = date_time(clock.wall(time));
            let uptime = UPTIME_NS + clock.drifted(time);
            format!("[{date}T{clock_time}+0000][{uptime}ns][info]")
        };
        if recorder.loses() {
            continue;
        }
        let (reach, cleanup, leave) = (6_000, 90_000, 4_000);
        let total = pause.ns();
        let work = (total - reach - cleanup - leave).max(1_000);
        let work_us = work / 1_000;
        let name = format!("GC({number}) Pause Young (Normal) (G1 Evacuation Pause)");
        writeln!(
            output,
            "{}[gc,start         ] {name}",
            line_start(pause.start + reach + cleanup)
        )?;
        writeln!(
            output,
            "{}[gc               ] {name} 51M->9M(1024M) {}.{:03}ms",
            line_start(pause.end - leave),
            work_us / 1_000,
            work_us % 1_000
        )?;
        writeln!(
            output,
            "{}[safepoint        ] Safepoint \"G1CollectForAllocation\", Time since last: {} ns, \
             Reaching safepoint: {reach} ns, Cleanup: {cleanup} ns, At safepoint: {} ns, Total: {total} ns",
            line_start(pause.end),
            pause.start - last_end,
            total - reach - cleanup
        )?;
        last_end = pause.end;
    }
    output.flush()
}
