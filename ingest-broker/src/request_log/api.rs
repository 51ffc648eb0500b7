//! Names and keys of APIs.
//!
//! Source: `ApiKeys` of Apache Kafka.

/// Names by key, up to what brokers that log text know.
const NAMES: [&str; 58] = [
    "PRODUCE",
    "FETCH",
    "LIST_OFFSETS",
    "METADATA",
    "LEADER_AND_ISR",
    "STOP_REPLICA",
    "UPDATE_METADATA",
    "CONTROLLED_SHUTDOWN",
    "OFFSET_COMMIT",
    "OFFSET_FETCH",
    "FIND_COORDINATOR",
    "JOIN_GROUP",
    "HEARTBEAT",
    "LEAVE_GROUP",
    "SYNC_GROUP",
    "DESCRIBE_GROUPS",
    "LIST_GROUPS",
    "SASL_HANDSHAKE",
    "API_VERSIONS",
    "CREATE_TOPICS",
    "DELETE_TOPICS",
    "DELETE_RECORDS",
    "INIT_PRODUCER_ID",
    "OFFSET_FOR_LEADER_EPOCH",
    "ADD_PARTITIONS_TO_TXN",
    "ADD_OFFSETS_TO_TXN",
    "END_TXN",
    "WRITE_TXN_MARKERS",
    "TXN_OFFSET_COMMIT",
    "DESCRIBE_ACLS",
    "CREATE_ACLS",
    "DELETE_ACLS",
    "DESCRIBE_CONFIGS",
    "ALTER_CONFIGS",
    "ALTER_REPLICA_LOG_DIRS",
    "DESCRIBE_LOG_DIRS",
    "SASL_AUTHENTICATE",
    "CREATE_PARTITIONS",
    "CREATE_DELEGATION_TOKEN",
    "RENEW_DELEGATION_TOKEN",
    "EXPIRE_DELEGATION_TOKEN",
    "DESCRIBE_DELEGATION_TOKEN",
    "DELETE_GROUPS",
    "ELECT_LEADERS",
    "INCREMENTAL_ALTER_CONFIGS",
    "ALTER_PARTITION_REASSIGNMENTS",
    "LIST_PARTITION_REASSIGNMENTS",
    "OFFSET_DELETE",
    "DESCRIBE_CLIENT_QUOTAS",
    "ALTER_CLIENT_QUOTAS",
    "DESCRIBE_USER_SCRAM_CREDENTIALS",
    "ALTER_USER_SCRAM_CREDENTIALS",
    "VOTE",
    "BEGIN_QUORUM_EPOCH",
    "END_QUORUM_EPOCH",
    "DESCRIBE_QUORUM",
    "ALTER_PARTITION",
    "UPDATE_FEATURES",
];

/// The key of an API by the broker's name of it, where known.
pub(crate) fn key_of(name: &str) -> Option<i16> {
    let key = NAMES.iter().position(|candidate| *candidate == name)?;
    i16::try_from(key).ok()
}

/// The name of an API as `requests.api` has it: `ApiVersions` for `API_VERSIONS`.
pub(crate) fn display_name(name: Option<&str>, key: Option<i16>) -> String {
    let known = key
        .and_then(|key| usize::try_from(key).ok())
        .and_then(|key| NAMES.get(key).copied());
    let Some(name) = name.or(known) else {
        return format!("Unknown({})", key.unwrap_or(-1));
    };
    let mut display = String::with_capacity(name.len());
    let mut starts_word = true;
    for character in name.chars() {
        if character == '_' {
            starts_word = true;
        } else if starts_word {
            display.push(character.to_ascii_uppercase());
            starts_word = false;
        } else {
            display.push(character.to_ascii_lowercase());
        }
    }
    display
}
