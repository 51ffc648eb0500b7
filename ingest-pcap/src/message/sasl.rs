//! SASL: the mechanism that a client names, and the user in its first token.
//!
//! Source: the Kafka protocol guide, "SASL Authentication Sequence"; RFC 4616 (PLAIN) and 5802 (SCRAM). Tokens of
//! GSSAPI are encrypted, and those of OAUTHBEARER are secrets as a whole: no user is read from them. Nothing of a
//! token but the user's name is kept.

/// Longer tokens are not looked into.
pub(crate) const LONGEST_TOKEN: u32 = 64 << 10;

/// Longer names are those of no user.
const LONGEST_NAME: usize = 1024;

/// A mechanism whose tokens say who the user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Plain,
    Scram,
    Other,
}

impl Mechanism {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "PLAIN" => Self::Plain,
            name if name.starts_with("SCRAM-") => Self::Scram,
            _ => Self::Other,
        }
    }

    /// The user that a client's token names, if it does.
    pub(crate) fn user(self, token: &[u8]) -> Option<String> {
        let name = match self {
            // [authorisation id] NUL user NUL password
            Self::Plain => {
                let mut fields = token.split(|&byte| byte == 0);
                let (_, user) = (fields.next()?, fields.next()?);
                fields.next()?;
                std::str::from_utf8(user).ok()?.to_owned()
            }
            // Channel binding, authorisation id, then attributes: `n,,n=user,r=nonce`.
            Self::Scram => {
                let text = std::str::from_utf8(token).ok()?;
                let mut fields = text.split(',');
                if !matches!(fields.next()?, "n" | "y") {
                    return None;
                }
                fields.next()?;
                let user = fields.next()?.strip_prefix("n=")?;
                user.replace("=2C", ",").replace("=3D", "=")
            }
            Self::Other => return None,
        };
        let is_name =
            !name.is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control);
        is_name.then_some(name)
    }
}

/// What a request said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sasl {
    Mechanism(Mechanism),
    User(Box<str>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_the_tokens_that_name_them() {
        let cases: [(Mechanism, &[u8], Option<&str>); 8] = [
            (Mechanism::Plain, b"\0alice\0secret", Some("alice")),
            (Mechanism::Plain, b"bob\0bob\0secret", Some("bob")),
            (Mechanism::Plain, b"alice", None),
            (Mechanism::Scram, b"n,,n=alice,r=abc", Some("alice")),
            (Mechanism::Scram, b"n,a=bob,n=a=2Cb=3D,r=abc", Some("a,b=")),
            // The second of a client, which proves what the first says.
            (Mechanism::Scram, b"c=biws,r=abc,p=secret", None),
            (Mechanism::Scram, b"n,,n=a\x07b,r=abc", None),
            (Mechanism::Other, b"\0alice\0secret", None),
        ];
        for (mechanism, token, user) in cases {
            assert_eq!(mechanism.user(token).as_deref(), user, "{token:?}");
        }
    }
}
