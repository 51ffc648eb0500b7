//! Events of the probe `standing`: rows, and the stacks and files that they refer to by numbers.
//!
//! ```text
//! {"ev":"kernel_stack","id":961877552896,"depth":16,"stack":"
//!         __schedule+1560
//!         schedule+35
//! "}
//! {"ev":"file_name","dev":266338304,"ino":3369181,"gen":3294361454,"dir_len":8,"dir":"orders-0","file":"….log"}
//! {"ev":"standing","start_ns":…,"woken_ns":…,"end_ns":…,"tid":…,"state":2,"stack":961877552896,…}
//! ```

use kcorr_model::lines::start_of;
use serde_json::Value;

use crate::findings::Findings;
use crate::json::object::{Object, bad_value, integer};
use crate::labels::{Label, NONE};
use crate::losses::{BPF_INCOMPLETE_EVENT, BPF_NAME_CUT};
use crate::rows::name_extent::NameExtent;
use crate::rows::standing::Standing;
use crate::rows::told::{FileKey, FileName, ToldStack};
use crate::rows::{AnyRow, NO_I32, NO_I64};
use crate::stacks::text::frames_from_text;
use crate::task_state::TaskState;

/// Takes `{"ev":"standing",…}`.
pub(crate) fn row(object: &Object, line: &[u8], findings: &mut Findings) {
    let required = |name: &'static str| integer(object, name).filter(|&value| value != NO_I64);
    let (Some(start), Some(end), Some(state)) =
        (required("start_ns"), required("end_ns"), required("state"))
    else {
        incomplete("the event has no start_ns, end_ns or state", line, findings);
        return;
    };
    if start <= 0 || end < start {
        incomplete("the event's start was not seen", line, findings);
        return;
    }
    let mut small = |key: &str| small(object, key, findings);
    let (pid, tid) = (small("pid"), small("tid"));
    let (waker_tid, ran_tid) = (small("waker_tid"), small("ran_tid"));
    let (syscall, throttled) = (small("call"), small("throttled"));
    let timed = small("timed");
    // What the probe prints for none.
    let number = |key: &str| integer(object, key).filter(|&number| number != 0);
    let mut label = |key: &str| -> Label {
        let text = object.get(key).and_then(Value::as_str);
        text.map_or(NONE, |text| findings.rows.labels.intern(text.as_bytes()))
    };
    let row = Standing {
        start,
        woken: number("woken_ns").unwrap_or(NO_I64),
        end,
        stack: number("stack").unwrap_or(NO_I64),
        waker_stack: number("waker_stack").unwrap_or(NO_I64),
        argument: unsigned(object, "argument").unwrap_or(NO_I64),
        file: file_key(object),
        pid,
        tid,
        state: TaskState::of_number(state),
        syscall: if syscall < 0 { NO_I32 } else { syscall },
        waker_tid,
        ran_tid,
        throttled,
        timed,
        comm: label("comm"),
        waker_comm: label("waker_comm"),
        ran_comm: label("ran_comm"),
    };
    findings.has_boot_times = true;
    findings.push(AnyRow::Standing(row), end);
}

/// Takes `{"ev":"kernel_stack",…}`.
pub(crate) fn kernel_stack(object: &Object, line: &[u8], findings: &mut Findings) {
    let text = object.get("stack").and_then(Value::as_str);
    let (Some(number), Some(text)) = (integer(object, "id"), text) else {
        incomplete("a kernel stack has no id or stack", line, findings);
        return;
    };
    let frames = frames_from_text(text);
    // The tracer could not read it; rows that refer to it have none.
    if frames.is_empty() {
        return;
    }
    let depth = integer(object, "depth").and_then(|depth| usize::try_from(depth).ok());
    let is_truncated = depth.is_some_and(|depth| frames.len() >= depth);
    let rows = &mut findings.rows;
    let stack_id = rows.stack_samples.stack_id(&frames, is_truncated);
    rows.told
        .tell_stack(number, ToldStack::new(stack_id, &frames, is_truncated));
    rows.emit_stacks_if_many();
}

/// Takes `{"ev":"file_name",…}`.
pub(crate) fn file_name(object: &Object, line: &[u8], findings: &mut Findings) {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let (Some(key), Some(directory), Some(file)) = (file_key(object), text("dir"), text("file"))
    else {
        incomplete("a file has no dev, ino, gen, dir or file", line, findings);
        return;
    };
    let whole = integer(object, "dir_len").unwrap_or(NO_I64);
    let extent = NameExtent::of(directory.len(), whole);
    if extent == NameExtent::Cut {
        findings.loss(&BPF_NAME_CUT, || {
            let name = start_of(directory.as_bytes());
            format!("the directory {name}… is longer")
        });
    }
    let name = FileName {
        directory: directory.to_owned(),
        file: file.to_owned(),
        extent,
    };
    findings.rows.told.tell_file(key, name);
}

fn incomplete(what: &str, line: &[u8], findings: &mut Findings) {
    findings.loss(&BPF_INCOMPLETE_EVENT, || {
        format!("{what}: {}", start_of(line))
    });
}

/// A number that fits its column, or none.
fn small(object: &Object, key: &str, findings: &mut Findings) -> i32 {
    let Some(value) = object.get(key).filter(|value| !value.is_null()) else {
        return NO_I32;
    };
    let number = integer(object, key).and_then(|number| i32::try_from(number).ok());
    match number.filter(|&number| number != NO_I32) {
        Some(number) => number,
        None => {
            bad_value(key, value, findings);
            NO_I32
        }
    }
}

/// A register, as the `i64` of the same 64 bits.
fn unsigned(object: &Object, key: &str) -> Option<i64> {
    let number = object.get(key)?.as_u64().map(u64::cast_signed);
    number.or_else(|| integer(object, key))
}

/// The file that an event names by numbers; none when its inode is 0, as the probe prints without a file.
fn file_key(object: &Object) -> Option<FileKey> {
    let inode = unsigned(object, "ino").filter(|&inode| inode != 0)?;
    Some(FileKey {
        device: integer(object, "dev").filter(|&device| device >= 0)?,
        inode,
        generation: integer(object, "gen").unwrap_or(0),
    })
}
