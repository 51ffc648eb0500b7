//! One line that tells of a partition's in-sync set.
//!
//! Source: `kafka.cluster.Partition` of Kafka 2.0 to 4.1 (`maybeShrinkIsr`, `maybeExpandIsr`, and what takes the
//! controller's or ZooKeeper's answer). What it says of offsets came with 2.4, and of times with 3.7.

/// Ids of a set; no partition has nearly as many replicas.
const MOST_IDS: usize = 100;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// Replicas are to leave the set.
    Shrink,
    /// Replicas are to join it.
    Expand,
    /// The set was stored, and counts from now on.
    Updated,
}

const MARKS: [(&str, ChangeKind); 3] = [
    ("Shrinking ISR from ", ChangeKind::Shrink),
    ("Expanding ISR from ", ChangeKind::Expand),
    ("ISR updated to ", ChangeKind::Updated),
];

impl ChangeKind {
    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Shrink => "shrink",
            Self::Expand => "expand",
            Self::Updated => "updated",
        }
    }
}

/// A change of an in-sync set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change<'a> {
    pub(crate) kind: ChangeKind,
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    /// The broker that says so, which leads the partition.
    pub(crate) leader: i32,
    /// The set after it.
    pub(crate) isr: Vec<i32>,
    /// Those that leave or join, where that is told, with the end of their log as the leader knows it.
    pub(crate) replicas: Vec<(i32, Option<i64>)>,
    pub(crate) high_watermark: Option<i64>,
    pub(crate) end_offset: Option<i64>,
    /// The number of the partition's state, where it was stored.
    pub(crate) version: Option<i64>,
}

/// A line with a change: what stands before it, the change, and what the layout put behind it.
pub(crate) type Told<'a> = (&'a str, Result<(Change<'a>, &'a str), &'static str>);

/// Reads a line; `None` when it tells no change.
pub(crate) fn told(line: &str) -> Option<Told<'_>> {
    let (at, mark, kind) = MARKS
        .iter()
        .find_map(|&(mark, kind)| Some((line.find(mark)?, mark, kind)))?;
    let (before, place) = place(line.get(..at)?)?;
    let body = line.get(at.saturating_add(mark.len())..)?;
    let read = match place {
        Some((topic, partition, leader)) => {
            let mut change = Change {
                kind,
                topic,
                partition,
                leader,
                isr: Vec::new(),
                replicas: Vec::new(),
                high_watermark: None,
                end_offset: None,
                version: None,
            };
            let mut text = Text(body);
            match change.read(&mut text) {
                Ok(()) => Ok((change, text.0)),
                Err(expected) => Err(expected),
            }
        }
        None => Err("expected [Partition TOPIC-NUMBER broker=ID]"),
    };
    Some((before, read))
}

/// Whether a cut line may have told a change: it names a partition, and ends in what may become one.
pub(crate) fn may_be_cut(line: &str) -> bool {
    let Some((_, behind)) = line.rsplit_once("[Partition ") else {
        return false;
    };
    let message = behind.split_once("] ").map_or("", |(_, message)| message);
    MARKS
        .iter()
        .any(|(mark, _)| mark.starts_with(message) || message.starts_with(mark))
}

type Place<'a> = Option<(&'a str, i32, i32)>;

/// The topic, partition and broker right before a message, and what stands before them.
fn place(line: &str) -> Option<(&str, Place<'_>)> {
    let line = line.strip_suffix(' ')?;
    // Until 1.0: `Partition [orders,3] on broker 1: `.
    if let Some(line) = line.strip_suffix(':') {
        let (before, place) = line.rsplit_once("Partition [")?;
        let read = || {
            let (name, broker) = place.split_once("] on broker ")?;
            let (topic, partition) = name.rsplit_once(',')?;
            Some((topic, partition.parse().ok()?, broker.parse().ok()?))
        };
        return Some((before, read()));
    }
    let (before, place) = line.strip_suffix(']')?.rsplit_once("[Partition ")?;
    let read = || {
        let (name, broker) = place.rsplit_once(" broker=")?;
        let (topic, partition) = name.rsplit_once('-')?;
        Some((topic, partition.parse().ok()?, broker.parse().ok()?))
    };
    Some((before, read().filter(|(topic, ..)| !topic.is_empty())))
}

