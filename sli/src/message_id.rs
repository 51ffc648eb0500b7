//! What a message carries: its id in a header, and when it was intended in its value.

/// The header that has the id; one of those in which kcorr looks for ids.
pub(crate) const ID_HEADER: &str = "message-id";
/// What each value begins with.
const MARK: &[u8; 4] = b"kcsl";
/// Bytes of the smallest value.
pub(crate) const LEAST_BYTES: usize = MARK.len() + 8;

/// The id of the message of a run and a setting, by its number.
pub(crate) fn id(run: &str, setting: usize, number: u64) -> String {
    format!("{run}-{setting}-{number}")
}

/// The number in an id, if it is of that run and setting.
pub(crate) fn number(id: &str, run: &str, setting: usize) -> Option<u64> {
    let rest = id.strip_prefix(run)?.strip_prefix('-')?;
    let (of, number) = rest.split_once('-')?;
    (of.parse() == Ok(setting)).then_some(())?;
    number.parse().ok()
}

/// Fills a value that says when its message was intended.
pub(crate) fn fill(value: &mut [u8], intended_ns: i64) {
    let (mark, rest) = value.split_at_mut(MARK.len());
    mark.copy_from_slice(MARK);
    let (time, _) = rest.split_at_mut(8);
    time.copy_from_slice(&intended_ns.to_be_bytes());
}

/// When the message of a value was intended.
pub(crate) fn intended_ns(value: &[u8]) -> Option<i64> {
    let rest = value.strip_prefix(MARK)?;
    Some(i64::from_be_bytes(rest.get(..8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_again_by_its_own_run_and_setting_only() {
        let of = id("1a2b", 3, 77);
        assert_eq!(number(&of, "1a2b", 3), Some(77));
        assert_eq!(number(&of, "1a2b", 2), None);
        assert_eq!(number(&of, "1a2", 3), None);
        assert_eq!(number("x", "x", 0), None);
    }

    #[test]
    fn a_value_says_when_it_was_intended() {
        let mut value = vec![b'x'; 100];
        fill(&mut value, 1_795_902_218_000_000_001);
        assert_eq!(intended_ns(&value), Some(1_795_902_218_000_000_001));
        assert_eq!(intended_ns(b"kcsl123"), None);
        assert_eq!(intended_ns(&[0; 100]), None);
    }
}
