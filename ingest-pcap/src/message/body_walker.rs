//! The walker of a body: which it is, by API and version.

use kcorr_model::{LossKind, Severity};

use super::alter_partition_request::AlterPartitionRequest;
use super::alter_partition_response::AlterPartitionResponse;
use super::fetch_request::FetchRequest;
use super::fetch_response::FetchResponse;
use super::metadata_response::MetadataResponse;
use super::produce_request::ProduceRequest;
use super::produce_response::ProduceResponse;
use super::push_telemetry::PushTelemetry;
use super::request_beginning::RequestBeginning;
use super::sasl::Mechanism;
use super::sasl_request::SaslRequest;
use super::sasl_response::SaslResponse;
use super::walker::{BodyContext, Next, Walked, walk_units};
use super::{Request, api};

/// A version whose body is not known.
pub(crate) static UNKNOWN_VERSION: LossKind = LossKind {
    name: "pcap_unknown_version",
    severity: Severity::Warning,
    doc: "A request whose body is looked into has a version newer than this program knows; its \
          times are right, but its partitions, group, transaction and wait are not read.",
};

/// The walker of a body.
#[derive(Debug)]
pub(crate) enum BodyWalker {
    /// Nothing is read: the body is skipped.
    Skip,
    ProduceRequest(ProduceRequest),
    FetchRequest(FetchRequest),
    RequestBeginning(RequestBeginning),
    SaslRequest(SaslRequest),
    SaslResponse(SaslResponse),
    PushTelemetry(PushTelemetry),
    AlterPartitionRequest(AlterPartitionRequest),
    AlterPartitionResponse(AlterPartitionResponse),
    ProduceResponse(ProduceResponse),
    FetchResponse(FetchResponse),
    MetadataResponse(MetadataResponse),
}

impl BodyWalker {
    /// The walker for a request's body, behind correlation id and client id. `mechanism` is the one of SASL that
    /// the connection has named.
    pub(crate) fn of_request(
        request: &Request,
        mechanism: Option<Mechanism>,
        context: &mut BodyContext<'_>,
    ) -> Self {
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
            api::SASL_HANDSHAKE | api::SASL_AUTHENTICATE => {
                SaslRequest::new(request.api_key, version, mechanism)
                    .map_or(BodyWalker::Skip, BodyWalker::SaslRequest)
            }
            api::PUSH_TELEMETRY if version == PushTelemetry::VERSION => {
                BodyWalker::PushTelemetry(PushTelemetry::default())
            }
            api::ALTER_PARTITION if version <= api::NEWEST_ALTER_PARTITION => {
                BodyWalker::AlterPartitionRequest(AlterPartitionRequest::new(version))
            }
            api::ALTER_PARTITION => {
                context
                    .losses
                    .record(&UNKNOWN_VERSION, context.position, || {
                        format!(
                            "AlterPartition version {version}; known up to {}",
                            api::NEWEST_ALTER_PARTITION
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
            api::ALTER_PARTITION if version <= api::NEWEST_ALTER_PARTITION => {
                BodyWalker::AlterPartitionResponse(AlterPartitionResponse::new(version))
            }
            api::SASL_HANDSHAKE | api::SASL_AUTHENTICATE
                if SaslRequest::new(request.api_key, version, None).is_some() =>
            {
                BodyWalker::SaslResponse(SaslResponse::new(request.api_key, version))
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
            BodyWalker::SaslRequest(walker) => {
                let walked = walk_units(bytes, |reader| walker.unit(reader, request, context));
                // A token that cannot be read says nothing.
                let next = match walked.next {
                    Next::More(need) => Next::More(need),
                    _ => Next::Rest,
                };
                Walked { next, ..walked }
            }
            BodyWalker::PushTelemetry(walker) => {
                let walked = walk_units(bytes, |reader| walker.unit(reader, request, context));
                Walked {
                    next: match walked.next {
                        Next::Done => Next::Rest,
                        next => next,
                    },
                    ..walked
                }
            }
            // Behind the code come words, and a token.
            BodyWalker::SaslResponse(walker) => {
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
            BodyWalker::AlterPartitionRequest(walker) => {
                walk_units(bytes, |reader| walker.unit(reader, request, context))
            }
            BodyWalker::AlterPartitionResponse(walker) => {
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
