//! What a path under a Kafka log directory means: topic and partition from the directory, segment
//! base offset and kind from the file.
//!
//! Follows `UnifiedLog.parseTopicPartitionName`, `LogFileUtils` and `Snapshots` of Apache Kafka
//! 4.1. It looks at names only: whether a file exists, or is a Kafka file at all rather than one
//! that is called like it, is not known here.

/// Longest topic name that Kafka allows, in bytes.
const MAX_TOPIC_BYTES: usize = 249;

/// What a partition's directory is to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogDirectoryState {
    /// In use: `orders-0`.
    Current,
    /// Being deleted: `orders-0.0a1b…-delete`.
    Delete,
    /// A replica that moves between disks: `orders-0.0a1b…-future`.
    Future,
    /// Left over from a partition that is not this broker's any more: `orders-0.0a1b…-stray`.
    Stray,
}

/// A partition's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogDirectory<'a> {
    /// Topic; it may hold dashes and dots.
    pub topic: &'a str,
    /// Partition.
    pub partition: i32,
    /// What it is to the broker.
    pub state: LogDirectoryState,
}

impl<'a> LogDirectory<'a> {
    /// Reads the last component of a directory's path: `/data/orders.eu-7` is partition 7 of
    /// `orders.eu`. None when it is not named like a partition's directory.
    pub fn from_name(path: &'a str) -> Option<Self> {
        let name = last_component(path);
        let suffixes = [
            ("-delete", LogDirectoryState::Delete),
            ("-future", LogDirectoryState::Future),
            ("-stray", LogDirectoryState::Stray),
            (".stray", LogDirectoryState::Stray),
        ];
        for (suffix, state) in suffixes {
            // `topic-partition.uniqueId-delete`; a topic that merely ends so (`a-delete-0`) ends in
            // its partition, not in the suffix.
            let Some(stem) = name.strip_suffix(suffix) else {
                continue;
            };
            let with_id = stem.rsplit_once('.').and_then(|(stem, _id)| split(stem));
            if let Some((topic, partition)) = with_id.or_else(|| split(stem)) {
                return Some(Self {
                    topic,
                    partition,
                    state,
                });
            }
        }
        let (topic, partition) = split(name)?;
        Some(Self {
            topic,
            partition,
            state: LogDirectoryState::Current,
        })
    }
}

/// A file of a partition's or of the broker's log directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogFile {
    /// `log`, `index`, `timeindex`, `txnindex`, `snapshot` (of producers), `checkpoint` (of KRaft
    /// metadata), `leader_epoch_checkpoint`, `partition_metadata`, or of the broker:
    /// `offset_checkpoint`, `broker_metadata`.
    pub kind: &'static str,
    /// Base offset in the name: the offset of the segment's first record. For a snapshot, the
    /// offset that it reaches to.
    pub base_offset: Option<i64>,
}

impl LogFile {
    /// Reads a file's name, or the last component of its path. Suffixes of files on their way in or
    /// out (`.deleted`, `.cleaned`, `.swap`, `.tmp`, `.part`) are passed over. None when Kafka names no
    /// file so: `gc.log` is none, `00000000000966764382.log` is one.
    pub fn from_name(path: &str) -> Option<Self> {
        let mut name = last_component(path);
        for suffix in [".deleted", ".cleaned", ".swap", ".tmp", ".part"] {
            name = name.strip_suffix(suffix).unwrap_or(name);
        }
        let whole = match name {
            "leader-epoch-checkpoint" => Some("leader_epoch_checkpoint"),
            "partition.metadata" => Some("partition_metadata"),
            "recovery-point-offset-checkpoint"
            | "replication-offset-checkpoint"
            | "log-start-offset-checkpoint"
            | "cleaner-offset-checkpoint" => Some("offset_checkpoint"),
            "meta.properties"
            | "bootstrap.checkpoint"
            | "quorum-state"
            | ".kafka_cleanshutdown" => Some("broker_metadata"),
            _ => None,
        };
        if let Some(kind) = whole {
            return Some(Self {
                kind,
                base_offset: None,
            });
        }
        let (stem, extension) = name.rsplit_once('.')?;
        let kind = match extension {
            "log" => "log",
            "index" => "index",
            "timeindex" => "timeindex",
            "txnindex" => "txnindex",
            "snapshot" => "snapshot",
            "checkpoint" => "checkpoint",
            _ => return None,
        };
        // KRaft snapshots: `offset-epoch.checkpoint`.
        let digits = match (kind, stem.split_once('-')) {
            ("checkpoint", Some((offset, epoch))) if is_digits(epoch) => offset,
            ("checkpoint", _) => return None,
            _ => stem,
        };
        if !is_digits(digits) {
            return None;
        }
        Some(Self {
            kind,
            base_offset: Some(digits.parse().ok()?),
        })
    }

