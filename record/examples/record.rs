//! Records the broker of this machine for ten seconds into a folder: `cargo run --example record -- FOLDER`.

use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use kcorr_record::{Broker, Host, Launcher, Place, Plan, Recorder, become_child};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == "held"
    {
        return Err(become_child(rest).into());
    }
    let host = Host::here();
    let broker = Broker::of(&host, Broker::find(&host)?)?;
    let place = Place {
        folder: arguments.first().ok_or("expected a folder")?.into(),
        launcher: Launcher::through(std::env::current_exe()?, &["held"]),
        ring: None,
    };
    let mut say = |said| println!("{said:?}");
    let mut recorder =
        Recorder::start(&host, &broker, &Plan::default(), place, &|| true, &mut say)?;
    while recorder.time() < Duration::from_secs(10) {
        recorder.tick(SystemTime::now());
        std::thread::sleep(Duration::from_millis(100));
    }
    for (source, report) in recorder.stop()?.reports {
        println!("{source}: {report:?}");
    }
    Ok(())
}
