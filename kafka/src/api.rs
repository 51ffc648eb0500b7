//! Names of Kafka's APIs by their keys, as requests have them and as the broker's request log writes them.
//!
//! Source: `ApiKeys` of Apache Kafka 4.4. Older brokers know fewer; keys of other vendors are not here.

/// Names by API key. Source: `ApiKeys` of Kafka 4.4.
const NAMES: [&str; 95] = [
    "Produce",
    "Fetch",
    "ListOffsets",
    "Metadata",
    "LeaderAndIsr",
    "StopReplica",
    "UpdateMetadata",
    "ControlledShutdown",
    "OffsetCommit",
    "OffsetFetch",
    "FindCoordinator",
    "JoinGroup",
    "Heartbeat",
    "LeaveGroup",
    "SyncGroup",
    "DescribeGroups",
    "ListGroups",
    "SaslHandshake",
    "ApiVersions",
    "CreateTopics",
    "DeleteTopics",
    "DeleteRecords",
    "InitProducerId",
    "OffsetForLeaderEpoch",
    "AddPartitionsToTxn",
    "AddOffsetsToTxn",
    "EndTxn",
    "WriteTxnMarkers",
    "TxnOffsetCommit",
    "DescribeAcls",
    "CreateAcls",
    "DeleteAcls",
    "DescribeConfigs",
    "AlterConfigs",
    "AlterReplicaLogDirs",
    "DescribeLogDirs",
    "SaslAuthenticate",
    "CreatePartitions",
    "CreateDelegationToken",
    "RenewDelegationToken",
    "ExpireDelegationToken",
    "DescribeDelegationToken",
    "DeleteGroups",
    "ElectLeaders",
    "IncrementalAlterConfigs",
    "AlterPartitionReassignments",
    "ListPartitionReassignments",
    "OffsetDelete",
    "DescribeClientQuotas",
    "AlterClientQuotas",
    "DescribeUserScramCredentials",
    "AlterUserScramCredentials",
    "Vote",
    "BeginQuorumEpoch",
    "EndQuorumEpoch",
    "DescribeQuorum",
    "AlterPartition",
    "UpdateFeatures",
    "Envelope",
    "FetchSnapshot",
    "DescribeCluster",
    "DescribeProducers",
    "BrokerRegistration",
    "BrokerHeartbeat",
    "UnregisterBroker",
    "DescribeTransactions",
    "ListTransactions",
    "AllocateProducerIds",
    "ConsumerGroupHeartbeat",
    "ConsumerGroupDescribe",
    "ControllerRegistration",
    "GetTelemetrySubscriptions",
    "PushTelemetry",
    "AssignReplicasToDirs",
    "ListConfigResources",
    "DescribeTopicPartitions",
    "ShareGroupHeartbeat",
    "ShareGroupDescribe",
    "ShareFetch",
    "ShareAcknowledge",
    "AddRaftVoter",
    "RemoveRaftVoter",
    "UpdateRaftVoter",
    "InitializeShareGroupState",
    "ReadShareGroupState",
    "WriteShareGroupState",
    "DeleteShareGroupState",
    "ReadShareGroupStateSummary",
    "StreamsGroupHeartbeat",
    "StreamsGroupDescribe",
    "DescribeShareGroupOffsets",
    "AlterShareGroupOffsets",
    "DeleteShareGroupOffsets",
    "StreamsGroupTopologyDescriptionUpdate",
    "UnregisterController",
];

/// The names of all, by key.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter()
}

/// The name of an API: `ApiVersions` for 18.
pub fn name(key: i16) -> Option<&'static str> {
    NAMES.get(usize::try_from(key).ok()?).copied()
}

/// The key of an API by its name.
pub fn key(name: &str) -> Option<i16> {
    let key = NAMES.iter().position(|known| *known == name)?;
    i16::try_from(key).ok()
}

/// The name of an API by that of its constant, whether it is known or not: `ApiVersions` for `API_VERSIONS`.
pub fn name_from_constant(constant: &str) -> String {
    let mut name = String::with_capacity(constant.len());
    for word in constant.split('_') {
        let mut characters = word.chars();
        name.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        name.extend(characters.map(|character| character.to_ascii_lowercase()));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_their_apis() {
        assert_eq!(name(36), Some("SaslAuthenticate"));
        assert_eq!(name(52), Some("Vote"));
        assert_eq!(name(70), Some("ControllerRegistration"));
        assert_eq!(name(80), Some("AddRaftVoter"));
        assert_eq!(name(92), Some("DeleteShareGroupOffsets"));
        assert_eq!(name(94), Some("UnregisterController"));
        assert_eq!(name(95), None);
        assert_eq!(name(-1), None);
    }

    #[test]
    fn names_give_their_keys_back() {
        for (place, name) in NAMES.iter().enumerate() {
            assert_eq!(key(name).map(usize::try_from), Some(Ok(place)));
        }
        assert_eq!(key(&name_from_constant("API_VERSIONS")), Some(18));
        assert_eq!(
            name_from_constant("ADD_PARTITIONS_TO_TXN"),
            "AddPartitionsToTxn"
        );
        assert_eq!(name_from_constant("SOME_NEW_API"), "SomeNewApi");
        assert_eq!(key("SomeNewApi"), None);
    }
}
