//! The bodies of a request and its response, as a line of the request log prints them.
//!
//! Source: Kafka's generated `*JsonConverter`s (KIP-673), which print a message's fields by their names in the
//! protocol's own files, and records by their size (`recordsSizeInBytes`); before, `ProduceRequest.toString`.
//! What is not printed, or has another form, stays unknown: it is no reason to lose the request.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

const NS_PER_MS: i64 = 1_000_000;
/// How Kafka prints the id of no topic.
const NO_TOPIC_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// What the bodies tell.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) acks: Option<i16>,
    pub(crate) error_code: Option<i16>,
    pub(crate) told_throttle_ns: Option<i64>,
    pub(crate) replica_id: Option<i32>,
    pub(crate) max_wait_ns: Option<i64>,
    pub(crate) min_bytes: Option<i64>,
    pub(crate) group_id: Option<String>,
    pub(crate) transactional_id: Option<String>,
    pub(crate) partitions: Vec<Partition>,
}

/// A topic-partition of a request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) topic: Option<String>,
    pub(crate) topic_id: Option<String>,
    pub(crate) partition: i32,
    pub(crate) records_bytes: Option<i64>,
    pub(crate) base_offset: Option<i64>,
    pub(crate) error_code: Option<i16>,
    pub(crate) fetch_offset: Option<i64>,
    pub(crate) returned_bytes: Option<i64>,
    pub(crate) high_watermark: Option<i64>,
}

/// The bodies of a line of JSON.
pub(crate) fn json(api: &str, request: Option<&RawValue>, response: Option<&RawValue>) -> Body {
    match api {
        "Produce" => produce(request, response),
        "Fetch" | "ShareFetch" => fetch(request, response),
        // Long, and of no use.
        "ApiVersions" | "Metadata" => Body::default(),
        _ => other(api, request, response),
    }
}

/// The body of a produce request as older brokers print it:
/// `{acks=1,timeout=30000,partitionSizes=[orders-0=270]}`. Other requests' are not read.
pub(crate) fn text(api: &str, body: &str) -> Body {
    if api != "Produce" {
        return Body::default();
    }
    let acks = body.strip_prefix("{acks=").and_then(|rest| {
        let (acks, _) = rest.split_once(',')?;
        acks.parse().ok()
    });
    let sizes = body.split_once("partitionSizes=[");
    let sizes = sizes.and_then(|(_, rest)| rest.split_once(']'));
    let partition = |part: &str| {
        let (name, bytes) = part.rsplit_once('=')?;
        let (topic, partition) = name.rsplit_once('-')?;
        Some(Partition {
            topic: Some(topic.to_owned()),
            partition: partition.parse().ok()?,
            records_bytes: Some(bytes.parse().ok()?),
            ..Partition::default()
        })
    };
    let sizes = sizes.map_or("", |(sizes, _)| sizes);
    Body {
        acks,
        partitions: sizes.split(", ").filter_map(partition).collect(),
        ..Body::default()
    }
}

fn read<T: DeserializeOwned + Default>(body: Option<&RawValue>) -> T {
    body.and_then(|body| serde_json::from_str(body.get()).ok())
        .unwrap_or_default()
}

/// Fields of any message that are of use, by their names in Kafka's protocol.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Message {
    acks: Option<i16>,
    transactional_id: Option<String>,
    group_id: Option<String>,
    rebalance_timeout_ms: Option<i64>,
    replica_id: Option<i32>,
    replica_state: Option<ReplicaState>,
    max_wait_ms: Option<i64>,
    min_bytes: Option<i64>,
    throttle_time_ms: Option<i64>,
    error_code: Option<i16>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ReplicaState {
    replica_id: Option<i32>,
}

