//! The incident at a glance: its episodes on one line of time each kind.

use crate::cause::class;
use crate::chart::{Bar, Lane, Timeline, timeline};
use crate::names::{cause_of, root};
use crate::{Answers, Drawing};

/// Kinds that have a line of their own; the costliest.
const MOST_LANES: usize = 6;

/// Draws the episodes over the time of the recording.
pub(super) fn drawing(answers: &Answers) -> Option<Drawing> {
    let headline = answers.rows("headline")?;
    let episodes = answers.rows("episodes")?;
    let whole = (
        headline.time(0, "first_time")?,
        headline.time(0, "last_time")?,
    );
    let mut lanes: Vec<(&str, Lane)> = Vec::new();
    let mut drawn = 0;
    for row in 0..episodes.len() {
        let kind = episodes.text(row, "kind");
        let colour = class(cause_of(kind));
        let at = match lanes.iter().position(|(known, _)| *known == kind) {
            Some(at) => at,
            None if lanes.len() == MOST_LANES => continue,
            None => {
                let lane = Lane {
                    name: root(kind).1.to_owned(),
                    heading: None,
                    bars: Vec::new(),
                };
                lanes.push((kind, lane));
                lanes.len() - 1
            }
        };
        let bar = Bar {
            start_ns: episodes.time(row, "start_time")?.max(whole.0),
            end_ns: episodes.time(row, "end_time")?.min(whole.1),
            class: colour,
            title: format!(
                "Episode {}: {} from {} for {}; {} slow requests",
                episodes.cell(row, "episode").text(),
                root(kind).0,
                episodes.cell(row, "start_time").text(),
                episodes.cell(row, "duration_ms").text_with_unit(),
                episodes.cell(row, "request_count").text(),
            ),
            target: format!("episode-{}", episodes.cell(row, "episode").text()),
        };
        if let Some((_, lane)) = lanes.get_mut(at) {
            lane.bars.push(bar);
            drawn += 1;
        }
    }
    let description = format!(
        "Episodes over the time of the recording, one line a kind: {drawn} episodes; the table of episodes has their numbers."
    );
    Some(Drawing {
        id: "summary-strip".to_owned(),
        title: "When what was at the root of slow requests".into(),
        svg: timeline(&Timeline {
            label: description.clone(),
            group: "time".to_owned(),
            time: whole,
            lanes: lanes.into_iter().map(|(_, lane)| lane).collect(),
        }),
        description,
        legend: Vec::new(),
        queries: vec!["episodes".to_owned()],
    })
}
