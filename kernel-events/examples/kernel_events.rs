//! Records what the kernel does for a process, as JSON lines on the standard output, until
//! the time is over.
//!
//! ```text
//! cargo run --release -p kcorr-kernel-events --example kernel_events -- PID SECONDS [PROBE[=THRESHOLD_US] …]
//! ```

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use kcorr_kernel_events::{JsonLines, PROBES, Probe, Recorder, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let pid = arguments.next().ok_or("expected a process")?.parse()?;
    let seconds = arguments.next().ok_or("expected seconds")?.parse()?;
    let mut settings = Settings::of_probes(pid, []);
    for argument in arguments {
        let (name, threshold) = match argument.split_once('=') {
            Some((name, us)) => (name, Some(Duration::from_micros(us.parse()?))),
            None => (argument.as_str(), None),
        };
        let probe: Probe = name.parse()?;
        let threshold = threshold.unwrap_or(probe.usual_threshold());
        settings = settings.with_threshold(probe, threshold);
    }
    if settings.thresholds.is_empty() {
        settings = Settings::of_probes(pid, PROBES);
    }
    let mut recorder = Recorder::start(&settings)?;
    for left in recorder.left_out() {
        eprintln!("{} is left out: {}", left.probe, left.reason);
    }
    let mut lines = JsonLines::begin(std::io::stdout(), &settings)?;
    eprintln!("recording");
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut events = 0;
    while Instant::now() < end {
        events += recorder.read(&mut |event| lines.event(event), Duration::from_millis(100));
        lines.losses(&recorder.losses()?);
        lines.flush()?;
    }
    let losses = recorder.stop(&mut |event| {
        events += 1;
        lines.event(event);
    })?;
    lines.losses(&losses);
    lines.flush()?;
    writeln!(
        std::io::stderr(),
        "{events} events, lost at the end: {losses:?}"
    )?;
    Ok(())
}