/// The topics of a message of produce or fetch.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Topics {
    #[serde(alias = "topicData", alias = "responses")]
    topics: Vec<Topic>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Topic {
    #[serde(alias = "topic")]
    name: Option<String>,
    topic_id: Option<String>,
    #[serde(alias = "partitionData", alias = "partitionResponses")]
    partitions: Vec<TopicPartition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopicPartition {
    #[serde(alias = "index", alias = "partitionIndex")]
    partition: i32,
    records_size_in_bytes: Option<i64>,
    base_offset: Option<i64>,
    error_code: Option<i16>,
    fetch_offset: Option<i64>,
    high_watermark: Option<i64>,
}

fn produce(request: Option<&RawValue>, response: Option<&RawValue>) -> Body {
    let mut partitions = Partitions::default();
    for (at, told) in told(request) {
        let partition = partitions.of(at);
        partition.records_bytes = told.records_size_in_bytes;
    }
    for (at, told) in told(response) {
        let partition = partitions.of(at);
        partition.base_offset = told.base_offset;
        partition.error_code = told.error_code;
    }
    let partitions = partitions.rows;
    let (message, answer): (Message, Message) = (read(request), read(response));
    Body {
        acks: message.acks,
        transactional_id: message.transactional_id,
        error_code: error_code(None, &partitions),
        told_throttle_ns: answer.throttle_time_ms.map(ns),
        partitions,
        ..Body::default()
    }
}

fn fetch(request: Option<&RawValue>, response: Option<&RawValue>) -> Body {
    let mut partitions = Partitions::default();
    for (at, told) in told(request) {
        let partition = partitions.of(at);
        partition.fetch_offset = told.fetch_offset;
    }
    for (at, told) in told(response) {
        let partition = partitions.of(at);
        partition.returned_bytes = told.records_size_in_bytes;
        partition.high_watermark = told.high_watermark;
        partition.error_code = told.error_code;
    }
    let partitions = partitions.rows;
    let (message, answer): (Message, Message) = (read(request), read(response));
    let replica = message.replica_state.and_then(|state| state.replica_id);
    Body {
        error_code: error_code(answer.error_code, &partitions),
        told_throttle_ns: answer.throttle_time_ms.map(ns),
        replica_id: replica.or(message.replica_id).filter(|id| *id >= 0),
        max_wait_ns: message.max_wait_ms.map(ns),
        min_bytes: message.min_bytes,
        group_id: message.group_id,
        partitions,
        ..Body::default()
    }
}

fn other(api: &str, request: Option<&RawValue>, response: Option<&RawValue>) -> Body {
    let (request, response): (Message, Message) = (read(request), read(response));
    let rebalance = request.rebalance_timeout_ms.filter(|_| api == "JoinGroup");
    Body {
        error_code: response.error_code,
        told_throttle_ns: response.throttle_time_ms.map(ns),
        max_wait_ns: rebalance.map(ns),
        group_id: request.group_id,
        transactional_id: request.transactional_id,
        ..Body::default()
    }
}

fn ns(ms: i64) -> i64 {
    ms.saturating_mul(NS_PER_MS)
}

/// The first error that is one, of the whole response or of a partition.
fn error_code(whole: Option<i16>, partitions: &[Partition]) -> Option<i16> {
    let parts = partitions.iter().map(|partition| partition.error_code);
    let mut told = std::iter::once(whole).chain(parts).flatten().peekable();
    told.peek()?;
    Some(told.find(|code| *code != 0).unwrap_or(0))
}

/// What names a topic-partition in a line: name, id, number.
type At = (Option<String>, Option<String>, i32);

fn told(body: Option<&RawValue>) -> impl Iterator<Item = (At, TopicPartition)> {
    let topics: Topics = read(body);
    topics.topics.into_iter().flat_map(|topic| {
        let name = topic.name.filter(|name| !name.is_empty());
        let id = topic.topic_id.filter(|id| id != NO_TOPIC_ID);
        let partitions = topic.partitions.into_iter();
        partitions.map(move |told| ((name.clone(), id.clone(), told.partition), told))
    })
}

/// Partitions in the order in which a line names them first.
#[derive(Default)]
struct Partitions {
    rows: Vec<Partition>,
    places: HashMap<At, usize>,
}

impl Partitions {
    /// The row of a topic-partition.
    #[expect(
        clippy::indexing_slicing,
        reason = "a place is that of a row, and rows are not taken away"
    )]
    fn of(&mut self, at: At) -> &mut Partition {
        let rows = &mut self.rows;
        let place = self.places.entry(at).or_insert_with_key(|at| {
            rows.push(Partition {
                topic: at.0.clone(),
                topic_id: at.1.clone(),
                partition: at.2,
                ..Partition::default()
            });
            rows.len().saturating_sub(1)
        });
        &mut self.rows[*place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_partition_of_request_and_response_is_one_row() {
        let request = raw(
            r#"{"transactionalId":"t","acks":-1,"topicData":[{"name":"orders","partitionData":[
            {"index":1,"recordsSizeInBytes":280},{"index":2,"recordsSizeInBytes":90}]}]}"#,
        );
        let response = raw(r#"{"responses":[{"name":"orders","partitionResponses":[
            {"index":2,"errorCode":6,"baseOffset":-1},{"index":1,"errorCode":0,"baseOffset":74}]}],
            "throttleTimeMs":20}"#);
        let body = json("Produce", Some(&request), Some(&response));
        assert_eq!((body.acks, body.error_code), (Some(-1), Some(6)));
        assert_eq!(body.told_throttle_ns, Some(20_000_000));
        assert_eq!(body.transactional_id.as_deref(), Some("t"));
        let told = |p: &Partition| (p.partition, p.records_bytes, p.base_offset, p.error_code);
        let told: Vec<_> = body.partitions.iter().map(told).collect();
        let first = (1, Some(280), Some(74), Some(0));
        assert_eq!(told, [first, (2, Some(90), Some(-1), Some(6))]);
    }

    #[test]
    fn a_fetch_by_topic_ids_has_no_names() {
        let request = raw(
            r#"{"replicaState":{"replicaId":2,"replicaEpoch":25},"maxWaitMs":500,"minBytes":1,
            "topics":[{"topicId":"5azn8XK8TEaHyPKjiHSq7w","partitions":[{"partition":1,"fetchOffset":28}]}]}"#,
        );
        let response = raw(
            r#"{"throttleTimeMs":0,"errorCode":0,"responses":[{"topicId":"5azn8XK8TEaHyPKjiHSq7w",
            "partitions":[{"partitionIndex":1,"errorCode":0,"highWatermark":28,"recordsSizeInBytes":387}]}]}"#,
        );
        let body = json("Fetch", Some(&request), Some(&response));
        assert_eq!(
            (body.replica_id, body.max_wait_ns),
            (Some(2), Some(500_000_000))
        );
        assert_eq!(
            body.partitions,
            [Partition {
                topic_id: Some("5azn8XK8TEaHyPKjiHSq7w".to_owned()),
                partition: 1,
                error_code: Some(0),
                fetch_offset: Some(28),
                returned_bytes: Some(387),
                high_watermark: Some(28),
                ..Partition::default()
            }]
        );
    }

    #[test]
    fn a_body_of_another_form_is_unknown() {
        let request = raw(r#"{"acks":"all","topicData":7}"#);
        assert_eq!(json("Produce", Some(&request), None), Body::default());
        assert_eq!(json("Produce", None, None), Body::default());
    }

    #[test]
    fn sizes_of_partitions_are_read_of_older_text() {
        let body = text(
            "Produce",
            "{acks=-1,timeout=30000,partitionSizes=[my-topic-0=93, orders-12=270]}",
        );
        assert_eq!(body.acks, Some(-1));
        let told = |p: &Partition| (p.topic.clone(), p.partition, p.records_bytes);
        let told: Vec<_> = body.partitions.iter().map(told).collect();
        let first = (Some("my-topic".to_owned()), 0, Some(93));
        assert_eq!(told, [first, (Some("orders".to_owned()), 12, Some(270))]);
        assert_eq!(
            text("Produce", "{acks=1,timeout=5,numPartitions=1}")
                .partitions
                .len(),
            0
        );
    }
}
