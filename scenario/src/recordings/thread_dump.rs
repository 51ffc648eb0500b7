//! `threads.txt`: a thread dump by jstack at the scenario's start.

use std::io::{self, Write};

use super::date_time;
use crate::history::{EPOCH_NS, History, Role};

/// Writes a dump in which every thread waits for work.
pub(super) fn write(history: &History, mut output: impl Write) -> io::Result<()> {
    let (date, time) = date_time(EPOCH_NS);
    writeln!(
        output,
        "{date} {}",
        time.split('.').next().unwrap_or("00:00:00")
    )?;
    writeln!(
        output,
        "Full thread dump OpenJDK 64-Bit Server VM (17.0.15+6-Debian-1deb12u1 mixed mode, sharing):\n"
    )?;
    for thread in &history.threads {
        if thread.role == Role::Vm {
            writeln!(
                output,
                "\"{}\" os_prio=0 cpu=220.18ms elapsed=86.42s tid=0x00007f1c0a0f2000 nid=0x{:x} runnable  \n",
                thread.name, thread.tid
            )?;
            continue;
        }
        writeln!(
            output,
            "\"{}\" #{} daemon prio=5 os_prio=0 cpu=14.92ms elapsed=86.40s tid=0x00007f1c0a{:06x} nid=0x{:x} \
             waiting on condition  [0x00007f1b8affe000]",
            thread.name,
            thread.java_id,
            thread.java_id * 0x1000,
            thread.tid
        )?;
        writeln!(output, "   java.lang.Thread.State: TIMED_WAITING (parking)")?;
        writeln!(
            output,
            "\tat jdk.internal.misc.Unsafe.park(java.base@17.0.15/Native Method)\n"
        )?;
    }
    writeln!(output, "JNI global refs: 14, weak refs: 0\n")?;
    output.flush()
}
