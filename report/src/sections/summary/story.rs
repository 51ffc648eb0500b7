//! The incident in a few sentences: when, whose requests, why, what to do first, how sure, and whether it is over.

use crate::cause::cause;
use crate::names::{cause_of, is_row, root, write_state};
use crate::sections::{advice, episodes};
use crate::{Answer, Answers, Span, Text, Value};

/// How many requests were slow, and how slow: the sentence to read if only one is read.
pub(super) fn headline(answers: &Answers, headline: &Answer) -> Text {
    let default = if answers.objective_is_default {
        " (the default objective; --slo sets another)"
    } else {
        ""
    };
    let cell = |column| headline.cell(0, column);
    if headline.value(0, "request_count").int().unwrap_or(0) == 0 {
        return "No answered request was recorded, so there is nothing to explain. \
                A packet capture shows the requests."
            .into();
    }
    if headline.value(0, "slow_count").int().unwrap_or(0) == 0 {
        return Text::from("None of ")
            .and(cell("request_count"))
            .and(" requests took ")
            .and(cell("slo_ms"))
            .and(" or more")
            .and(default)
            .and(". The slowest took ")
            .and(cell("max_ms"))
            .and(".");
    }
    let text = match answers.rows("who_waited") {
        Some(who) => Text::from("From ")
            .and(who.cell(0, "first_time"))
            .and(format!(" {}, for ", who.zone()).as_str())
            .and(who.cell(0, "span_s"))
            .and(", "),
        None => Text::default(),
    };
    text.and(cell("slow_count"))
        .and(" of ")
        .and(cell("request_count"))
        .and(" requests (")
        .and(cell("slow_ratio"))
        .and("; ")
        .and(cell("slow_apis"))
        .and(") took ")
        .and(cell("slo_ms"))
        .and(" or more")
        .and(default)
        .and(". The slowest took ")
        .and(cell("max_ms"))
        .and(".")
}

/// The sentences after the headline, in the order in which they are asked for.
pub(super) fn sentences(answers: &Answers, headline: &Answer) -> Vec<Text> {
    let sentences = [
        who(answers),
        why(answers),
        first(answers),
        Some(how_sure(answers, headline)),
        is_over(answers),
    ];
    sentences.into_iter().flatten().collect()
}

/// Whose requests were slow.
fn who(answers: &Answers) -> Option<Text> {
    let who = answers.rows("who_waited")?;
    let listed = |text: Text, count: &str, names: &str, one: &str, many: &str| {
        let all = who.value(0, count).int().unwrap_or(0);
        if all == 0 {
            return text;
        }
        text.and(" ")
            .and(who.cell(0, count))
            .and(if all == 1 { one } else { many })
            .and(if all > 3 { ", most of all " } else { ": " })
            .and(who.cell(0, names))
            .and(".")
    };
    let text = Text::default().strong("Who waited:");
    let text = listed(text, "client_count", "clients", " client", " clients");
    Some(listed(text, "topic_count", "topics", " topic", " topics"))
}

/// The chain from the requests down to what was at the root of most of their time.
fn why(answers: &Answers) -> Option<Text> {
    let classes = answers.rows("root_classes")?;
    let kind = classes.text(0, "kind");
    let cell = |column| classes.cell(0, column);
    let text = Text::default().strong("Why:").and(" ");
    let text = if is_row(kind) {
        let is_one = classes.value(0, "episode_count").int() == Some(1);
        let (one, many) = root(kind);
        text.and(cell("episode_count"))
            .and(" ")
            .and(if is_one { one } else { many })
            .and(if is_one { " was" } else { " were" })
            .and(" at the root of ")
            .and(cell("request_count"))
            .and(" slow requests (")
            .and(cell("request_ratio"))
            .and(") and of ")
    } else {
        let text = text
            .and(cell("request_count"))
            .and(" slow requests (")
            .and(cell("request_ratio"))
            .and(") ");
        let name = cause_of(kind);
        match (name, cause(name)) {
            ("unexplained", _) => {
                text.and("waited for something that no recorded row shows. That is ")
            }
            (_, Some(known)) => text
                .and("were ")
                .and(&*known.sentence())
                .and(", or behind such a one. That is "),
            (_, None) => text.and("have the cause ").and(name).and(". That is "),
        }
    };
    let text = text
        .and(cell("cost_ratio"))
        .and(" of the time of all slow requests.")
        .append(mechanism(answers, kind));
    let Some(episodes) = answers.rows("episodes") else {
        return Some(text);
    };
    let Some(worst) = episodes.row_where("kind", kind) else {
        return Some(text);
    };
    let number = episodes.cell(worst, "episode");
    let link = Span::Link(
        "the costliest".to_owned(),
        format!("episode-{}", number.text()),
    );
    let is_only = classes.value(0, "episode_count").int() == Some(1);
    let text = if is_only {
        text.and(" ")
    } else {
        text.and(" Of ")
            .and(link)
            .and(", episode ")
            .and(number)
            .and(": ")
    };
    Some(text.append(episodes::chain(episodes, worst)))
}

