//! Causes in plain words, and their colours: from what the time was in (the root) and how that reached
//! the request (the way), so that every product of the two has words and a colour.

use std::borrow::Cow;

/// How a cause is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    root: &'static Root,
    via: Via,
}

/// What the time was in at the end of the chain.
#[derive(Debug, PartialEq, Eq)]
struct Root {
    name: &'static str,
    /// Two or three words for a request that was in it itself.
    label: &'static str,
    /// What such requests were, after their number and a colon.
    sentence: &'static str,
    /// What others are behind.
    noun: &'static str,
    /// What the one that others are behind was doing, after "was".
    doing: &'static str,
    /// Its colour in the style sheet: `c-…` for itself, `t-…` where it tints what is behind it.
    colour: &'static str,
}

/// How the root reached the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Via {
    Own,
    LockWait,
    Queued,
    NetworkThread,
    Remote,
}

static ROOTS: &[Root] = &[
    Root {
        name: "slow_write",
        label: "own slow write",
        sentence: "slow in their own write to the log",
        noun: "a slow write",
        doing: "in a slow write",
        colour: "write",
    },
    Root {
        name: "slow_sync",
        label: "own slow sync",
        sentence: "slow in their own sync to disk",
        noun: "a slow sync",
        doing: "in a slow sync to disk",
        colour: "sync",
    },
    Root {
        name: "slow_read",
        label: "own slow read",
        sentence: "slow in their own read of a file",
        noun: "a slow read",
        doing: "in a slow read of a file",
        colour: "read",
    },
    Root {
        name: "lock_other",
        label: "other lock wait",
        sentence: "waiting for a lock, and nothing shows what its holder did",
        noun: "a lock wait",
        doing: "waiting for a lock",
        colour: "other-lock",
    },
    Root {
        name: "pause",
        label: "JVM pause",
        sentence: "held up by a stop of the JVM",
        noun: "a JVM pause",
        doing: "held up by a stop of the JVM",
        colour: "pause",
    },
    Root {
        name: "cpu",
        label: "on CPU",
        sentence: "being worked on, or waiting for a CPU",
        noun: "work on a CPU",
        doing: "at work on a CPU, or waiting for one",
        colour: "cpu",
    },
    Root {
        name: "cpu_throttle",
        label: "out of CPU quota",
        sentence: "standing still because the CPU quota was used up",
        noun: "a used-up CPU quota",
        doing: "standing still because the CPU quota was used up",
        colour: "throttle",
    },
    Root {
        name: "memory",
        label: "waiting for memory",
        sentence: "waiting for memory that had to be freed or read from swap",
        noun: "a wait for memory",
        doing: "waiting for memory",
        colour: "memory",
    },
    Root {
        name: "throttled",
        label: "throttled",
        sentence: "held back by a quota of the broker",
        noun: "a throttled request",
        doing: "held back by a quota of the broker",
        colour: "throttled",
    },
    Root {
        name: "remote",
        label: "waiting for other brokers",
        sentence: "waiting for other brokers: followers, or a coordinator",
        noun: "a wait for other brokers",
        doing: "waiting for other brokers",
        colour: "remote",
    },
    Root {
        name: "network",
        label: "between two brokers",
        sentence: "waiting for what was on the way between two brokers",
        noun: "a slow link",
        doing: "waiting for what was on the way between two brokers",
        colour: "link",
    },
    Root {
        name: "network_thread",
        label: "busy network thread",
        sentence: "waiting for a network thread that was busy",
        noun: "a busy network thread",
        doing: "waiting for a network thread that was busy",
        colour: "network",
    },
    Root {
        name: "response",
        label: "sending the response",
        sentence: "waiting for their response to be sent",
        noun: "a response being sent",
        doing: "having its response sent",
        colour: "response",
    },
    Root {
        name: "receive",
        label: "receiving the request",
        sentence: "waiting for the rest of their own bytes to arrive",
        noun: "a request still arriving",
        doing: "still arriving",
        colour: "receive",
    },
    Root {
        name: "unexplained",
        label: "unexplained",
        sentence: "not explained by any recorded row",
        noun: "something unexplained",
        doing: "held up by something unexplained",
        colour: "unexplained",
    },
];

/// How a cause is shown; `None` for one that is not known, which has the colour of what is unexplained
/// and its own name.
pub fn cause(name: &str) -> Option<Cause> {
    let ways = [
        ("lock_wait_behind_", Via::LockWait),
        ("queued_behind_", Via::Queued),
        ("network_thread_behind_", Via::NetworkThread),
        ("remote_behind_", Via::Remote),
    ];
    let behind = ways
        .into_iter()
        .find_map(|(prefix, via)| Some((name.strip_prefix(prefix)?, via)));
    let (root, via) = match (name, behind) {
        ("lock_wait_other", _) => ("lock_other", Via::Own),
        (_, Some((root, via))) => (root, via),
        (own, None) => (own, Via::Own),
    };
    let root = ROOTS.iter().find(|known| known.name == root)?;
    Some(Cause { root, via })
}

