//! How requests begin whose responses are not looked into: groups, transactions, offsets.
//!
//! Source: the request definitions of Kafka 3.9 (which knows the oldest versions), 4.1 and 4.4.

use super::api;

/// Of no version: what has not come yet.
const NEVER: i16 = i16::MAX;

/// The beginning of an API's requests, up to their topics or to the last field of interest.
#[derive(Debug)]
pub(super) struct Layout {
    /// The newest version that is known.
    pub(super) newest: i16,
    /// The first version with compact lengths and tagged fields.
    pub(super) flexible: i16,
    /// From this version on the head and the topics stand in the elements of an array.
    pub(super) array: i16,
    pub(super) head: &'static [Field],
    pub(super) topics: Option<TopicLayout>,
}

/// The topics of a request, each with an array of partitions.
#[derive(Debug)]
pub(super) struct TopicLayout {
    /// The first version that names topics by id.
    pub(super) by_id: i16,
    /// Whether a partition is a structure; else it is its index alone.
    pub(super) is_structure: bool,
    /// What follows a partition's index.
    pub(super) partition: &'static [Field],
}

/// A field, and the versions that have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) kind: Kind,
    pub(super) first: i16,
    pub(super) last: i16,
}

/// What a field is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Group,
    TransactionalId,
    MaxWait,
    MinBytes,
    /// A string of no interest.
    Text,
    /// So many bytes of no interest.
    Bytes(usize),
}

impl Field {
    const fn of(kind: Kind) -> Self {
        Self::from(0, kind)
    }

    const fn from(first: i16, kind: Kind) -> Self {
        Self::within(first, NEVER, kind)
    }

    const fn within(first: i16, last: i16, kind: Kind) -> Self {
        Self { kind, first, last }
    }
}

/// How an API's requests begin, if that is known.
pub(super) fn layout(api_key: i16) -> Option<&'static Layout> {
    Some(match api_key {
        api::LIST_OFFSETS => &LIST_OFFSETS,
        api::OFFSET_COMMIT => &OFFSET_COMMIT,
        api::OFFSET_FETCH => &OFFSET_FETCH,
        api::JOIN_GROUP => &JOIN_GROUP,
        api::HEARTBEAT => &HEARTBEAT,
        api::LEAVE_GROUP => &LEAVE_GROUP,
        api::SYNC_GROUP => &SYNC_GROUP,
        api::INIT_PRODUCER_ID => &INIT_PRODUCER_ID,
        api::ADD_PARTITIONS_TO_TXN => &ADD_PARTITIONS_TO_TXN,
        api::ADD_OFFSETS_TO_TXN => &ADD_OFFSETS_TO_TXN,
        api::END_TXN => &END_TXN,
        api::TXN_OFFSET_COMMIT => &TXN_OFFSET_COMMIT,
        api::OFFSET_DELETE => &OFFSET_DELETE,
        api::CONSUMER_GROUP_HEARTBEAT => &CONSUMER_GROUP_HEARTBEAT,
        api::SHARE_GROUP_HEARTBEAT => &SHARE_GROUP_HEARTBEAT,
        api::SHARE_FETCH => &SHARE_FETCH,
        api::SHARE_ACKNOWLEDGE => &SHARE_ACKNOWLEDGE,
        api::STREAMS_GROUP_HEARTBEAT => &STREAMS_GROUP_HEARTBEAT,
        _ => return None,
    })
}

static LIST_OFFSETS: Layout = Layout {
    newest: 11,
    flexible: 6,
    array: NEVER,
    // Replica id; isolation level.
    head: &[Field::of(Kind::Bytes(4)), Field::from(2, Kind::Bytes(1))],
    topics: Some(TopicLayout {
        by_id: NEVER,
        is_structure: true,
        // Leader epoch; timestamp; number of offsets.
        partition: &[
            Field::from(4, Kind::Bytes(4)),
            Field::of(Kind::Bytes(8)),
            Field::within(0, 0, Kind::Bytes(4)),
        ],
    }),
};

static OFFSET_COMMIT: Layout = Layout {
    newest: 10,
    flexible: 8,
    array: NEVER,
    // Behind the group: generation, member, instance, retention.
    head: &[
        Field::of(Kind::Group),
        Field::from(1, Kind::Bytes(4)),
        Field::from(1, Kind::Text),
        Field::from(7, Kind::Text),
        Field::within(2, 4, Kind::Bytes(8)),
    ],
    topics: Some(TopicLayout {
        by_id: 10,
        is_structure: true,
        // Offset; leader epoch; timestamp; metadata.
        partition: &[
            Field::of(Kind::Bytes(8)),
            Field::from(6, Kind::Bytes(4)),
            Field::within(1, 1, Kind::Bytes(8)),
            Field::of(Kind::Text),
        ],
    }),
};

