//! What only people can add to a postmortem: left empty, and marked so.

use crate::{Answers, Block, Section};

/// What is asked for, and what belongs there.
const QUESTIONS: [(&str, &str, &str); 3] = [
    (
        "impact",
        "Impact",
        "What users and other services noticed, from when to when, and what it cost them.",
    ),
    (
        "contributing-factors",
        "Contributing factors",
        "What else had to be so: load, a deployment, a change of settings, an alert that did not come.",
    ),
    (
        "follow-ups",
        "Follow-ups",
        "Who does what until when, and the recording that will show that it helped.",
    ),
];

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let headline = answers.rows("headline")?;
    let has_slow = headline.value(0, "slow_count").int().unwrap_or(0) > 0;
    let blocks = QUESTIONS.iter().flat_map(|(id, title, hint)| {
        [
            Block::Heading((*id).to_owned(), (*title).into()),
            Block::Note(format!("To be filled in. {hint}").into()),
        ]
    });
    has_slow.then(|| Section {
        id: "follow-up",
        title: "To be filled in by people".to_owned(),
        blocks: blocks.collect(),
    })
}
