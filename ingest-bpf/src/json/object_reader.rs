//! A JSON object, whoever printed it: a collector's around a line, an event of kcorr's probes, one of
//! `bpftrace -f json`, or any tool's by a field map.

use serde_json::Value;

use crate::findings::Findings;
use crate::json::field_map::FieldMap;
use crate::json::object::Object;
use crate::json::text::collected;
use crate::json::{bpftrace, event};
use crate::outcome::Outcome;
use crate::text::local_time::LocalClock;

/// Reads objects.
#[derive(Debug)]
pub(crate) struct ObjectReader {
    /// With it, every object is read by it.
    pub(crate) field_map: Option<FieldMap>,
    /// The clock of times of day.
    pub(crate) local: LocalClock,
}

impl ObjectReader {
    /// Reads an object that stands in `line`.
    pub(crate) fn read(
        &mut self,
        object: &Object,
        line: &[u8],
        findings: &mut Findings,
    ) -> Outcome {
        if let Some(line) = collected(object) {
            let end = if line.ends_with('\n') { "" } else { "\n" };
            return Outcome::Printed(format!("{line}{end}"));
        }
        if let Some(map) = &self.field_map {
            map.read(object, line, &mut self.local, findings);
            return Outcome::Read;
        }
        if let Some(event) = object.get("ev").and_then(Value::as_str) {
            event::read(object, event, line, findings);
            return Outcome::Read;
        }
        match bpftrace::read(object, line, findings) {
            Some(text) => Outcome::Printed(text),
            None => {
                findings.bad_line(line, "a JSON object with `ev`, or with `type` and `data`");
                Outcome::Read
            }
        }
    }
}