static OFFSET_FETCH: Layout = Layout {
    newest: 10,
    flexible: 6,
    array: 8,
    // Behind the group: member and its epoch.
    head: &[
        Field::of(Kind::Group),
        Field::from(9, Kind::Text),
        Field::from(9, Kind::Bytes(4)),
    ],
    topics: Some(TopicLayout {
        by_id: 10,
        is_structure: false,
        partition: &[],
    }),
};

/// The rebalance timeout is what the coordinator waits for the other members; before version 1 that was
/// the session timeout.
static JOIN_GROUP: Layout = Layout {
    newest: 9,
    flexible: 6,
    array: NEVER,
    head: &[
        Field::of(Kind::Group),
        Field::within(0, 0, Kind::MaxWait),
        Field::from(1, Kind::Bytes(4)),
        Field::from(1, Kind::MaxWait),
    ],
    topics: None,
};

static HEARTBEAT: Layout = Layout {
    newest: 4,
    flexible: 4,
    array: NEVER,
    head: &[Field::of(Kind::Group)],
    topics: None,
};

static LEAVE_GROUP: Layout = Layout {
    newest: 5,
    flexible: 4,
    array: NEVER,
    head: &[Field::of(Kind::Group)],
    topics: None,
};

static SYNC_GROUP: Layout = Layout {
    newest: 5,
    flexible: 4,
    array: NEVER,
    head: &[Field::of(Kind::Group)],
    topics: None,
};

static INIT_PRODUCER_ID: Layout = Layout {
    newest: 6,
    flexible: 2,
    array: NEVER,
    head: &[Field::of(Kind::TransactionalId)],
    topics: None,
};

static ADD_PARTITIONS_TO_TXN: Layout = Layout {
    newest: 5,
    flexible: 3,
    array: 4,
    // Behind the id: producer id and epoch; whether this is only a check.
    head: &[
        Field::of(Kind::TransactionalId),
        Field::of(Kind::Bytes(10)),
        Field::from(4, Kind::Bytes(1)),
    ],
    topics: Some(TopicLayout {
        by_id: NEVER,
        is_structure: false,
        partition: &[],
    }),
};

static ADD_OFFSETS_TO_TXN: Layout = Layout {
    newest: 4,
    flexible: 3,
    array: NEVER,
    // Between the ids: producer id and epoch.
    head: &[
        Field::of(Kind::TransactionalId),
        Field::of(Kind::Bytes(10)),
        Field::of(Kind::Group),
    ],
    topics: None,
};

static END_TXN: Layout = Layout {
    newest: 5,
    flexible: 3,
    array: NEVER,
    head: &[Field::of(Kind::TransactionalId)],
    topics: None,
};

static TXN_OFFSET_COMMIT: Layout = Layout {
    newest: 6,
    flexible: 3,
    array: NEVER,
    // Behind the ids: producer id and epoch; generation, member, instance.
    head: &[
        Field::of(Kind::TransactionalId),
        Field::of(Kind::Group),
        Field::of(Kind::Bytes(10)),
        Field::from(3, Kind::Bytes(4)),
        Field::from(3, Kind::Text),
        Field::from(3, Kind::Text),
    ],
    topics: Some(TopicLayout {
        by_id: 6,
        is_structure: true,
        // Offset; leader epoch; metadata.
        partition: &[
            Field::of(Kind::Bytes(8)),
            Field::from(2, Kind::Bytes(4)),
            Field::of(Kind::Text),
        ],
    }),
};

static OFFSET_DELETE: Layout = Layout {
    newest: 0,
    flexible: NEVER,
    array: NEVER,
    head: &[Field::of(Kind::Group)],
    topics: Some(TopicLayout {
        by_id: NEVER,
        is_structure: true,
        partition: &[],
    }),
};

static CONSUMER_GROUP_HEARTBEAT: Layout = Layout {
    newest: 1,
    flexible: 0,
    array: NEVER,
    head: &[Field::of(Kind::Group)],
    topics: None,
};

static SHARE_GROUP_HEARTBEAT: Layout = Layout {
    newest: 1,
    flexible: 0,
    array: NEVER,
    head: &[Field::of(Kind::Group)],
    topics: None,
};

/// Waits for records as Fetch does (KIP-932).
static SHARE_FETCH: Layout = Layout {
    newest: 2,
    flexible: 0,
    array: NEVER,
    // Behind the group: member; epoch of the session.
    head: &[
        Field::of(Kind::Group),
        Field::of(Kind::Text),
        Field::of(Kind::Bytes(4)),
        Field::of(Kind::MaxWait),
        Field::of(Kind::MinBytes),
    ],
    topics: None,
};

static SHARE_ACKNOWLEDGE: Layout = Layout {
    newest: 2,
    flexible: 0,
    array: NEVER,
    head: &[Field::of(Kind::Group)],
    topics: None,
};

static STREAMS_GROUP_HEARTBEAT: Layout = Layout {
    newest: 1,
    flexible: 0,
    array: NEVER,
    head: &[Field::of(Kind::Group)],
    topics: None,
};
