//! A simulated cluster with a topic, and a client that measures it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use kcorr_ingest_client::ClientMessage;
use kcorr_sli::{Figures, Plan, Run, RunOptions};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

pub(crate) struct Cluster {
    pub(crate) mock: MockCluster<'static, DefaultProducerContext>,
}

impl Cluster {
    /// Three brokers, each of which leads the partition before its number.
    pub(crate) fn with_topics(topics: &[&str]) -> Self {
        let mock = MockCluster::new(3).unwrap();
        for topic in topics {
            mock.create_topic(topic, 3, 3).unwrap();
            for partition in 0..3 {
                mock.partition_leader(topic, partition, Some(partition + 1))
                    .unwrap();
            }
        }
        Self { mock }
    }

    pub(crate) fn plan(&self, rest: &str) -> Plan {
        let bootstrap = self.mock.bootstrap_servers();
        let text = format!("bootstrap = \"{bootstrap}\"\nobjective_ms = 500\n{rest}");
        Plan::parse(&text, Path::new("")).unwrap()
    }

    pub(crate) fn measure(&self, rest: &str, folder: &Path) -> Measuring {
        self.try_measure(rest, folder).unwrap()
    }

    pub(crate) fn try_measure(&self, rest: &str, folder: &Path) -> kcorr_sli::Result<Measuring> {
        let said = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&said);
        let options = RunOptions {
            folder: folder.to_owned(),
            most_bytes: 1 << 30,
            client: "a".to_owned(),
        };
        let notes = Arc::new(move |words: &str| heard.lock().unwrap().push(words.to_owned()));
        let run = Run::begin(self.plan(rest), options, notes)?;
        Ok(Measuring { run, said })
    }
}

pub(crate) struct Measuring {
    pub(crate) run: Run,
    pub(crate) said: Arc<Mutex<Vec<String>>>,
}

impl Measuring {
    pub(crate) fn end(self) -> Figures {
        let (figures, standing) = self.run.end().unwrap();
        assert_eq!(standing.unwritten, 0);
        figures
    }
}

/// All lines of a folder.
pub(crate) fn lines(folder: &Path) -> Vec<ClientMessage<'static>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "jsonl"))
        .collect();
    paths.sort();
    let mut lines = Vec::new();
    for path in paths {
        let text: &'static str = std::fs::read_to_string(path).unwrap().leak();
        for line in text.lines() {
            lines.push(serde_json::from_str(line).unwrap());
        }
    }
    lines
}
