//! Every table, one file each. A new table is one file here and three lines below.

mod ablated_verdicts;
mod block_io;
mod broker_request_partitions;
mod broker_requests;
mod client_messages;
mod client_metrics;
mod clock_anchors;
mod clock_checks;
mod clock_fits;
mod context;
mod encrypted_turns;
mod event_types;
mod function_calls;
mod isr_changes;
mod isr_requests;
mod limits;
mod load_samples;
mod lock_waits;
mod log_batches;
mod losses;
mod pauses;
mod request_partitions;
mod requests;
mod run_queue_waits;
mod shifted_verdicts;
mod socket_io;
mod socket_threads;
mod sources;
mod stack_samples;
mod stacks;
mod standings;
mod tcp_connections;
mod tcp_stretches;
mod thread_dump_locks;
mod threads;
mod topics;
mod what_ifs;
mod writes;

pub use ablated_verdicts::ABLATED_VERDICTS;
pub use block_io::BLOCK_IO;
pub use broker_request_partitions::BROKER_REQUEST_PARTITIONS;
pub use broker_requests::BROKER_REQUESTS;
pub use client_messages::CLIENT_MESSAGES;
pub use client_metrics::CLIENT_METRICS;
pub use clock_anchors::CLOCK_ANCHORS;
pub use clock_checks::CLOCK_CHECKS;
pub use clock_fits::CLOCK_FITS;
pub use context::CONTEXT;
pub use encrypted_turns::ENCRYPTED_TURNS;
pub use event_types::EVENT_TYPES;
pub use function_calls::FUNCTION_CALLS;
pub use isr_changes::ISR_CHANGES;
pub use isr_requests::ISR_REQUESTS;
pub use limits::LIMITS;
pub use load_samples::LOAD_SAMPLES;
pub use lock_waits::LOCK_WAITS;
pub use log_batches::LOG_BATCHES;
pub use losses::LOSSES;
pub use pauses::PAUSES;
pub use request_partitions::REQUEST_PARTITIONS;
pub use requests::REQUESTS;
pub use run_queue_waits::RUN_QUEUE_WAITS;
pub use shifted_verdicts::SHIFTED_VERDICTS;
pub use socket_io::SOCKET_IO;
pub use socket_threads::SOCKET_THREADS;
pub use sources::SOURCES;
pub use stack_samples::STACK_SAMPLES;
pub use stacks::STACKS;
pub use standings::STANDINGS;
pub use tcp_connections::TCP_CONNECTIONS;
pub use tcp_stretches::TCP_STRETCHES;
pub use thread_dump_locks::THREAD_DUMP_LOCKS;
pub use threads::THREADS;
pub use topics::TOPICS;
pub use what_ifs::WHAT_IFS;
pub use writes::WRITES;

use crate::Table;

/// All tables, in the order they are shown to people.
pub static ALL: &[&Table] = &[
    &SOURCES,
    &LOSSES,
    &LIMITS,
    &CLOCK_ANCHORS,
    &CLOCK_FITS,
    &CLOCK_CHECKS,
    &REQUESTS,
    &REQUEST_PARTITIONS,
    &TOPICS,
    &TCP_CONNECTIONS,
    &TCP_STRETCHES,
    &ENCRYPTED_TURNS,
    &WRITES,
    &LOCK_WAITS,
    &THREADS,
    &PAUSES,
    &FUNCTION_CALLS,
    &STACK_SAMPLES,
    &STACKS,
    &SOCKET_IO,
    &SOCKET_THREADS,
    &LOAD_SAMPLES,
    &CONTEXT,
    &THREAD_DUMP_LOCKS,
    &EVENT_TYPES,
    &RUN_QUEUE_WAITS,
    &STANDINGS,
    &BLOCK_IO,
    &LOG_BATCHES,
    &BROKER_REQUESTS,
    &BROKER_REQUEST_PARTITIONS,
    &ISR_CHANGES,
    &ISR_REQUESTS,
    &CLIENT_MESSAGES,
    &CLIENT_METRICS,
    &SHIFTED_VERDICTS,
    &ABLATED_VERDICTS,
    &WHAT_IFS,
];

/// The table with a name, if there is one.
pub fn by_name(name: &str) -> Option<&'static Table> {
    ALL.iter().copied().find(|table| table.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::ALL;
    use crate::Type;

    #[test]
    fn names_are_unique_and_columns_are_documented() {
        let mut tables = HashSet::new();
        for table in ALL {
            assert!(
                tables.insert(table.name),
                "{} is declared twice",
                table.name
            );
            let mut columns = HashSet::new();
            for column in table.columns {
                let name = column.name;
                assert!(
                    columns.insert(name),
                    "{}.{name} is declared twice",
                    table.name
                );
                assert!(
                    column.doc.ends_with(['.', '…']),
                    "{}.{name} has no sentence",
                    table.name
                );
            }
        }
    }

    #[test]
    fn every_row_names_its_source() {
        for table in ALL {
            assert!(table.index_of("source_id").is_some(), "{}", table.name);
        }
    }

    #[test]
    fn units_follow_names_and_types() {
        for table in ALL {
            for column in table.columns {
                let is_time = column.kind == Type::Time;
                assert_eq!(
                    column.name.ends_with("time"),
                    is_time,
                    "{}.{}",
                    table.name,
                    column.name
                );
                if column.name.ends_with("_ns") {
                    assert_eq!(column.kind, Type::Int64, "{}.{}", table.name, column.name);
                }
            }
        }
    }

    #[test]
    fn a_sorting_column_is_a_time_of_the_table() {
        for table in ALL {
            if let Some(name) = table.sorted_by {
                let column = &table.columns[table.index_of(name).expect("declared")];
                assert_eq!(column.kind, Type::Time, "{}", table.name);
            }
        }
    }
}
