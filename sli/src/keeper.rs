//! Who looks at the cluster: makes topics and partitions, and tells who leads.
//!
//! It has a client of its own: what it asks for does not refresh what the measured clients know.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::MetadataTopic;
use tokio::runtime::Runtime;

use crate::contexts::Watching;
use crate::error::{Error, Result};
use crate::leaders::{Cluster, replicas};
use crate::plan::Plan;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// A topic has no more partitions than this for each broker, whatever moves.
const MOST_PER_BROKER: usize = 4;

pub(crate) struct Keeper {
    admin: AdminClient<Watching>,
    runtime: Runtime,
}

impl Keeper {
    pub(crate) fn new(plan: &Plan) -> Result<Self> {
        let admin = AdminClient::from_config_and_context(&plan.watcher(), Watching)
            .map_err(|error| Error::kafka("cannot make a client", &error))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::File("cannot make a runtime".to_owned(), error))?;
        Ok(Self { admin, runtime })
    }

    /// The cluster with the leaders of a topic; no partitions when there is no such topic.
    pub(crate) fn cluster(&self, topic: &str) -> Result<Cluster> {
        self.cluster_within(topic, PATIENCE)
    }

    pub(crate) fn cluster_within(&self, topic: &str, patience: Duration) -> Result<Cluster> {
        let metadata = self.admin.inner().fetch_metadata(Some(topic), patience);
        let metadata = metadata.map_err(|error| Error::kafka("cannot ask who leads", &error))?;
        let found = metadata.topics().iter().find(|it| it.name() == topic);
        let partitions = found.map_or(&[][..], MetadataTopic::partitions);
        let leader = |id: i32| (id >= 0).then_some(id);
        Ok(Cluster {
            brokers: metadata.brokers().iter().map(|it| it.id()).collect(),
            leaders: partitions
                .iter()
                .map(|it| (it.id(), leader(it.leader())))
                .collect(),
        })
    }

    /// Makes a topic with a partition for each broker.
    pub(crate) fn make_topic(&self, plan: &Plan, topic: &str, cluster: &Cluster) -> Result<()> {
        let all = assignment(plan, cluster, cluster.brokers.iter().copied());
        let all: Vec<&[i32]> = all.iter().map(Vec::as_slice).collect();
        let partitions = i32::try_from(all.len()).unwrap_or(i32::MAX);
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Variable(&all));
        // Nobody needs what was measured with for long.
        if !plan.topic_config.contains_key("retention.ms") {
            new = new.set("retention.ms", "3600000");
        }
        for (name, value) in &plan.topic_config {
            new = new.set(name, value);
        }
        let what = format!("cannot make topic {topic}");
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let made = self
            .runtime
            .block_on(self.admin.create_topics([&new], &options))
            .map_err(|error| Error::kafka(&what, &error))?;
        match made.into_iter().next() {
            // By another client in this moment.
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => Err(Error::Kafka(format!("{what}: {code}"))),
            _ => Ok(()),
        }
    }

    /// Adds a partition for each of some brokers.
    pub(crate) fn add(
        &self,
        plan: &Plan,
        topic: &str,
        cluster: &Cluster,
        wanted: &[i32],
    ) -> Result<()> {
        let what = format!("cannot add partitions to {topic}");
        let total = cluster.leaders.len() + wanted.len();
        let most = MOST_PER_BROKER * cluster.brokers.len();
        if total > most {
            return Err(Error::Kafka(format!(
                "{what}: it has {} for {} brokers already",
                cluster.leaders.len(),
                cluster.brokers.len()
            )));
        }
        let all = assignment(plan, cluster, wanted.iter().copied());
        let all: Vec<&[i32]> = all.iter().map(Vec::as_slice).collect();
        let new = NewPartitions::new(topic, total).assign(&all);
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let made = self
            .runtime
            .block_on(self.admin.create_partitions([&new], &options))
            .map_err(|error| Error::kafka(&what, &error))?;
        match made.into_iter().next() {
            Some(Err((_, code))) => Err(Error::Kafka(format!("{what}: {code}"))),
            _ => Ok(()),
        }
    }
}

/// The brokers of a partition that each of some brokers is to lead.
fn assignment(plan: &Plan, cluster: &Cluster, leaders: impl Iterator<Item = i32>) -> Vec<Vec<i32>> {
    let count = match plan.replication {
        0 => cluster.brokers.len().min(3),
        asked => asked,
    };
    leaders
        .map(|leader| replicas(leader, &cluster.brokers, count))
        .collect()
}
