//! A place in a text: small parts are read from there on.

/// A text and a place in it.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl Scanner<'_> {
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn skip(&mut self, expected: &[u8]) -> bool {
        let is_there = self.rest().starts_with(expected);
        if is_there {
            self.at = self.at.saturating_add(expected.len());
        }
        is_there
    }

    pub(super) fn skip_any(&mut self, of: &[u8]) -> Option<u8> {
        let byte = *self.rest().first()?;
        of.contains(&byte).then(|| {
            self.at = self.at.saturating_add(1);
            byte
        })
    }

    pub(super) fn digit_count(&self) -> usize {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
        digits.count()
    }

    /// A number of just `count` digits at this place, which others may follow.
    pub(super) fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.rest().get(..count)?;
        let mut value = 0_u32;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            value = value
                .checked_mul(10)?
                .checked_add(u32::from(digit.wrapping_sub(b'0')))?;
        }
        self.at = self.at.saturating_add(count);
        Some(value)
    }

    /// A number of `least` to `most` digits, no digit behind it.
    pub(super) fn number(&mut self, least: usize, most: usize) -> Option<(u32, usize)> {
        let count = self.digit_count();
        if !(least..=most).contains(&count) {
            return None;
        }
        Some((self.digits(count)?, count))
    }

    /// The number, from 1, of a name, or its first three letters, among names.
    pub(super) fn name(&mut self, names: &[&str]) -> Option<u32> {
        let rest = self.rest();
        let length = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let word = rest.get(..length)?.to_ascii_lowercase();
        let is =
            |name: &&str| name.as_bytes() == word || name.as_bytes().get(..3) == Some(&word[..]);
        let at = names.iter().position(is)?;
        self.at = self.at.saturating_add(length);
        u32::try_from(at.saturating_add(1)).ok()
    }
}
