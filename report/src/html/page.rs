//! The page around a report: head, navigation, style and script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../../assets/style.css");
const SCRIPT: &str = include_str!("../../assets/script.js");
/// What keeps a page up to date that is served.
const LIVE_SCRIPT: &str = include_str!("../../assets/live.js");

/// An entry of the navigation.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Id of the section.
    pub id: &'a str,
    /// Its title.
    pub title: &'a str,
}

/// What a page has beside its title and its entries.
#[derive(Debug, Clone, Copy)]
pub struct PageParts<'a> {
    /// What stands below the title.
    pub about: &'a Markup,
    /// Its sections.
    pub body: &'a Markup,
    /// Of a page that is served and kept up to date, what tells its state from others (an entity tag).
    pub state: Option<&'a str>,
}

/// A whole page: one file that loads nothing, but for itself when it is kept up to date.
pub fn page(title: &str, entries: &[Entry<'_>], parts: PageParts<'_>) -> String {
    let is_live = parts.state.is_some();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy(is_live));
                @if let Some(state) = parts.state { meta name="kcorr-state" content=(state); }
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#content" { "Skip to the report" }
                header {
                    p class="brand" { "kcorr" }
                    h1 { (title) }
                    div id="about" { (parts.about) }
                    @if is_live { (hold()) }
                }
                nav aria-label="Sections" {
                    ul {
                        @for entry in entries {
                            li { a href={ "#" (entry.id) } { (entry.title) } }
                        }
                    }
                }
                main id="content" { (parts.body) }
                script { (PreEscaped(SCRIPT)) }
                @if is_live { script { (PreEscaped(LIVE_SCRIPT)) } }
            }
        }
    };
    page.into_string()
}

/// What stops a page that is kept up to date, and says whether it is.
fn hold() -> Markup {
    html! {
        p class="script-only live" {
            button id="live-hold" type="button" aria-pressed="false" { "Hold" }
            output id="live-said" role="status" { "kept up to date" }
        }
        noscript {
            p class="note" { "This is the last state; without a script, load the page again for what came since." }
        }
    }
}

/// What the page may load and run: its own style and scripts by their hashes, and nothing else; one that is kept up to
/// date also what it was loaded from. Text of a recording that came to be markup would be neither.
fn policy(is_live: bool) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let mut scripts = hash(SCRIPT);
    let mut connects = "";
    if is_live {
        scripts = format!("{scripts} {}", hash(LIVE_SCRIPT));
        connects = "connect-src 'self'; ";
    }
    format!(
        "default-src 'none'; style-src {}; script-src {scripts}; {connects}img-src data:; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_style_and_the_script_of_the_page_are_allowed() {
        for state in [None, Some("\"7\"")] {
            let nothing = html! {};
            let parts = PageParts {
                about: &nothing,
                body: &nothing,
                state,
            };
            check(&page("Incident", &[], parts), state.is_some());
        }
    }

    fn check(page: &str, is_live: bool) {
        assert!(!page.contains("unsafe-inline"));
        assert_eq!(
            page.contains("connect-src &#39;self&#39;") || page.contains("connect-src 'self'"),
            is_live
        );
        assert!(
            !page.contains("style=\""),
            "an attribute would not be applied"
        );
        for (open, close, kind) in [
            ("<style>", "</style>", "style"),
            ("<script>", "</script>", "script"),
        ] {
            for after in page.split(open).skip(1) {
                let (text, _) = after.split_once(close).expect("an end");
                let hash = STANDARD.encode(Sha256::digest(text));
                let (_, policy) = page
                    .split_once("Content-Security-Policy")
                    .expect("a policy");
                let (policy, _) = policy.split_once('>').expect("its end");
                let (_, of_kind) = policy.split_once(&format!("{kind}-src")).expect("a kind");
                let (of_kind, _) = of_kind.split_once("; ").expect("its end");
                assert!(of_kind.contains(&format!("sha256-{hash}")), "{of_kind}");
            }
        }
    }
}