    /// Whether the file lies in a partition's directory, not in the broker's.
    pub fn is_in_partition(&self) -> bool {
        !matches!(self.kind, "offset_checkpoint" | "broker_metadata")
    }
}

fn last_component(path: &str) -> &str {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits `topic-partition` at the last dash.
fn split(name: &str) -> Option<(&str, i32)> {
    let (topic, partition) = name.rsplit_once('-')?;
    let is_topic = !topic.is_empty()
        && topic.len() <= MAX_TOPIC_BYTES
        && topic
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if !is_topic || !is_digits(partition) {
        return None;
    }
    Some((topic, partition.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> Option<(&str, i32, LogDirectoryState)> {
        LogDirectory::from_name(name).map(|d| (d.topic, d.partition, d.state))
    }

    fn file(name: &str) -> Option<(&'static str, Option<i64>)> {
        LogFile::from_name(name).map(|f| (f.kind, f.base_offset))
    }

    #[test]
    fn a_partition_is_what_follows_the_last_dash() {
        use LogDirectoryState::Current;
        assert_eq!(directory("topicF-6"), Some(("topicF", 6, Current)));
        assert_eq!(
            directory("payments.v2-0"),
            Some(("payments.v2", 0, Current))
        );
        assert_eq!(
            directory("/data/kafka/orders-eu-12/"),
            Some(("orders-eu", 12, Current))
        );
        assert_eq!(
            directory("__cluster_metadata-0"),
            Some(("__cluster_metadata", 0, Current))
        );
        assert_eq!(directory("a-delete-0"), Some(("a-delete", 0, Current)));
    }

    #[test]
    fn directories_on_their_way_out_or_in_keep_their_partition() {
        use LogDirectoryState::{Delete, Future, Stray};
        let id = "0f4c9e0dbd7b4d4c9a9d3a0b5c1d2e3f";
        let name = format!("orders-eu-3.{id}-delete");
        assert_eq!(directory(&name), Some(("orders-eu", 3, Delete)));
        let name = format!("payments.v2-1.{id}-future");
        assert_eq!(directory(&name), Some(("payments.v2", 1, Future)));
        let name = format!("a-1.{id}-stray");
        assert_eq!(directory(&name), Some(("a", 1, Stray)));
        assert_eq!(directory("a-1.stray"), Some(("a", 1, Stray)));
        assert_eq!(directory("a.b-1-delete"), Some(("a.b", 1, Delete)));
    }

    #[test]
    fn other_directories_have_no_topic() {
        for name in [
            "ext4-ordered",
            "kafka",
            "-0",
            "a-",
            "a-99999999999",
            "a b-0",
            "",
            "/",
            "a--",
        ] {
            assert_eq!(directory(name), None, "{name}");
        }
    }

    #[test]
    fn a_segment_file_tells_its_kind_and_base_offset() {
        assert_eq!(
            file("00000000000966764382.log"),
            Some(("log", Some(966_764_382)))
        );
        assert_eq!(file("00000000000000000000.index"), Some(("index", Some(0))));
        assert_eq!(
            file("00000000000000000007.timeindex"),
            Some(("timeindex", Some(7)))
        );
        assert_eq!(
            file("/a/b-1/00000000000000000007.txnindex"),
            Some(("txnindex", Some(7)))
        );
        assert_eq!(
            file("00000000000000000042.snapshot.deleted"),
            Some(("snapshot", Some(42)))
        );
        assert_eq!(
            file("00000000000000000042.log.cleaned"),
            Some(("log", Some(42)))
        );
        assert_eq!(
            file("00000000000000000042-0000000003.checkpoint"),
            Some(("checkpoint", Some(42)))
        );
    }

    #[test]
    fn other_files_have_no_base_offset() {
        assert_eq!(
            file("leader-epoch-checkpoint.tmp"),
            Some(("leader_epoch_checkpoint", None))
        );
        assert_eq!(
            file("recovery-point-offset-checkpoint"),
            Some(("offset_checkpoint", None))
        );
        for name in [
            "gc.log",
            "server.log",
            ".log",
            "12",
            "",
            "99999999999999999999.log",
            "a.index",
        ] {
            assert_eq!(file(name), None, "{name}");
        }
    }
}
