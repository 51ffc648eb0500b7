//! `gc.log`: what `-Xlog:safepoint*,gc*:file=…:time,uptimenanos,level,tags` writes.

use std::io::{self, Write};

use super::clock::UPTIME_NS;
use super::{Recorder, date_time};
use crate::history::{History, PauseState};

/// Writes each pause as a collection inside its safepoint, as the JVM does: at their ends. The line of a
/// collection is the one that its VM thread may wait for the disk with.
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
        let states = &history.pause_states[number];
        let of = |state: PauseState| states.iter().find(|(_, of)| *of == state);
        let ns = |state: PauseState| of(state).map_or(0, |(span, _)| span.ns());
        let total = pause.ns();
        // Cleaning up goes before the collection.
        let (reach, cleanup) = (ns(PauseState::TimeToSafepoint), ns(PauseState::VmOperation));
        let collection = of(PauseState::Gc).map_or(*pause, |(span, _)| *span);
        let work_us = collection.ns() / 1_000;
        let name = format!("GC({number}) Pause Young (Normal) (G1 Evacuation Pause)");
        writeln!(
            output,
            "{}[gc,start         ] {name}",
            line_start(collection.start)
        )?;
        writeln!(
            output,
            "{}[gc               ] {name} 51M->9M(1024M) {}.{:03}ms",
            line_start(collection.end),
            work_us / 1_000,
            work_us % 1_000
        )?;
        let seconds = work_us as f64 / 1e6;
        writeln!(
            output,
            "{}[gc,cpu           ] GC({number}) User={:.2}s Sys=0.00s Real={seconds:.2}s",
            line_start(collection.end),
            1.5 * seconds
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
