//! The contract of body walkers, and the choice among them.

use kcorr_kafka::{Decompressor, IdHeaders, Reader, Stop, TopicId};
use kcorr_model::{LossKind, LossLedger, Position, Severity};

use super::fetch_request::FetchRequest;
use super::fetch_response::FetchResponse;
use super::metadata_response::MetadataResponse;
use super::produce_request::ProduceRequest;
use super::produce_response::ProduceResponse;
use super::request_beginning::RequestBeginning;
use super::topics::TOO_MANY_TOPICS;
use super::{Request, TopicKey, Topics, api};

/// A version whose body is not known.
pub(crate) static UNKNOWN_VERSION: LossKind = LossKind {
    name: "pcap_unknown_version",
    severity: Severity::Warning,
    doc: "A request whose body is looked into has a version newer than this program knows; its \
          times are right, but its partitions, group, transaction and wait are not read.",
};

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

/// The walker of a body.
#[derive(Debug)]
pub(crate) enum BodyWalker {
    /// Nothing is read: the body is skipped.
    Skip,
    ProduceRequest(ProduceRequest),
    FetchRequest(FetchRequest),
    RequestBeginning(RequestBeginning),
    ProduceResponse(ProduceResponse),
    FetchResponse(FetchResponse),
    MetadataResponse(MetadataResponse),
}

impl BodyWalker {
    /// The walker for a request's body, behind correlation id and client id.
    pub(crate) fn of_request(request: &Request, context: &mut BodyContext<'_>) -> Self {
        let version = request.api_version;
        match request.api_key {
            api::PRODUCE if version <= api::NEWEST_PRODUCE => {
                BodyWalker::ProduceRequest(ProduceRequest::new(version, context.id_headers))
            }
            api::FETCH if version <= api::NEWEST_FETCH => {
                BodyWalker::FetchRequest(FetchRequest::new(version))
            }
            api::PRODUCE | api::FETCH => {
                context
                    .losses
                    .record(&UNKNOWN_VERSION, context.position, || {
                        format!(
                            "{} version {version}; known up to {} (Produce) and {} (Fetch)",
                            api::name(request.api_key).unwrap_or_default(),
                            api::NEWEST_PRODUCE,
                            api::NEWEST_FETCH
                        )
                    });
                BodyWalker::Skip
            }
            api::METADATA if version > api::NEWEST_METADATA => {
                context
                    .losses
                    .record(&UNKNOWN_VERSION, context.position, || {
                        format!(
                            "Metadata version {version}; known up to {}, so names of topic ids may \
                             be missing",
                            api::NEWEST_METADATA
                        )
                    });
                BodyWalker::Skip
            }
            key => match RequestBeginning::new(key, version) {
                Some(walker) => BodyWalker::RequestBeginning(walker),
                None => {
                    if let Some(newest) = RequestBeginning::newest(key) {
                        let name = api::name(key).unwrap_or_default();
                        context
                            .losses
                            .record(&UNKNOWN_VERSION, context.position, || {
                                format!("{name} version {version}; known up to {newest}")
                            });
                    }
                    BodyWalker::Skip
                }
            },
        }
    }

    /// The walker for a response's body, behind the correlation id.
    pub(crate) fn of_response(request: &Request) -> Self {
        let version = request.api_version;
        match request.api_key {
            api::PRODUCE if version <= api::NEWEST_PRODUCE => {
                BodyWalker::ProduceResponse(ProduceResponse::new(version))
            }
            api::FETCH if version <= api::NEWEST_FETCH => {
                BodyWalker::FetchResponse(FetchResponse::new(version))
            }
            // Topic ids came with version 10.
            api::METADATA if (10..=api::NEWEST_METADATA).contains(&version) => {
                BodyWalker::MetadataResponse(MetadataResponse::new(version))
            }
            _ => BodyWalker::Skip,
        }
    }

    /// Reads what it can from `bytes`, which begin where the last call ended.
    #[inline]
    pub(crate) fn walk(
        &mut self,
        bytes: &[u8],
        request: &mut Request,
        context: &mut BodyContext<'_>,
    ) -> Walked {
        match self {
            BodyWalker::Skip => Walked {
                used: 0,
                next: Next::Done,
            },
            BodyWalker::ProduceRequest(walker) => {
                walk_units(bytes, |reader| walker.unit(reader, request, context))
            }
            BodyWalker::FetchRequest(walker) => {
                walk_units(bytes, |reader| walker.unit(reader, request, context))
            }
            BodyWalker::RequestBeginning(walker) => {
                let walked = walk_units(bytes, |reader| walker.unit(reader, request, context));
                Walked {
                    next: match walked.next {
                        Next::Done => Next::Rest,
                        next => next,
                    },
                    ..walked
                }
            }
            BodyWalker::ProduceResponse(walker) => {
                walk_units(bytes, |reader| walker.unit(reader, request, context))
            }
            BodyWalker::FetchResponse(walker) => {
                walk_units(bytes, |reader| walker.unit(reader, request, context))
            }
            BodyWalker::MetadataResponse(walker) => {
                walk_units(bytes, |reader| walker.unit(reader, request, context))
            }
        }
    }

    /// Makes the walker go on without the bytes it asked for, if it can do with fewer: a batch
    /// whose header is there is skipped without reading its ids.
    pub(crate) fn settle_for_less(&mut self) -> bool {
        match self {
            BodyWalker::ProduceRequest(walker) => walker.give_up_ids(),
            _ => false,
        }
    }
}
