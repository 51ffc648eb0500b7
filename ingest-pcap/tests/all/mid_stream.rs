//! Connections that are captured from their middle, with holes, or in one direction only: whatever their
//! client id, the size of their requests, and where those begin in segments.

use std::collections::BTreeMap;

use crate::support::capture::{ACK, BROKER, CLIENT, Capture, Link, Packet, Tcp};
use crate::support::kafka::{Topic, batch, produce, produced, request_of, response};
use crate::support::{Decoded, cases, decode};
use proptest::prelude::*;

/// What a connection is like.
#[derive(Debug, Clone)]
struct Style {
    client: Option<String>,
    /// Bytes of a request's records, taken in turn.
    sizes: Vec<usize>,
    segment: usize,
    /// Requests sent before the answer to the first of them.
    in_flight: usize,
    version: i16,
    first_id: i32,
    /// Whether segments begin with a request.
    aligned: bool,
}

fn styles() -> impl Strategy<Value = Style> {
    (
        prop_oneof![
            Just(None),
            Just(Some(String::new())),
            Just(Some("a".to_owned())),
            Just(Some("checkout".to_owned()))
        ],
        prop::collection::vec(
            prop_oneof![40..400_usize, 1000..9000_usize, 20_000..60_000_usize],
            1..4,
        ),
        prop_oneof![Just(536_usize), Just(1448), Just(8948), Just(32_768)],
        1..5_usize,
        3..13_i16,
        prop_oneof![Just(1), Just(300), Just(70_000)],
        any::<bool>(),
    )
        .prop_map(
            |(client, sizes, segment, in_flight, version, first_id, aligned)| Style {
                client,
                sizes,
                segment,
                in_flight,
                version,
                first_id,
                aligned,
            },
        )
}

/// A connection's packets, and which of them each request (by correlation id) and its answer are in.
struct Traffic {
    capture: Capture,
    requests: BTreeMap<i32, Vec<usize>>,
    answers: BTreeMap<i32, Vec<usize>>,
}

const REQUESTS: i32 = 14;

fn traffic(style: &Style) -> Traffic {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    let mut requests: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    let mut answers: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    capture.open(&mut tcp);
    // What is still to be sent, and where in it requests end.
    let mut buffer: Vec<u8> = Vec::new();
    let mut bounds: Vec<(i32, usize)> = Vec::new();
    let mut waiting = Vec::new();
    let topic = Topic::Name("orders");
    for index in 0..REQUESTS {
        let id = style.first_id + index;
        let size = style.sizes[index as usize % style.sizes.len()];
        let label = format!("m-{id}");
        let records = batch(0, -1, &[&label], size);
        let body = produce(style.version, -1, &[(topic, &[(0, records)])]);
        buffer.extend(request_of(
            0,
            style.version,
            id,
            style.client.as_deref(),
            &body,
        ));
        bounds.push((id, buffer.len()));
        let is_last = index == REQUESTS - 1;
        // A part of the last request stays behind, to be sent with the next.
        while !buffer.is_empty() && (buffer.len() >= style.segment || is_last || style.aligned) {
            let part: Vec<u8> = buffer.drain(..style.segment.min(buffer.len())).collect();
            for (id, end) in &mut bounds {
                requests.entry(*id).or_default().push(capture.packets.len());
                if *end <= part.len() {
                    waiting.push(*id);
                    *end = 0;
                    continue;
                }
                *end -= part.len();
                break;
            }
            bounds.retain(|(_, end)| *end > 0);
            capture.segment(&mut tcp, CLIENT, ACK, &part);
            capture.segment(&mut tcp, BROKER, ACK, &[]);
            while waiting.len() >= style.in_flight || (is_last && buffer.is_empty()) {
                if waiting.is_empty() {
                    break;
                }
                let id = waiting.remove(0);
                let answer = produced(style.version, &[(topic, &[(0, 0, i64::from(id))])]);
                let answer = response(id, style.version >= 9, &answer);
                answers.entry(id).or_default().push(capture.packets.len());
                capture.segment(&mut tcp, BROKER, ACK, &answer);
                capture.segment(&mut tcp, CLIENT, ACK, &[]);
            }
        }
    }
    Traffic {
        capture,
        requests,
        answers,
    }
}

fn kept(traffic: &Traffic, keep: impl Fn(usize, &Packet) -> bool) -> Decoded {
    let mut capture = traffic.capture.clone();
    let mut index = 0;
    capture.packets.retain(|packet| {
        index += 1;
        keep(index - 1, packet)
    });
    decode(&capture.pcap(Link::Ethernet))
}

const COLUMNS: &[&str] = &[
    "correlation_id",
    "api",
    "client_id",
    "arrival_time",
    "read_time",
    "end_time",
];

fn from_client(packet: &Packet) -> bool {
    u16::from_be_bytes([packet.ip[22], packet.ip[23]]) == 9092
}

