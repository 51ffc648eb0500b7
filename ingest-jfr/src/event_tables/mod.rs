//! `jfr_<name>` tables: any event type, its fields flattened into columns.
//!
//! | field | columns |
//! |---|---|
//! | `startTime` and other times | `start_time` (`…_time`) |
//! | `duration` and other time spans | `duration_ns` (`…_ns`) |
//! | numbers | `BIGINT`, `DOUBLE`, `BOOLEAN`; amounts of data end in `_bytes` |
//! | a thread | `…_tid`, `…_java_thread_id`, `…_name`; of `eventThread` `tid`, `java_thread_id`, `thread_name` |
//! | `stackTrace` | `stack_id` |
//! | a class, method or other constant with a name | its name |
//! | other structures | their fields, with the field's name before |
//! | arrays | their number of elements, `…_count` |

mod builder;
mod column;
mod declaration;
mod layout;
mod names;
mod row;

pub(crate) use builder::{EventBatch, EventTable};
pub(crate) use declaration::event_table;
pub(crate) use names::table_name;
