//! The forms of time that collectors put before a line, by their shape alone.

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// The form of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `2026-11-28T11:26:18.123456789Z`: kubectl, docker, CRI, RFC 5424, `journalctl -o short-iso`.
    Rfc3339,
    /// `2026-11-28T11:26:18` or with a space for the `T`, no zone: `ts`.
    Iso,
    /// `Nov 28 11:26:18`, with or without a fraction: RFC 3164, `journalctl`.
    Syslog,
    /// `Sat 2026-11-28 11:26:18 UTC`: `journalctl -o short-full`.
    Full,
    /// `1795865178.123456`: `journalctl -o short-unix`, `ts %.s`.
    Unix,
    /// `[ 1234.567890]`: `journalctl -o short-monotonic`.
    Monotonic,
}

/// The form and length of the time at the start of a line.
pub(super) fn time_at(line: &[u8]) -> Option<(Form, usize)> {
    let mut cursor = Cursor { line, at: 0 };
    let form = match line.first()? {
        b'[' => cursor.monotonic()?,
        b'0'..=b'9' => match line.get(4) {
            Some(b'-') => cursor.iso()?,
            _ => cursor.unix()?,
        },
        b'A'..=b'Z' => match cursor.full() {
            Some(form) => form,
            None => {
                cursor.at = 0;
                cursor.syslog()?
            }
        },
        _ => return None,
    };
    Some((form, cursor.at))
}

struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &[u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn byte(&mut self, expected: &[u8]) -> Option<u8> {
        let byte = *self.rest().first()?;
        expected.contains(&byte).then(|| {
            self.at = self.at.saturating_add(1);
            byte
        })
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<()> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        (least..=most).contains(&count).then(|| {
            self.at = self.at.saturating_add(count);
        })
    }

    fn word(&mut self, words: &[&[u8]]) -> Option<()> {
        let rest = self.rest();
        let word = words.iter().find(|word| rest.starts_with(word))?;
        self.at = self.at.saturating_add(word.len());
        Some(())
    }

    /// `11:26:18`, with or without a fraction.
    fn clock(&mut self) -> Option<()> {
        self.digits(2, 2)?;
        self.byte(b":")?;
        self.digits(2, 2)?;
        self.byte(b":")?;
        self.digits(2, 2)?;
        if self.byte(b".,").is_some() {
            self.digits(1, 9)?;
        }
        Some(())
    }

    fn date(&mut self) -> Option<()> {
        self.digits(4, 4)?;
        self.byte(b"-")?;
        self.digits(2, 2)?;
        self.byte(b"-")?;
        self.digits(2, 2)
    }

    fn iso(&mut self) -> Option<Form> {
        self.date()?;
        let separator = self.byte(b"T ")?;
        self.clock()?;
        if separator == b' ' {
            return Some(Form::Iso);
        }
        if self.byte(b"Z").is_some() {
            return Some(Form::Rfc3339);
        }
        if self.byte(b"+-").is_none() {
            return Some(Form::Iso);
        }
        if self.digits(4, 4).is_none() {
            self.digits(2, 2)?;
            self.byte(b":")?;
            self.digits(2, 2)?;
        }
        Some(Form::Rfc3339)
    }

    fn syslog(&mut self) -> Option<Form> {
        self.word(&MONTHS)?;
        self.byte(b" ")?;
        let _padding = self.byte(b" ");
        self.digits(1, 2)?;
        self.byte(b" ")?;
        self.clock()?;
        Some(Form::Syslog)
    }

    fn full(&mut self) -> Option<Form> {
        self.word(&DAYS)?;
        self.byte(b" ")?;
        self.date()?;
        self.byte(b" ")?;
        self.clock()?;
        self.byte(b" ")?;
        let zone = self.rest().iter();
        let zone = zone.take_while(|byte| byte.is_ascii_alphanumeric() || b"+-:/".contains(byte));
        let length = zone.count();
        self.at = self.at.saturating_add(length);
        (length > 0).then_some(Form::Full)
    }

    fn unix(&mut self) -> Option<Form> {
        self.digits(9, 10)?;
        self.byte(b".")?;
        self.digits(3, 9)?;
        Some(Form::Unix)
    }

    fn monotonic(&mut self) -> Option<Form> {
        self.byte(b"[")?;
        while self.byte(b" ").is_some() {}
        self.digits(1, 10)?;
        self.byte(b".")?;
        self.digits(6, 6)?;
        self.byte(b"]")?;
        Some(Form::Monotonic)
    }
}
