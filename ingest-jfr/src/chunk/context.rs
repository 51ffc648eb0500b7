//! What a chunk tells of its recorder: settings, process, version, clock.

use crate::chunk::survey::Survey;
use crate::clock::ChunkClock;
use crate::format::cursor::Cursor;
use crate::format::framing::{Frame, METADATA, frame};
use crate::format::header::{HEADER_LENGTH, Header};
use crate::format::plan::SLOTS;
use crate::format::schema::Schema;
use crate::message::Ticks;
use crate::names::pools::Pools;
use crate::rows::event::Event;
use crate::rows::fields::{EventPlan, Wanted};
use crate::settings::Settings;

/// async-profiler writes its settings at once behind the metadata.
const EARLY_EVENTS: usize = 256;

/// The settings at the start of a chunk of async-profiler: it records them in its first chunk only,
/// so the chunks behind need them too. None if another recorder wrote the chunk.
pub(crate) fn early_settings(bytes: &[u8]) -> Option<Settings> {
    let header = Header::read(bytes).filter(|header| header.is_async_profiler)?;
    let mut at = HEADER_LENGTH;
    let metadata = frame(bytes, at, header.compressed).ok()?;
    if metadata.type_id != METADATA {
        return None;
    }
    let schema = crate::chunk::survey::schema_of(bytes, &header, metadata).ok()?;
    let setting = schema.by_name("jdk.ActiveSetting")?.id;
    let mut frames = Vec::new();
    for _ in 0..EARLY_EVENTS {
        let Ok(frame) = frame(bytes, at, header.compressed) else {
            break;
        };
        at = frame.end;
        if frame.type_id == setting {
            frames.push(frame);
        }
    }
    // Its strings stand in place.
    let pools = Pools::new(bytes, header.compressed, &schema);
    let settings = read_settings(bytes, &header, &schema, &frames, &pools);
    Some(settings).filter(|settings| !settings.is_empty())
}

/// Reads the `ActiveSetting` events at some frames.
pub(crate) fn read_settings(
    bytes: &[u8],
    header: &Header,
    schema: &Schema,
    frames: &[Frame],
    pools: &Pools<'_>,
) -> Settings {
    const ID: u8 = 4;
    const NAME: u8 = 5;
    const VALUE: u8 = 6;
    let wanted = [
        Wanted::value("id", ID),
        Wanted::text("name", NAME),
        Wanted::text("value", VALUE),
    ];
    let mut settings = Settings::default();
    let plan = schema
        .by_name("jdk.ActiveSetting")
        .and_then(|declared| EventPlan::compile(schema, declared, header.compressed, &wanted).ok());
    let Some(plan) = plan else { return settings };
    let clock = ChunkClock::new(header);
    for frame in frames {
        let mut slots = [0; SLOTS];
        let mut cursor = Cursor::new(bytes, frame.body, header.compressed);
        if plan.plan.read(&mut cursor, &mut slots).is_err() || cursor.position() != frame.end {
            continue;
        }
        let event = Event::new(&plan, &slots, &clock);
        let about = schema
            .by_id(event.slot(ID))
            .map_or("", |declared| &declared.name);
        let (name, value) = (event.text(NAME, pools), event.text(VALUE, pools));
        settings.add(about, &name.unwrap_or_default(), &value.unwrap_or_default());
    }
    settings
}

/// The process id in `jdk.JVMInformation`.
pub(crate) fn read_pid(bytes: &[u8], header: &Header, survey: &Survey) -> Option<i32> {
    const PID: u8 = 4;
    let declared = survey.schema.by_name("jdk.JVMInformation")?;
    let wanted = [Wanted::value("pid", PID)];
    let plan = EventPlan::compile(&survey.schema, declared, header.compressed, &wanted).ok()?;
    let mut slots = [0; SLOTS];
    let mut cursor = Cursor::new(bytes, survey.jvm?.body, header.compressed);
    plan.plan.read(&mut cursor, &mut slots).ok()?;
    let pid = *slots.get(usize::from(PID))?;
    i32::try_from(pid).ok().filter(|pid| *pid > 0)
}

/// The recorder in words.
pub(crate) fn recorder(
    bytes: &[u8],
    header: &Header,
    survey: &Survey,
    pools: &Pools<'_>,
    settings: &Settings,
) -> String {
    const VERSION: u8 = 4;
    if header.is_async_profiler {
        let version = settings.profiler_version().unwrap_or("");
        return format!("async-profiler {version}").trim_end().to_owned();
    }
    let version = || {
        let declared = survey.schema.by_name("jdk.JVMInformation")?;
        let wanted = [Wanted::text("jvmVersion", VERSION)];
        let plan = EventPlan::compile(&survey.schema, declared, header.compressed, &wanted).ok()?;
        let mut slots = [0; SLOTS];
        let mut cursor = Cursor::new(bytes, survey.jvm?.body, header.compressed);
        plan.plan.read(&mut cursor, &mut slots).ok()?;
        let event = Event::new(&plan, &slots, &ChunkClock::new(header));
        let text = event.text(VERSION, pools)?;
        // "OpenJDK 64-Bit Server VM (17.0.15+6-Debian-1) for linux-amd64 …"
        let version = text.split(['(', ')']).nth(1)?.to_owned();
        Some(format!("JDK {version}"))
    };
    version().unwrap_or_else(|| "JDK".to_owned())
}

/// async-profiler's ticks are `CLOCK_MONOTONIC` when it was told so, or could not use the
/// processor's counter; the JDK's, when they are ns, count from the start of the JVM
/// (`os::elapsed_counter`).
pub(crate) fn ticks(header: &Header, settings: &Settings) -> Ticks {
    if header.ticks_per_second != 1_000_000_000 {
        return Ticks::Counter;
    }
    match (header.is_async_profiler, settings.clock()) {
        (true, None | Some("monotonic")) => Ticks::Monotonic,
        (true, Some(_)) => Ticks::Counter,
        (false, _) => Ticks::JvmUptime,
    }
}
