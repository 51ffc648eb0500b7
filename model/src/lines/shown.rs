//! Lines of an input in messages and details of losses: bounded, and harmless to a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Bytes of a line that are shown.
const SHOWN_BYTES: usize = 120;

/// The start of a line for people: control characters are [`escaped`], and `…` stands for what is left out.
pub fn start_of(line: &[u8]) -> String {
    let start = line.get(..SHOWN_BYTES).unwrap_or(line);
    let text = String::from_utf8_lossy(start);
    if start.len() == line.len() {
        return escaped(&text).into_owned();
    }
    // A character may have been cut.
    let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    format!("{}…", escaped(text))
}

/// A text with its control characters written as Rust writes them (`\u{1b}`), for details of losses and
/// messages: what an input holds must never reach a terminal as it is. Tabs stay.
pub fn escaped(text: &str) -> Cow<'_, str> {
    let is_harmless = |character: char| !character.is_control() || character == '\t';
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmless(character) {
            shown.push(character);
        } else {
            let _ = write!(shown, "{}", character.escape_default());
        }
    }
    Cow::Owned(shown)
}

/// Whether a line may be text: it has no control characters but those of layout, colours and bells.
pub fn is_text(line: &[u8]) -> bool {
    !line.iter().any(|byte| matches!(byte, 0..=6 | 14..=26))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_shown_by_whole_characters_of_its_start() {
        assert_eq!(start_of(b"a\x1b[0m\tb"), "a\\u{1b}[0m\tb");
        let line = format!("a{}", "\u{fc}".repeat(100));
        let shown = start_of(line.as_bytes());
        assert_eq!(shown, format!("a{}…", "\u{fc}".repeat(59)));
        assert_eq!(start_of(&[b'a'; 120]), "a".repeat(120));
    }

    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(escaped("a\tb ü"), "a\tb ü");
        assert_eq!(escaped("\x1b]0;x\x07\0"), "\\u{1b}]0;x\\u{7}\\u{0}");
        assert_eq!(escaped("\u{9b}31m"), "\\u{9b}31m");
    }
}
