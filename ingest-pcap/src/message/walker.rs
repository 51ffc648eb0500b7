//! The contract of body walkers.

use kcorr_kafka::{Decompressor, IdHeaders, Reader, Stop, TopicId};
use kcorr_model::{LossLedger, Position};

use super::topics::TOO_MANY_TOPICS;
use super::{TopicKey, Topics};

/// How far a walker came.
#[derive(Debug)]
pub(crate) struct Walked {
    /// Bytes done with. May be more than were given: the rest is skipped as it comes.
    pub(crate) used: u64,
    pub(crate) next: Next,
}

/// What a walker wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// To be called with at least so many bytes behind those used; 0 when all of them may be skipped.
    More(usize),
    /// Nothing: the body has been read.
    Done,
    /// Nothing: all of interest has been read, whatever follows.
    Rest,
    /// Nothing: the body cannot be read.
    Malformed(&'static str),
}

/// What walkers of bodies read and write besides their request.
pub(crate) struct BodyContext<'a> {
    pub(crate) topics: &'a mut Topics,
    pub(crate) losses: &'a mut LossLedger,
    pub(crate) id_headers: Option<&'a IdHeaders>,
    pub(crate) decompressor: &'a mut Decompressor,
    /// Names of ids learned since the last look.
    pub(crate) learned: &'a mut Vec<(TopicId, String)>,
    /// Where the message is, for losses.
    pub(crate) position: Position,
}

/// One step of a walker: reads a unit from the reader and returns the bytes to skip behind it.
/// `None`: the body has been read.
pub(crate) type Unit = Result<Option<u64>, Stop>;

/// Calls `unit` until it needs more bytes than there are.
#[inline]
pub(crate) fn walk_units(bytes: &[u8], mut unit: impl FnMut(&mut Reader<'_>) -> Unit) -> Walked {
    let mut used = 0_u64;
    loop {
        let rest = usize::try_from(used)
            .ok()
            .and_then(|used| bytes.get(used..));
        let Some(rest) = rest else {
            return Walked {
                used,
                next: Next::More(0),
            };
        };
        let mut reader = Reader::new(rest);
        match unit(&mut reader) {
            Ok(Some(skip)) => {
                used = used
                    .saturating_add(reader.position() as u64)
                    .saturating_add(skip);
            }
            Ok(None) => {
                return Walked {
                    used: used.saturating_add(reader.position() as u64),
                    next: Next::Done,
                };
            }
            Err(Stop::Need(need)) => {
                return Walked {
                    used,
                    next: Next::More(need.max(1)),
                };
            }
            Err(Stop::Malformed(message)) => {
                return Walked {
                    used,
                    next: Next::Malformed(message),
                };
            }
        }
    }
}

/// A topic's name or id, by version.
#[inline]
pub(crate) fn read_topic(
    reader: &mut Reader<'_>,
    by_id: bool,
    compact: bool,
    context: &mut BodyContext<'_>,
) -> Result<TopicKey, Stop> {
    let key = if by_id {
        context.topics.id_key(TopicId(reader.array()?))
    } else {
        context.topics.name_key(reader.string(compact)?)
    };
    if key == TopicKey::Unknown {
        context
            .losses
            .record(&TOO_MANY_TOPICS, context.position, || {
                "the first topic that was not kept is named here".into()
            });
    }
    Ok(key)
}
