//! Of which broker recordings are, where what lies beside them tells: Kafka's `meta.properties`, and the context
//! that `kcorr record` writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kcorr_ingest_broker::broker_in_context;

use crate::recordings;

/// What Kafka writes into each log directory: the node's number, and the cluster's id.
const META_PROPERTIES: &str = "meta.properties";

/// Folders above a recording's in which `meta.properties` is looked for: a topic-partition's folder, its log
/// directory, and that of a host.
const MOST_ABOVE: usize = 3;

/// Bytes of a file that are looked at.
const MOST_BYTES: u64 = 1 << 20;

/// Folders that are of one broker, with all that is below them.
#[derive(Debug, Default)]
pub(super) struct NamedBrokers {
    folders: BTreeMap<PathBuf, BTreeSet<i32>>,
}

impl NamedBrokers {
    /// Looks beside recordings, each of which is given with the option that reads it.
    pub(super) fn beside(recordings: &[(&'static str, Vec<PathBuf>)]) -> Self {
        let mut found = Self::default();
        let mut looked = BTreeSet::new();
        for (option, paths) in recordings {
            for path in paths.iter().filter(|path| path.is_file()) {
                if *option == recordings::CONTEXT
                    && let Some(broker) = text(path).as_deref().and_then(broker_in_context)
                {
                    found.add(path.parent(), broker);
                }
                for folder in path.ancestors().skip(1).take(MOST_ABOVE) {
                    if looked.insert(folder.to_owned())
                        && let Some(text) = text(&folder.join(META_PROPERTIES))
                        && let Some(broker) = node_id(&text)
                    {
                        found.add(Some(folder), broker);
                    }
                }
            }
        }
        found
    }

    fn add(&mut self, folder: Option<&Path>, broker: i32) {
        let folder = folder.unwrap_or(Path::new("")).to_owned();
        self.folders.entry(folder).or_default().insert(broker);
    }

    /// The broker of a recording: the one that is named nearest to its first file. Where a folder names several,
    /// nothing is told.
    pub(super) fn of(&self, paths: &[PathBuf]) -> Option<i32> {
        let mut above = paths.first()?.ancestors().skip(1);
        let named = above.find_map(|folder| self.folders.get(folder))?;
        match named.iter().collect::<Vec<_>>()[..] {
            [only] => Some(*only),
            _ => None,
        }
    }
}

/// Whether a file is no recording, but tells of which broker those beside it are.
pub(super) fn is_looked_for(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == META_PROPERTIES)
}

/// The first bytes of a file; `None` when there is none.
fn text(path: &Path) -> Option<String> {
    use std::io::Read;
    let file = std::fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The number of the node in a `meta.properties`: `node.id` since KRaft, `broker.id` before.
fn node_id(text: &str) -> Option<i32> {
    let value = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix('='))
    };
    value("node.id")
        .or_else(|| value("broker.id"))?
        .trim()
        .parse()
        .ok()
        .filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) -> PathBuf {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        path.to_owned()
    }

    #[test]
    fn recordings_are_of_the_broker_that_is_named_nearest_above_them() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        write(&at("b1/meta.properties"), "version=1\nnode.id=1\n");
        write(&at("b2/disk/meta.properties"), "version=0\nbroker.id=2\n");
        let context = r#"{"context":"broker","name":"node.id","value":"3","time_ns":1}"#;
        let recordings = vec![
            ("pcap", vec![write(&at("b1/dump.pcap"), "")]),
            ("segments", vec![write(&at("b2/disk/a-0/0.log"), "")]),
            ("jfr", vec![write(&at("b2/a.jfr"), "")]),
            ("context", vec![write(&at("b3/context.jsonl"), context)]),
            ("pcap", vec![write(&at("b3/deep/dump.pcap"), "")]),
        ];
        let brokers = NamedBrokers::beside(&recordings);
        let found: Vec<_> = recordings
            .iter()
            .map(|(_, paths)| brokers.of(paths))
            .collect();
        assert_eq!(found, [Some(1), Some(2), None, Some(3), Some(3)]);
    }

    #[test]
    fn a_folder_that_names_two_brokers_tells_of_none() {
        let root = tempfile::tempdir().unwrap();
        let context = |broker: i32| {
            format!(r#"{{"context":"broker","name":"node.id","value":"{broker}","time_ns":1}}"#)
        };
        let one = write(&root.path().join("one.jsonl"), &context(1));
        let other = write(&root.path().join("other.jsonl"), &context(2));
        let recordings = vec![("context", vec![one.clone()]), ("context", vec![other])];
        assert_eq!(NamedBrokers::beside(&recordings).of(&[one]), None);
    }

    #[test]
    fn a_standard_input_is_of_no_known_broker() {
        let recordings = vec![("pcap", vec![PathBuf::from("-")])];
        let brokers = NamedBrokers::beside(&recordings);
        assert_eq!(brokers.of(&recordings[0].1), None);
    }
}
