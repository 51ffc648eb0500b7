//! Taking recordings of a live Kafka broker: what `kcorr record` and `kcorr doctor` do.
//!
//! A [`Broker`] is a process that was looked at: its listeners, log directories, JVM and control group. A [`Recorder`]
//! starts the [sources](Source) that a [`Plan`] wants and can be had, each of which writes files into a folder, and
//! stops them. The folder is what `kcorr ingest FOLDER` reads.
//!
//! What it does not do: it knows no table and no SQL, says nothing of what a recording means, and never stops,
//! slows or restarts the broker.

mod attach;
mod broker;
mod child;
mod clocks;
mod doctor;
mod error;
mod host;
mod http_trigger;
mod kept;
mod place;
mod plan;
mod recorder;
mod ring;
mod sink;
mod source;
mod sources;
mod stretch;
mod trigger;
mod whole_lines;
mod windows;

pub use broker::{Broker, CommandLine, ControlGroup, Jvm, Listener, Mount, Properties, Status};
pub use child::{Launcher, become_child};
pub use clocks::Clocks;
pub use doctor::{Check, Programs, Verdict, examine};
pub use error::{Error, ErrorKind};
pub use host::Host;
pub use http_trigger::HttpTrigger;
pub use place::Place;
pub use plan::{Engine, Plan};
pub use recorder::{Absence, Recorder, Said, Summary};
pub use ring::RingSettings;
pub use source::{Report, Source, State};
pub use sources::{KernelEvents, SOURCES};
pub use stretch::Stretch;
pub use trigger::{Condition, Firing, Triggers, UnknownCondition};
pub use windows::{Window, WindowSettings, Windows};
