//! The metadata event: which types there are, with their fields.

use super::chunk::Bytes;

/// Type ids, as async-profiler numbers them where it has the type.
pub(super) mod types {
    pub(in super::super) const THREAD: i64 = 22;
    pub(in super::super) const CLASS: i64 = 21;
    pub(in super::super) const THREAD_STATE: i64 = 24;
    pub(in super::super) const FRAME_TYPE: i64 = 25;
    pub(in super::super) const STACK_TRACE: i64 = 26;
    pub(in super::super) const STACK_FRAME: i64 = 27;
    pub(in super::super) const METHOD: i64 = 28;
    pub(in super::super) const SYMBOL: i64 = 30;
    pub(in super::super) const EXECUTION_SAMPLE: i64 = 101;
    pub(in super::super) const JAVA_MONITOR_ENTER: i64 = 104;
    pub(in super::super) const ACTIVE_RECORDING: i64 = 108;
    pub(in super::super) const ACTIVE_SETTING: i64 = 109;
    pub(in super::super) const WALL_CLOCK_SAMPLE: i64 = 118;
}

use types::{
    ACTIVE_RECORDING, ACTIVE_SETTING, CLASS, EXECUTION_SAMPLE, FRAME_TYPE, JAVA_MONITOR_ENTER,
    METHOD, STACK_FRAME, STACK_TRACE, SYMBOL, THREAD, THREAD_STATE, WALL_CLOCK_SAMPLE,
};

const BOOLEAN: i64 = 4;
const INT: i64 = 10;
const LONG: i64 = 11;
const STRING: i64 = 20;
const ANNOTATION_TIMESTAMP: i64 = 200;
const ANNOTATION_TIMESPAN: i64 = 201;

/// What a field is besides its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// An id in the type's pool.
    Pooled,
    Array,
    /// A time in ticks.
    Time,
    /// A duration in ticks.
    Duration,
}

use Kind::{Array, Duration, Plain, Pooled, Time};

