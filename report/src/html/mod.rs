//! A report as one HTML file that needs nothing else: no network, and no script to be read.

mod blocks;
mod page;

use maud::html;

use crate::Report;

pub use blocks::block;
pub use page::{Entry, PageParts, page};

/// Writes a report.
pub fn render(report: &Report) -> String {
    rendered(report, None)
}

/// Writes a report that is served and keeps itself up to date; `state` (an entity tag) tells it from others.
pub fn render_live(report: &Report, state: &str) -> String {
    rendered(report, Some(state))
}

fn rendered(report: &Report, state: Option<&str>) -> String {
    let mut entries: Vec<Entry<'_>> = report
        .sections
        .iter()
        .map(|section| Entry {
            id: section.id,
            title: &section.title,
        })
        .collect();
    entries.push(Entry {
        id: "queries",
        title: "Queries",
    });
    let body = html! {
        @for section in &report.sections {
            section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                h2 id={ (section.id) "-title" } { (section.title) }
                @for each in &section.blocks { (block(each)) }
            }
        }
        @if state.is_none() {
            p class="print-only note" {
                "On paper only the first requests are listed. Locks, writes, stacks, clocks and the queries behind the \
                 numbers are in the page."
            }
        }
        section id="queries" aria-labelledby="queries-title" {
            h2 id="queries-title" { "Queries" }
            p { (blocks::text(&report.queries_note)) }
            @for query in &report.queries { (blocks::query(query)) }
        }
    };
    let about = html! {
        p class="subtitle" { (blocks::text(&report.subtitle)) }
        @if !report.facts.is_empty() {
            dl class="facts" {
                @for (name, what) in &report.facts {
                    div { dt { (name) } dd { (blocks::text(what)) } }
                }
            }
        }
    };
    let parts = PageParts {
        about: &about,
        body: &body,
        state,
    };
    page(&report.title, &entries, parts)
}