/// Rows by correlation id; no request may have two.
fn by_id(decoded: &Decoded) -> Result<BTreeMap<i32, String>, TestCaseError> {
    let mut rows = BTreeMap::new();
    for row in decoded.rows("requests", COLUMNS) {
        let id = row.split(' ').next().unwrap().parse().unwrap();
        prop_assert!(rows.insert(id, row.clone()).is_none(), "{row} twice");
    }
    Ok(rows)
}

/// Of those requests that are whole behind `from` all are found as without damage, but for the first
/// `tolerated`, and no row is one that the undamaged capture does not have.
fn assert_found(
    traffic: &Traffic,
    found: &BTreeMap<i32, String>,
    whole: &BTreeMap<i32, String>,
    is_whole: impl Fn(usize) -> bool,
    tolerated: usize,
    losses: &Decoded,
) -> Result<(), TestCaseError> {
    for id in found.keys() {
        prop_assert!(whole.contains_key(id), "no request has id {id}");
    }
    let expected: Vec<i32> = traffic
        .requests
        .keys()
        .copied()
        .filter(|id| {
            let packets = [&traffic.requests[id], &traffic.answers[id]];
            packets
                .into_iter()
                .flatten()
                .all(|&packet| is_whole(packet))
        })
        .collect();
    let missing: Vec<i32> = expected
        .iter()
        .copied()
        .filter(|id| found.get(id) != whole.get(id))
        .collect();
    prop_assert!(
        missing.len() <= tolerated && missing.iter().eq(expected.iter().take(missing.len())),
        "missing {missing:?} of {expected:?}; {:?}\nfound {:?}\nlosses {:?}",
        missing
            .iter()
            .map(|id| (found.get(id), whole.get(id)))
            .collect::<Vec<_>>(),
        found.keys(),
        losses.summary.losses
    );
    Ok(())
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_capture_begun_anywhere_finds_the_requests_that_follow(
        style in styles(),
        at in 0.0..0.7_f64,
    ) {
        let traffic = traffic(&style);
        let whole = by_id(&kept(&traffic, |_, _| true))?;
        let first = (traffic.capture.packets.len() as f64 * at) as usize;
        let cut = kept(&traffic, |index, _| index >= first);
        let found = by_id(&cut)?;
        assert_found(&traffic, &found, &whole, |packet| packet >= first, 1, &cut)?;
    }

    #[test]
    fn requests_alone_are_found_by_each_other(style in styles(), at in 0.0..0.6_f64) {
        let traffic = traffic(&style);
        let first = (traffic.capture.packets.len() as f64 * at) as usize;
        let cut = kept(&traffic, |index, packet| index >= first && from_client(packet));
        let found: Vec<i32> = by_id(&cut)?.into_keys().collect();
        let expected: Vec<i32> = traffic
            .requests
            .iter()
            .filter(|(_, packets)| packets.iter().all(|&packet| packet >= first))
            .map(|(&id, _)| id)
            .collect();
        let skipped = expected.len().saturating_sub(found.len());
        prop_assert!(skipped <= 1, "{found:?} of {expected:?}: {:?}", cut.summary.losses);
        prop_assert_eq!(&found[..], &expected[skipped..]);
    }

    #[test]
    fn behind_a_hole_of_any_size_requests_are_found_again(
        style in styles(),
        at in 0.0..0.5_f64,
        size in 0.0..0.4_f64,
    ) {
        let traffic = traffic(&style);
        let count = traffic.capture.packets.len() as f64;
        let whole = by_id(&kept(&traffic, |_, _| true))?;
        let (from, to) = (3 + (count * at) as usize, 3 + (count * (at + size)) as usize);
        let cut = kept(&traffic, |index, _| !(from..to).contains(&index));
        let found = by_id(&cut)?;
        let rest = |packet: usize| packet >= to;
        assert_found(&traffic, &found, &whole, rest, 1, &cut)?;
        // And those before it.
        let before = |packet: usize| packet < from;
        assert_found(&traffic, &found, &whole, before, 0, &cut)?;
    }

    #[test]
    fn both_directions_may_begin_at_different_places(
        style in styles(),
        at in 0.0..0.5_f64,
        later in 0.0..0.3_f64,
        which in any::<bool>(),
    ) {
        let traffic = traffic(&style);
        let count = traffic.capture.packets.len() as f64;
        let whole = by_id(&kept(&traffic, |_, _| true))?;
        let (first, second) = ((count * at) as usize, (count * (at + later)) as usize);
        let cut = kept(&traffic, |index, packet| {
            index >= if from_client(packet) == which { first } else { second }
        });
        let found = by_id(&cut)?;
        assert_found(&traffic, &found, &whole, |packet| packet >= second, 1, &cut)?;
    }
}