/// A type: id, name, supertype, fields (name, type, kind).
type Type = (i64, &'static str, &'static str, &'static [Field]);
type Field = (&'static str, i64, Kind);

const EVENT: &str = "jdk.jfr.Event";
const ANNOTATION: &str = "java.lang.annotation.Annotation";

const TYPES: [Type; 22] = [
    (BOOLEAN, "boolean", "", &[]),
    (INT, "int", "", &[]),
    (LONG, "long", "", &[]),
    (STRING, "java.lang.String", "", &[]),
    (
        THREAD,
        "java.lang.Thread",
        "",
        &[
            ("osName", STRING, Plain),
            ("osThreadId", LONG, Plain),
            ("javaName", STRING, Plain),
            ("javaThreadId", LONG, Plain),
        ],
    ),
    (
        CLASS,
        "java.lang.Class",
        "",
        &[
            ("classLoader", CLASS, Pooled),
            ("name", SYMBOL, Pooled),
            ("package", SYMBOL, Pooled),
            ("modifiers", INT, Plain),
        ],
    ),
    (SYMBOL, "jdk.types.Symbol", "", &[("string", STRING, Plain)]),
    (
        METHOD,
        "jdk.types.Method",
        "",
        &[
            ("type", CLASS, Pooled),
            ("name", SYMBOL, Pooled),
            ("descriptor", SYMBOL, Pooled),
            ("modifiers", INT, Plain),
            ("hidden", BOOLEAN, Plain),
        ],
    ),
    (
        STACK_TRACE,
        "jdk.types.StackTrace",
        "",
        &[
            ("truncated", BOOLEAN, Plain),
            ("frames", STACK_FRAME, Array),
        ],
    ),
    (
        STACK_FRAME,
        "jdk.types.StackFrame",
        "",
        &[
            ("method", METHOD, Pooled),
            ("lineNumber", INT, Plain),
            ("bytecodeIndex", INT, Plain),
            ("type", FRAME_TYPE, Pooled),
        ],
    ),
    (
        FRAME_TYPE,
        "jdk.types.FrameType",
        "",
        &[("description", STRING, Plain)],
    ),
    (
        THREAD_STATE,
        "jdk.types.ThreadState",
        "",
        &[("name", STRING, Plain)],
    ),
    (
        EXECUTION_SAMPLE,
        "jdk.ExecutionSample",
        EVENT,
        &[
            ("startTime", LONG, Time),
            ("sampledThread", THREAD, Pooled),
            ("stackTrace", STACK_TRACE, Pooled),
            ("state", THREAD_STATE, Pooled),
        ],
    ),
    (
        WALL_CLOCK_SAMPLE,
        "profiler.WallClockSample",
        EVENT,
        &[
            ("startTime", LONG, Time),
            ("sampledThread", THREAD, Pooled),
            ("stackTrace", STACK_TRACE, Pooled),
            ("state", THREAD_STATE, Pooled),
            ("samples", INT, Plain),
        ],
    ),
    (
        JAVA_MONITOR_ENTER,
        "jdk.JavaMonitorEnter",
        EVENT,
        &[
            ("startTime", LONG, Time),
            ("duration", LONG, Duration),
            ("eventThread", THREAD, Pooled),
            ("stackTrace", STACK_TRACE, Pooled),
            ("monitorClass", CLASS, Pooled),
            ("previousOwner", THREAD, Pooled),
            ("address", LONG, Plain),
        ],
    ),
    (
        ACTIVE_RECORDING,
        "jdk.ActiveRecording",
        EVENT,
        &[
            ("startTime", LONG, Time),
            ("duration", LONG, Duration),
            ("eventThread", THREAD, Pooled),
            ("stackTrace", STACK_TRACE, Pooled),
            ("id", LONG, Plain),
            ("name", STRING, Plain),
        ],
    ),
    (
        ACTIVE_SETTING,
        "jdk.ActiveSetting",
        EVENT,
        &[
            ("startTime", LONG, Time),
            ("duration", LONG, Duration),
            ("eventThread", THREAD, Pooled),
            ("stackTrace", STACK_TRACE, Pooled),
            ("id", LONG, Plain),
            ("name", STRING, Plain),
            ("value", STRING, Plain),
        ],
    ),
    (
        ANNOTATION_TIMESTAMP,
        "jdk.jfr.Timestamp",
        ANNOTATION,
        &[("value", STRING, Plain)],
    ),
    (
        ANNOTATION_TIMESPAN,
        "jdk.jfr.Timespan",
        ANNOTATION,
        &[("value", STRING, Plain)],
    ),
    (8, "byte", "", &[]),
    (9, "short", "", &[]),
    (6, "float", "", &[]),
];

/// An element of the metadata tree.
#[derive(Debug, Default)]
struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Element>,
}

impl Element {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.attributes.push((key, value.to_string()));
        self
    }

    /// Appends the element behind its name: attributes, then children.
    fn write(&self, strings: &mut Vec<String>, mut bytes: Bytes) -> Bytes {
        bytes = bytes.number(self.attributes.len() as i64);
        for (key, value) in &self.attributes {
            let (key, value) = (string(key, strings), string(value, strings));
            bytes = bytes.number(key).number(value);
        }
        bytes = bytes.number(self.children.len() as i64);
        for child in &self.children {
            let name = string(child.name, strings);
            bytes = child.write(strings, bytes.number(name));
        }
        bytes
    }
}

/// The number of a string in the table, from 0.
fn string(text: &str, strings: &mut Vec<String>) -> i64 {
    let place = strings.iter().position(|known| known == text);
    let place = place.unwrap_or_else(|| {
        strings.push(text.to_owned());
        strings.len() - 1
    });
    place as i64
}

fn class(declared: &Type) -> Element {
    let (id, name, supertype, fields) = *declared;
    let mut class = Element::new("class").with("id", id).with("name", name);
    if !supertype.is_empty() {
        class = class.with("superType", supertype);
    }
    for (name, type_id, kind) in fields {
        let mut field = Element::new("field")
            .with("name", name)
            .with("class", type_id);
        match kind {
            Plain => {}
            Pooled => field = field.with("constantPool", true),
            Array => field = field.with("dimension", 1),
            Time | Duration => {
                let annotation = if *kind == Time {
                    ANNOTATION_TIMESTAMP
                } else {
                    ANNOTATION_TIMESPAN
                };
                let annotation = Element::new("annotation")
                    .with("class", annotation)
                    .with("value", "TICKS");
                field.children.push(annotation);
            }
        }
        class.children.push(field);
    }
    class
}

/// The metadata event's fields.
pub(super) fn event() -> Bytes {
    let mut metadata = Element::new("metadata");
    metadata.children = TYPES.iter().map(class).collect();
    let region = Element::new("region")
        .with("locale", "en_US")
        .with("gmtOffset", 0);
    let mut root = Element::new("root");
    root.children = vec![metadata, region];
    let mut strings = vec!["root".to_owned()];
    let tree = root.write(&mut strings, Bytes::default().number(0));
    let mut bytes = Bytes::default().number(0).number(0).number(1);
    bytes = bytes.number(strings.len() as i64);
    for string in &strings {
        bytes = bytes.text(string);
    }
    bytes.raw(&tree)
}