impl Change<'_> {
    /// Reads what follows the mark.
    fn read(&mut self, text: &mut Text<'_>) -> Result<(), &'static str> {
        if self.kind == ChangeKind::Updated {
            let set = "expected ISR updated to IDS, 100 at most, and version updated to NUMBER";
            self.isr = text.ids().ok_or(set)?;
            text.skip_spaces();
            text.skip("(under-min-isr)");
            text.skip_spaces();
            if !text.skip("and version updated to ") && !text.skip("and zkVersion updated to ") {
                return Err(set);
            }
            let is_bracketed = text.skip("[");
            self.version = Some(text.number().ok_or(set)?);
            return (!is_bracketed || text.skip("]")).then_some(()).ok_or(set);
        }
        let sets = "expected ISR from IDS to IDS, 100 at most";
        let old = text.ids().ok_or(sets)?;
        self.isr = text
            .skip(" to ")
            .then(|| text.ids())
            .flatten()
            .ok_or(sets)?;
        let (from, to) = match self.kind {
            ChangeKind::Expand => (&self.isr, &old),
            _ => (&old, &self.isr),
        };
        let moved = from.iter().filter(|id| !to.contains(id));
        self.replicas = moved.map(|id| (*id, None)).collect();
        if self.kind == ChangeKind::Shrink && text.skip(". ") {
            self.offsets(text)
                .ok_or("expected Leader: (highWatermark: NUMBER, endOffset: NUMBER). Out of sync replicas: (brokerId: ID, endOffset: NUMBER)")?;
        }
        text.skip(".");
        Ok(())
    }

    fn offsets(&mut self, text: &mut Text<'_>) -> Option<()> {
        text.expect("Leader: (")?;
        self.high_watermark = Some(text.named("highWatermark: ")?);
        text.expect(", ")?;
        self.end_offset = Some(text.named("endOffset: ")?);
        text.expect("). Out of sync replicas: ")?;
        loop {
            text.expect("(")?;
            let id = text.named("brokerId: ")?;
            text.expect(", endOffset: ")?;
            // The leader may know nothing of it.
            let end = if text.skip("unknown") {
                None
            } else {
                Some(text.number()?)
            };
            if text.skip(", lastCaughtUpTimeMs: ") && !text.skip("unknown") {
                text.number()?;
            }
            text.expect(")")?;
            let mut replicas = self.replicas.iter_mut();
            replicas.find(|(it, _)| i64::from(*it) == id)?.1 = end;
            if !text.0.starts_with(" (brokerId: ") {
                return Some(());
            }
            text.skip(" ");
        }
    }
}

