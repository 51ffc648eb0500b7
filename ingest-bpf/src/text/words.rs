//! Where the words of a line stand in it.

/// Where a part of a line begins in it.
pub(super) fn offset(line: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize)
}

/// The part of a line from the first to the last of some of its tokens.
pub(super) fn covering<'a>(line: &'a str, tokens: &[&'a str]) -> Option<&'a str> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    let end = offset(line, last).checked_add(last.len())?;
    line.get(offset(line, first)..end)
}
