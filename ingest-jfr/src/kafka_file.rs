//! What a file in a Kafka log directory is.

/// A file of a partition: `<log.dir>/<topic>-<partition>/<base offset>.log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KafkaFile<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) base_offset: Option<i64>,
    pub(crate) kind: &'a str,
}

const SEGMENT_KINDS: [&str; 5] = ["log", "index", "timeindex", "txnindex", "snapshot"];
const PARTITION_FILES: [&str; 2] = ["leader-epoch-checkpoint", "partition.metadata"];

impl<'a> KafkaFile<'a> {
    /// The file, if its name is one that Kafka gives to files of a partition.
    pub(crate) fn of(directory: &'a str, file: &'a str) -> Option<Self> {
        let name = directory.rsplit('/').next()?;
        let name = name.strip_suffix("-stray").unwrap_or(name);
        let (topic, partition) = name.rsplit_once('-')?;
        let digits = !partition.is_empty() && partition.bytes().all(|b| b.is_ascii_digit());
        let partition = partition
            .parse()
            .ok()
            .filter(|_| digits && !topic.is_empty())?;
        if let Some(kind) = PARTITION_FILES.iter().find(|kind| **kind == file) {
            return Some(Self {
                topic,
                partition,
                base_offset: None,
                kind,
            });
        }
        let (offset, kind) = file.split_once('.')?;
        let kind = kind.strip_suffix(".deleted").unwrap_or(kind);
        let is_offset = offset.len() == 20 && offset.bytes().all(|b| b.is_ascii_digit());
        if !is_offset || !SEGMENT_KINDS.contains(&kind) {
            return None;
        }
        Some(Self {
            topic,
            partition,
            base_offset: offset.parse().ok(),
            kind,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_tells_its_partition_and_base_offset() {
        let file = KafkaFile::of("/var/kafka/orders-eu-6", "00000000000966764382.log").unwrap();
        assert_eq!((file.topic, file.partition), ("orders-eu", 6));
        assert_eq!((file.base_offset, file.kind), (Some(966_764_382), "log"));
    }

    #[test]
    fn other_files_are_not_of_a_partition() {
        assert_eq!(KafkaFile::of("/tmp/build-6", "notes.log"), None);
        assert_eq!(KafkaFile::of("/tmp", "00000000000966764382.log"), None);
        assert_eq!(KafkaFile::of("a-+6", "00000000000966764382.log"), None);
    }
}