impl Cause {
    /// A few words.
    pub fn label(self) -> Cow<'static, str> {
        let behind = match self.via {
            Via::Own => return self.root.label.into(),
            Via::LockWait => "lock wait behind",
            Via::Queued => "queued behind",
            Via::NetworkThread => "network thread held by",
            Via::Remote => "follower held by",
        };
        format!("{behind} {}", self.root.noun).into()
    }

    /// What such requests were, after their number and a colon.
    pub fn sentence(self) -> Cow<'static, str> {
        let doing = self.root.doing;
        match self.via {
            Via::Own => self.root.sentence.into(),
            Via::LockWait => format!("waiting for a lock while its holder was {doing}").into(),
            Via::Queued => format!("queued behind an earlier request that was {doing}").into(),
            Via::NetworkThread => {
                format!("waiting for their network thread, which was {doing}").into()
            }
            Via::Remote => format!("waiting for a follower that was {doing}").into(),
        }
    }

    /// Name of its root, as in `blame`.
    pub fn root(self) -> &'static str {
        self.root.name
    }

    /// What others are behind, that are behind its root.
    pub(crate) fn noun(self) -> &'static str {
        self.root.noun
    }

    /// What one such request was for a part of its time.
    pub(crate) fn place(self) -> Cow<'static, str> {
        match self.via {
            Via::Own => match self.root.name {
                "slow_write" => "in its own write".into(),
                "slow_sync" => "in its own sync".into(),
                "slow_read" => "in its own read".into(),
                "lock_other" => "at a lock, of whose holder nothing is known".into(),
                "pause" => "stopped with the whole JVM".into(),
                _ => self.root.label.into(),
            },
            Via::LockWait => format!("at a lock, behind {}", self.root.noun).into(),
            Via::Queued => format!("in a queue, behind {}", self.root.noun).into(),
            Via::NetworkThread => {
                format!("at its network thread, behind {}", self.root.noun).into()
            }
            Via::Remote => format!("at a follower, behind {}", self.root.noun).into(),
        }
    }

    /// Whether the request was in the root itself.
    pub(crate) fn is_own(self) -> bool {
        self.via == Via::Own
    }

    /// Classes of its colour in the style sheet; the same in all charts. What is behind a root has the
    /// colour of the way, tinted by the root.
    pub fn class(self) -> String {
        let colour = self.root.colour;
        match self.via {
            Via::Own => format!("c-{colour}"),
            Via::LockWait => format!("c-lock t-{colour}"),
            Via::Queued => format!("c-queue t-{colour}"),
            Via::NetworkThread => format!("c-network t-{colour}"),
            Via::Remote => format!("c-follower t-{colour}"),
        }
    }

    /// Its place in stacks and legends.
    fn rank(self) -> (usize, Via) {
        let at = ROOTS.iter().position(|root| root.name == self.root.name);
        (at.unwrap_or(ROOTS.len()), self.via)
    }
}

/// The classes of a cause's colour.
pub(crate) fn class(name: &str) -> String {
    cause(name).map_or_else(|| "c-unexplained".to_owned(), Cause::class)
}

/// The words for a cause.
pub(crate) fn label(name: &str) -> Cow<'_, str> {
    match cause(name) {
        Some(cause) => cause.label(),
        None => name.into(),
    }
}

/// The place of a cause in stacks and legends.
pub(crate) fn rank(name: &str) -> impl Ord + use<> {
    cause(name).map_or((ROOTS.len(), Via::Own), Cause::rank)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every root, own and behind each of the ways.
    fn products() -> Vec<String> {
        let behind = ["lock_wait", "queued", "network_thread", "remote"];
        let products = ROOTS.iter().flat_map(|root| {
            let behind = behind.map(|via| format!("{via}_behind_{}", root.name));
            behind.into_iter().chain([root.name.to_owned()])
        });
        products.collect()
    }

    #[test]
    fn every_product_has_words_of_its_own() {
        let products = products();
        let words = |of: fn(Cause) -> Cow<'static, str>| {
            let words = products.iter().filter_map(|name| cause(name)).map(of);
            words.collect::<BTreeSet<_>>().len()
        };
        assert_eq!(words(Cause::label), products.len());
        assert_eq!(words(Cause::sentence), products.len());
    }

    #[test]
    fn every_colour_is_in_the_style_sheet() {
        let style = include_str!("../assets/style.css");
        for name in products() {
            for class in class(&name).split(' ') {
                // What no tint is declared for keeps the colour of the way.
                if class != "t-write" {
                    assert!(style.contains(&format!(".{class} ")), "{class} of {name}");
                }
            }
        }
    }

    #[test]
    fn a_request_in_a_queue_is_not_said_to_send_its_response() {
        let queued = cause("queued_behind_response").expect("a cause");
        assert_eq!(queued.label(), "queued behind a response being sent");
        assert!(
            queued
                .sentence()
                .starts_with("queued behind an earlier request")
        );
    }

    #[test]
    fn a_cause_that_is_not_known_keeps_its_name() {
        assert_eq!(cause("gremlins"), None);
        assert_eq!(label("queued_behind_gremlins"), "queued_behind_gremlins");
        assert_eq!(class("gremlins"), "c-unexplained");
    }
}
