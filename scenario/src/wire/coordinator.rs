//! Requests and responses of groups and transactions.
//!
//! Source: the message definitions of Kafka 4.1 (`OffsetCommitRequest.json` and so on).

use super::bytes::Out;
use crate::history::Kind;

/// The versions that are spoken; all of them are flexible.
pub(crate) fn version(kind: Kind) -> i16 {
    match kind {
        Kind::OffsetCommit => 8,
        Kind::JoinGroup => 9,
        Kind::SyncGroup => 5,
        Kind::InitProducerId => 4,
        _ => 3,
    }
}

/// Topics with one, of one partition.
fn topic(out: Out, name: &str, partition: impl FnOnce(Out) -> Out) -> Out {
    let out = out.count(true, 1).string(true, name).count(true, 1);
    partition(out).tags(true)
}

/// The body of an OffsetCommit request.
pub(crate) fn offset_commit(group: &str, member: &str, of: &str, offset: i64) -> Out {
    let out = Out::default().string(true, group).i32(1);
    let out = out.string(true, member).null(true);
    topic(out, of, |out| committed(out, offset)).tags(true)
}

/// The body of a TxnOffsetCommit request.
pub(crate) fn txn_offset_commit(id: &str, group: &str, of: &str, offset: i64) -> Out {
    let out = Out::default().string(true, id).string(true, group);
    let out = out.i64(1_000).i16(0).i32(1).string(true, "").null(true);
    topic(out, of, |out| committed(out, offset)).tags(true)
}

fn committed(out: Out, offset: i64) -> Out {
    out.i32(0).i64(offset).i32(-1).string(true, "").tags(true)
}

/// The body of a JoinGroup request; the coordinator waits so long for the other members at most.
pub(crate) fn join_group(group: &str, member: &str, rebalance_timeout_ms: i32) -> Out {
    let out = Out::default().string(true, group).i32(45_000);
    let out = out
        .i32(rebalance_timeout_ms)
        .string(true, member)
        .null(true);
    let out = out.string(true, "consumer").count(true, 1);
    let out = out.string(true, "range").bytes(true, &[0; 24]).tags(true);
    out.null(true).tags(true)
}

/// The body of a SyncGroup request; the first member tells what each of so many has got.
pub(crate) fn sync_group(group: &str, member: &str, told: usize) -> Out {
    let out = Out::default().string(true, group).i32(1);
    let out = out.string(true, member).null(true);
    let mut out = out
        .string(true, "consumer")
        .string(true, "range")
        .count(true, told);
    for number in 0..told {
        let of = format!("member-{number}");
        out = out.string(true, &of).bytes(true, &[0; 32]).tags(true);
    }
    out.tags(true)
}

/// The body of an InitProducerId request.
pub(crate) fn init_producer_id(id: &str) -> Out {
    let out = Out::default().string(true, id).i32(60_000);
    out.i64(-1).i16(-1).tags(true)
}

/// The body of an AddPartitionsToTxn request.
pub(crate) fn add_partitions(id: &str, of: &str) -> Out {
    let out = Out::default().string(true, id).i64(1_000).i16(0);
    topic(out, of, |out| out.i32(0)).tags(true)
}

/// The body of an EndTxn request.
pub(crate) fn end_txn(id: &str) -> Out {
    let out = Out::default().string(true, id).i64(1_000).i16(0);
    out.i8(1).tags(true)
}

/// The body of the response.
pub(crate) fn response(kind: Kind, of: &str) -> Out {
    let out = Out::default().i32(0);
    match kind {
        Kind::OffsetCommit | Kind::TxnOffsetCommit | Kind::AddPartitionsToTxn => {
            topic(out, of, |out| out.i32(0).i16(0).tags(true)).tags(true)
        }
        Kind::JoinGroup => {
            let out = out
                .i16(0)
                .i32(1)
                .string(true, "consumer")
                .string(true, "range");
            let out = out.string(true, "member-0").i8(0).string(true, "member");
            out.count(true, 0).tags(true)
        }
        Kind::SyncGroup => {
            let out = out.i16(0).string(true, "consumer").string(true, "range");
            out.bytes(true, &[0; 32]).tags(true)
        }
        Kind::InitProducerId => out.i16(0).i64(1_000).i16(0).tags(true),
        _ => out.i16(0).tags(true),
    }
}