/// What the operations at the root were in, where most of them were in the same.
fn mechanism(answers: &Answers, kind: &str) -> Text {
    let operation = match kind {
        "journal_commit" | "write" => "write",
        "sync" | "read" => kind,
        _ => return reason(answers, kind),
    };
    let text = match answers.rows("off_cpu_writes") {
        Some(places) if operation == "write" => {
            Text::from(" Threads that stood still in writes did so in ")
                .and(places.cell(0, "functions"))
                .and(" for ")
                .and(places.cell(0, "weight_ratio"))
                .and(" of that time.")
        }
        _ => Text::default(),
    };
    let Some(states) = answers.rows("root_states") else {
        return text;
    };
    let mut rows = (0..states.len()).filter(|&row| states.text(row, "operation") == operation);
    let Some(row) = rows.find(|&row| states.text(row, "write_state") != "unknown") else {
        return text;
    };
    Text::from(" Meanwhile these ")
        .and(operation)
        .and("s were ")
        .and(write_state(states.text(row, "write_state")))
        .and(" for ")
        .and(states.cell(row, "waited_ms"))
        .and(" of the requests' time (")
        .and(states.cell(row, "waited_ratio"))
        .and(").")
        .append(text)
}

/// The reason that most episodes of a kind have.
fn reason(answers: &Answers, kind: &str) -> Text {
    let Some(episodes) = answers.rows("episodes") else {
        return Text::default();
    };
    let mut rows = (0..episodes.len()).filter(|&row| episodes.text(row, "kind") == kind);
    let Some(row) = rows.find(|&row| *episodes.value(row, "reason") != Value::Null) else {
        return Text::default();
    };
    Text::from(" What made it slow: ")
        .and(episodes.cell(row, "reason"))
        .and(".")
}

/// The change that takes away most, from what, and what it would gain.
fn first(answers: &Answers) -> Option<Text> {
    let text = Text::default().strong("Do first:").and(" ");
    let Some(changes) = answers.rows("advice") else {
        let settled = answers.rows("settled_changes")?;
        return Some(
            text.append(advice::nothing_left())
                .and(" It concerns ")
                .and(settled.cell(0, "gain_ratio"))
                .and(" of the slow requests' time: ")
                .and(settled.cell(0, "present"))
                .and("."),
        );
    };
    let row = advice::first(changes);
    let text = text
        .append(advice::action(changes, row))
        .and(".")
        .append(advice::now(changes, row))
        .and(" ");
    if changes.text(row, "change") == "record_more" {
        let wanted = answers.rows("why_not");
        return Some(match wanted {
            Some(wanted) => text
                .and("Most of what nothing explains would be settled by this: ")
                .and(wanted.cell(0, "recording"))
                .and("."),
            None => text,
        });
    }
    let text = text
        .and("It concerns ")
        .and(changes.cell(row, "gain_ratio"))
        .and(" of the slow requests' time. ");
    let text = match advice::gain(answers, changes.text(row, "whatif")) {
        Some(gain) => text.append(gain).and(" "),
        None => text,
    };
    Some(
        text.and("Alternatives, and how to check them: ")
            .and(Span::Link("what to do".to_owned(), "advice".to_owned()))
            .and("."),
    )
}

/// How much of the time recorded rows explain, and how often chance would.
fn how_sure(answers: &Answers, headline: &Answer) -> Text {
    let cell = |column| headline.cell(0, column);
    let text = Text::default()
        .strong("How sure:")
        .and(" recorded rows explain ")
        .and(cell("explained_ratio"))
        .and(" of the slow requests' time");
    let text = match headline.value(0, "confidence") {
        Value::Null => text.and("."),
        _ => text
            .and("; the mean confidence of the verdicts is ")
            .and(cell("confidence"))
            .and(", where one is certain."),
    };
    let text = match headline.value(0, "unexplained_count").int().unwrap_or(0) {
        0 => text,
        _ => text
            .and(" Requests with most of their time unexplained: ")
            .and(cell("unexplained_count"))
            .and("."),
    };
    let rates = answers.rows("false_attribution");
    match rates.and_then(|rates| Some((rates, rates.row_where("cause", "any")?))) {
        Some((rates, any)) => text
            .and(" With the recordings shifted in time, so that they fit by chance only, ")
            .and(rates.cell(any, "chance_ratio"))
            .and(" of the slow requests are still blamed on something, instead of ")
            .and(rates.cell(any, "request_ratio"))
            .and(": see ")
            .and(Span::Link("data quality".to_owned(), "quality".to_owned()))
            .and("."),
        None => text,
    }
}

/// What was recorded after the last slow request.
fn is_over(answers: &Answers) -> Option<Text> {
    let who = answers.rows("who_waited")?;
    let text = Text::default().strong("Over?").and(" ");
    if who.value(0, "quiet_count").int().unwrap_or(0) == 0 {
        return Some(text.and(
            "The recording ends with a slow request, so that it does not say whether it was over.",
        ));
    }
    Some(
        text.and("The last slow request ended at ")
            .and(who.cell(0, "last_time"))
            .and(". Of the ")
            .and(who.cell(0, "quiet_count"))
            .and(" that came in the ")
            .and(who.cell(0, "quiet_s"))
            .and(" after it none was slow."),
    )
}
