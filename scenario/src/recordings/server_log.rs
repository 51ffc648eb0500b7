//! `server.log`: the broker's own log, in log4j's usual layout.

use std::io::{self, Write};

use super::{Recorder, date_time};
use crate::history::{History, Time};

/// Writes the broker's start, and a line for each change of an in-sync set.
pub(super) fn write(
    history: &History,
    mut recorder: Recorder,
    mut output: impl Write,
) -> io::Result<()> {
    let mut line = |time: Time, text: &str, output: &mut dyn Write| {
        if recorder.loses() {
            return Ok(());
        }
        let (date, time) = date_time(recorder.clock.wall(time));
        let time = time.replace('.', ",");
        writeln!(output, "[{date} {time}] INFO {text}")
    };
    let own = history.broker_id;
    let started = format!("[KafkaServer id={own}] started (kafka.server.KafkaServer)");
    line(0, &started, &mut output)?;
    let ids = |followers: &[usize]| {
        let followers = followers
            .iter()
            .map(|follower| history.follower_ids[*follower]);
        let ids = std::iter::once(own).chain(followers);
        ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
    };
    for (version, change) in history.isr_changes.iter().enumerate() {
        let log = &history.logs[change.log];
        let topic = &history.topics[log.topic].name;
        let place = format!("[Partition {topic}-{} broker={own}]", log.partition);
        if !change.left.is_empty() {
            let left = change.left.iter().map(|(follower, end)| {
                format!(
                    "(brokerId: {}, endOffset: {end})",
                    history.follower_ids[*follower]
                )
            });
            let text = format!(
                "{place} Shrinking ISR from {} to {}. Leader: (highWatermark: {}, endOffset: {}). Out of sync replicas: {}. (kafka.cluster.Partition)",
                ids(&change.before),
                ids(&change.after),
                change.high_watermark,
                change.end_offset,
                left.collect::<Vec<_>>().join(" "),
            );
            line(change.time, &text, &mut output)?;
        }
        let text = format!(
            "{place} ISR updated to {}  and version updated to {} (kafka.cluster.Partition)",
            ids(&change.after),
            version + 1,
        );
        line(change.time, &text, &mut output)?;
    }
    output.flush()
}
