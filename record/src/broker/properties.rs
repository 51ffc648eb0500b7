//! A broker's settings, as `server.properties` has them.

use std::collections::BTreeMap;

/// Settings by name. The last line of a name counts, as `java.util.Properties` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    values: BTreeMap<String, String>,
}

impl Properties {
    /// Reads the text of a properties file: comments (`#`, `!`), lines that go on behind a backslash, `=`, `:` or
    /// blanks between name and value, and escapes.
    pub fn parse(text: &str) -> Self {
        let mut values = BTreeMap::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let mut line = line.trim_start().to_owned();
            if line.is_empty() || line.starts_with(['#', '!']) {
                continue;
            }
            while ends_open(&line) {
                line.pop();
                let Some(next) = lines.next() else { break };
                line.push_str(next.trim_start());
            }
            let (name, value) = split(&line);
            values.insert(unescaped(name), unescaped(value));
        }
        Self { values }
    }

    /// Sets one, as `--override name=value` does.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), value.into());
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim())
    }

    /// The words of a value between commas.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let words = self.get(name).unwrap_or_default().split(',').map(str::trim);
        words.filter(|word| !word.is_empty()).collect()
    }

    /// All names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.values.iter();
        values.map(|(name, value)| (name.as_str(), value.trim()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Whether a line ends in an odd number of backslashes, so that the next belongs to it.
fn ends_open(line: &str) -> bool {
    let slashes = line.bytes().rev().take_while(|&byte| byte == b'\\').count();
    slashes % 2 == 1
}

/// Name and value of a whole line.
fn split(line: &str) -> (&str, &str) {
    let mut is_escaped = false;
    for (at, letter) in line.char_indices() {
        let is_end = !is_escaped && (letter == '=' || letter == ':' || letter.is_whitespace());
        if is_end {
            let (name, rest) = line.split_at(at);
            let rest = rest.trim_start();
            let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (name, rest.trim_start());
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    (line, "")
}

/// A text with its escapes replaced; one that is no escape is the letter itself.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => {
                let digits: String = letters.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok();
                plain.push(code.and_then(char::from_u32).unwrap_or('\u{fffd}'));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_read_as_java_reads_them() {
        let text = "# a comment\n! another\nlog.dirs = /a, /b\nnode.id:1\nflag\nname value with blanks\n\
                    listeners=A://:1,\\\n   B://:2\nescaped\\=name=x\\u0041\\ty\nlog.dirs=/c\n";
        let properties = Properties::parse(text);
        assert_eq!(properties.get("log.dirs"), Some("/c"));
        assert_eq!(properties.get("node.id"), Some("1"));
        assert_eq!(properties.get("flag"), Some(""));
        assert_eq!(properties.get("name"), Some("value with blanks"));
        assert_eq!(properties.list("listeners"), ["A://:1", "B://:2"]);
        assert_eq!(properties.get("escaped=name"), Some("xA\ty"));
        assert_eq!(properties.get("none"), None);
    }

    #[test]
    fn a_file_that_ends_within_a_line_or_an_escape_is_read_to_there() {
        assert_eq!(Properties::parse("a=b\\").get("a"), Some("b"));
        assert_eq!(Properties::parse("a=\\u00").get("a"), Some("\u{0}"));
        assert_eq!(Properties::parse("a=\\uzzzz").get("a"), Some("\u{fffd}"));
    }
}