/// The rest of a text.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn skip(&mut self, expected: &str) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, expected: &str) -> Option<()> {
        self.skip(expected).then_some(())
    }

    fn skip_spaces(&mut self) {
        self.0 = self.0.trim_start_matches(' ');
    }

    fn number(&mut self) -> Option<i64> {
        let sign = usize::from(self.0.starts_with('-'));
        let digits = self.0.bytes().skip(sign);
        let count = digits.take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at_checked(sign.saturating_add(count))?;
        self.0 = rest;
        number.parse().ok()
    }

    fn named(&mut self, name: &str) -> Option<i64> {
        self.expect(name)?;
        self.number()
    }

    /// Ids of brokers, at least one: `1,2`, or `[1,2]`.
    fn ids(&mut self) -> Option<Vec<i32>> {
        let is_bracketed = self.skip("[");
        let mut ids = Vec::new();
        loop {
            ids.push(i32::try_from(self.number()?).ok()?);
            if ids.len() > MOST_IDS {
                return None;
            }
            if !self.skip(",") {
                break;
            }
            self.skip(" ");
        }
        (!is_bracketed || self.skip("]")).then_some(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (&str, Change<'_>, &str) {
        let (before, change) = told(line).expect("a change");
        let (change, behind) = change.expect("it can be read");
        (before, change, behind)
    }

    #[test]
    fn each_versions_texts_are_read() {
        let cases = [
            (
                "[T] INFO Partition [zhh-p-topic,2] on broker 1: Shrinking ISR from 1,2,0 to 1,2 (kafka.cluster.Partition)",
                "zhh-p-topic-2 1 [1, 2] [(0, None)] None None None",
            ),
            (
                "[T] INFO [Partition orders-0 broker=1] Shrinking ISR from 1,2 to 1 (kafka.cluster.Partition)",
                "orders-0 1 [1] [(2, None)] None None None",
            ),
            (
                "[T] INFO [Partition __consumer_offsets-43 broker=3] Shrinking ISR from 3,1,4 to 3. Leader: (highWatermark: 115, endOffset: 120). Out of sync replicas: (brokerId: 1, endOffset: 115) (brokerId: 4, endOffset: 116). (kafka.cluster.Partition)",
                "__consumer_offsets-43 3 [3] [(1, Some(115)), (4, Some(116))] Some(115) Some(120) None",
            ),
            (
                "[T] INFO [Partition a-b broker=-0 c-7 broker=1] Shrinking ISR from 1,2 to 1. Leader: (highWatermark: 5, endOffset: 9). Out of sync replicas: (brokerId: 2, endOffset: -1, lastCaughtUpTimeMs: 1795865178000). (kafka.cluster.Partition)",
                "a-b broker=-0 c-7 1 [1] [(2, Some(-1))] Some(5) Some(9) None",
            ),
            (
                "[T] INFO [Partition orders-0 broker=1] Shrinking ISR from 1,2 to 1. Leader: (highWatermark: 5, endOffset: 9). Out of sync replicas: (brokerId: 2, endOffset: unknown, lastCaughtUpTimeMs: unknown). (kafka.cluster.Partition)",
                "orders-0 1 [1] [(2, None)] Some(5) Some(9) None",
            ),
            (
                "[T] INFO [Partition orders-0 broker=1] Expanding ISR from 1,3 to 1,3,2 (kafka.cluster.Partition)",
                "orders-0 1 [1, 3, 2] [(2, None)] None None None",
            ),
            (
                "[T] INFO [Partition orders-0 broker=1] ISR updated to [1,2] and zkVersion updated to [6] (kafka.cluster.Partition)",
                "orders-0 1 [1, 2] [] None None Some(6)",
            ),
            (
                "[T] INFO [Partition orders-0 broker=1] ISR updated to 1,2 and version updated to [6] (kafka.cluster.Partition)",
                "orders-0 1 [1, 2] [] None None Some(6)",
            ),
            (
                "[T] INFO [Partition orders-0 broker=1] ISR updated to 1,2  and version updated to 6 (kafka.cluster.Partition)",
                "orders-0 1 [1, 2] [] None None Some(6)",
            ),
            (
                "[T] INFO [Partition orders-0 broker=1] ISR updated to 1 (under-min-isr) and version updated to 7 (kafka.cluster.Partition)",
                "orders-0 1 [1] [] None None Some(7)",
            ),
        ];
        for (line, expected) in cases {
            let (before, c, behind) = read(line);
            let found = format!(
                "{}-{} {} {:?} {:?} {:?} {:?} {:?}",
                c.topic,
                c.partition,
                c.leader,
                c.isr,
                c.replicas,
                c.high_watermark,
                c.end_offset,
                c.version
            );
            assert_eq!(found, expected, "{line}");
            assert_eq!(before, "[T] INFO ", "{line}");
            assert_eq!(behind, " (kafka.cluster.Partition)", "{line}");
        }
    }

    #[test]
    fn other_lines_tell_none_and_damaged_ones_are_bad() {
        for line in [
            "[T] INFO [Partition orders-0 broker=1] Log loaded for partition orders-0 with initial high watermark 0",
            "[T] INFO Shrinking ISR from 1,2 to 1",
            "he said: [Partition x-0 broker=1] and then Shrinking ISR from 1 to 2",
            "",
        ] {
            assert!(told(line).is_none(), "{line}");
        }
        for line in [
            "[Partition orders-0 broker=1] Shrinking ISR from 1,2 to ",
            "[Partition orders broker=1] Shrinking ISR from 1,2 to 1",
            "[Partition orders-0 broker=1] Shrinking ISR from 1,2 to 1. Leader: (highWatermark: x, endOffset: 9).",
            "[Partition orders-0 broker=1] Shrinking ISR from 1,2 to 1. Leader: (highWatermark: 5, endOffset: 9). Out of sync replicas: (brokerId: 7, endOffset: 5).",
            "[Partition orders-0 broker=1] ISR updated to 1,2 and then some",
            "[Partition orders-0 broker=1] ISR updated to [1,2 and zkVersion updated to [6]",
            "[Partition orders-0 broker=1] Expanding ISR from 99999999999 to 1",
        ] {
            assert!(told(line).is_some_and(|(_, read)| read.is_err()), "{line}");
        }
    }

    #[test]
    fn a_cut_line_may_tell_a_change_when_it_names_a_partition() {
        for line in [
            "[T] INFO [Partition orders-0 bro",
            "[T] INFO [Partition orders-0 broker=1] Shri",
            "[T] INFO [Partition orders-0 broker=1] Shrinking ISR from 1,2 to 1. Leader: (high",
        ] {
            assert!(may_be_cut(line), "{line}");
        }
        assert!(!may_be_cut(
            "[T] INFO [Partition orders-0 broker=1] Log loaded"
        ));
        assert!(!may_be_cut("[T] INFO Shr"));
    }
}
