//! What stands before each line of a dump, where no known collector put it there.

use super::line::{Line, line};

/// A prefix as its shape: words may be others (times, numbers), what stands between them is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct LearnedPrefix {
    prefix: String,
}

impl LearnedPrefix {
    /// Learns the prefix of a line that has a dump's beginning, or a thread's, somewhere behind its start.
    pub(crate) fn learn(&mut self, text: &str) {
        if let Some((before, _)) = text.split_once("Full thread dump ") {
            before.clone_into(&mut self.prefix);
            return;
        }
        if !(text.contains(" prio=") || text.contains(" os_prio=")) || !text.contains(" tid=0x") {
            return;
        }
        if let Some((before, _)) = text.split_once('"')
            && matches!(
                line(text.get(before.len()..).unwrap_or_default()),
                Line::Thread(_)
            )
        {
            before.clone_into(&mut self.prefix);
        }
    }

    /// The line without the prefix, where it has one of that shape.
    pub(crate) fn strip<'a>(&self, text: &'a str) -> &'a str {
        if self.prefix.is_empty() {
            return text;
        }
        let mut rest = text;
        let mut prefix = self.prefix.as_str();
        while let Some(expected) = prefix.chars().next() {
            if expected.is_alphanumeric() {
                let word = rest.trim_start_matches(char::is_alphanumeric);
                if word.len() == rest.len() {
                    return text;
                }
                rest = word;
                prefix = prefix.trim_start_matches(char::is_alphanumeric);
                continue;
            }
            prefix = prefix.get(expected.len_utf8()..).unwrap_or_default();
            rest = match rest.strip_prefix(expected) {
                Some(rest) => rest,
                // Where the line is empty, its last space may be gone.
                None if rest.is_empty() && prefix.is_empty() => rest,
                None => return text,
            };
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::LearnedPrefix;

    #[test]
    fn a_prefix_is_known_by_its_shape() {
        let mut learned = LearnedPrefix::default();
        learned.learn("broker-0 kafka 11:26:18 > Full thread dump OpenJDK");
        assert_eq!(
            learned.strip("broker-1 kafka 11:27:01 > \tat x.y"),
            "\tat x.y"
        );
        assert_eq!(learned.strip("broker-1 kafka 11:27:01 >"), "");
        assert_eq!(learned.strip("\tat x.y"), "\tat x.y");
        let mut none = LearnedPrefix::default();
        none.learn("say \"hello\"");
        assert_eq!(none.strip("x"), "x");
    }
}
