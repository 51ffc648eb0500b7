//! The clocks of several brokers' hosts.
//!
//! The recordings of one broker are of one host, and are put in order by themselves. What passes between two
//! brokers then ties one host's clock to the other's, and moves all that was recorded there: recordings that
//! nothing ties to others of their host, too. A host that nothing ties to another stays where it is.

use std::collections::{BTreeMap, BTreeSet};

use kcorr_model::ClockConversion;

use super::graph::{Node, Relation, Resolved, resolve};

/// The recordings of a broker, once they are in order.
struct Host<'a> {
    nodes: Vec<&'a Node>,
    resolved: BTreeMap<i64, Resolved>,
}

/// What is to be done to the sources of several hosts.
#[derive(Debug)]
pub(super) struct Hosts {
    /// What is to be done to each source.
    pub(super) resolved: BTreeMap<i64, Resolved>,
    /// Brokers whose host nothing ties to another's, of several.
    pub(super) untied: BTreeSet<Option<i32>>,
}

impl Hosts {
    /// Resolves every source. `broker_of` tells of which broker a source is.
    pub(super) fn resolve(
        nodes: &[Node],
        relations: &[Relation],
        broker_of: impl Fn(i64) -> Option<i32>,
    ) -> Self {
        let brokers: BTreeSet<Option<i32>> = nodes.iter().map(|n| broker_of(n.source_id)).collect();
        if brokers.len() < 2 {
            return Self {
                resolved: resolve(nodes, relations),
                untied: BTreeSet::new(),
            };
        }
        let is_within =
            |relation: &&Relation| broker_of(relation.source_id) == broker_of(relation.other_id);
        let within: Vec<Relation> = relations.iter().filter(is_within).cloned().collect();
        let hosts: Vec<Host<'_>> = brokers
            .iter()
            .map(|broker| {
                let own = nodes.iter().filter(|n| broker_of(n.source_id) == *broker);
                let own: Vec<&Node> = own.collect();
                let of_host: Vec<Node> = own.iter().map(|&node| node.clone()).collect();
                let ids: BTreeSet<i64> = own.iter().map(|node| node.source_id).collect();
                let of_host_relations: Vec<Relation> = within
                    .iter()
                    .filter(|relation| ids.contains(&relation.source_id))
                    .cloned()
                    .collect();
                Host {
                    resolved: resolve(&of_host, &of_host_relations),
                    nodes: own,
                }
            })
            .collect();
        let between: Vec<Between<'_>> = relations
            .iter()
            .filter(|relation| !is_within(relation))
            .filter_map(|relation| Between::of(relation, &hosts))
            .collect();
        let places: Vec<Node> = hosts.iter().enumerate().map(Host::node).collect();
        let ties: Vec<Relation> = between.iter().map(|tie| tie.relation.clone()).collect();
        let moves = resolve(&places, &ties);
        let mut resolved = BTreeMap::new();
        let mut untied = BTreeSet::new();
        for ((place, host), broker) in (0..).zip(&hosts).zip(&brokers) {
            let Some(to) = moves.get(&place) else {
                continue;
            };
            let reference = to
                .reference_id
                .and_then(|place| head(place, &hosts, &between));
            if reference.is_none() {
                untied.insert(*broker);
            }
            let moved = host.resolved.iter().map(|(id, own)| {
                let is_end = between.iter().any(|tie| tie.is_by(*id));
                (*id, own.then(to, reference, is_end))
            });
            resolved.extend(moved);
        }
        Self { resolved, untied }
    }
}

/// A relation of two hosts.
struct Between<'a> {
    /// By the hosts' places.
    relation: Relation,
    /// By which sources.
    by: &'a Relation,
}

impl<'a> Between<'a> {
    /// Whether a source is one of the two.
    fn is_by(&self, source_id: i64) -> bool {
        [self.by.source_id, self.by.other_id].contains(&source_id)
    }

    fn of(by: &'a Relation, hosts: &[Host<'_>]) -> Option<Self> {
        let end = |id: i64| {
            let mut places = (0..).zip(hosts);
            places.find_map(|(place, host)| Some((place, host.resolved.get(&id)?)))
        };
        let ((place, own), (other_place, other)) = (end(by.source_id)?, end(by.other_id)?);
        let uncertainty = |to: &Resolved| to.uncertainty_ns.unwrap_or(0);
        Some(Self {
            relation: Relation {
                source_id: place,
                other_id: other_place,
                conversion: own
                    .conversion
                    .inverse()
                    .then(&by.conversion)
                    .then(&other.conversion),
                uncertainty_ns: by
                    .uncertainty_ns
                    .saturating_add(uncertainty(own))
                    .saturating_add(uncertainty(other)),
            },
            by,
        })
    }
}

impl Host<'_> {
    /// A host as a node: its clock is the one that its reference declares.
    fn node((place, host): (usize, &Self)) -> Node {
        let times = host.nodes.iter().map(|node| node.times);
        let times = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        Node {
            source_id: i64::try_from(place).unwrap_or(i64::MAX),
            declared: Some(ClockConversion::default()),
            is_guess: false,
            rank: 0,
            times: times.unwrap_or_default(),
        }
    }
}

/// The source whose clock a host's is: the reference of one that ties it to another host.
fn head(place: i64, hosts: &[Host<'_>], between: &[Between<'_>]) -> Option<i64> {
    let of_host = between.iter().find_map(|tie| {
        if tie.relation.source_id == place {
            Some(tie.by.source_id)
        } else if tie.relation.other_id == place {
            Some(tie.by.other_id)
        } else {
            None
        }
    })?;
    let host = hosts.get(usize::try_from(place).ok()?)?;
    let reference = host.resolved.get(&of_host)?.reference_id;
    Some(reference.unwrap_or(of_host))
}

impl Resolved {
    /// What is to be done to a source once its host is moved, too; `reference` is the source whose clock all
    /// hosts are put on, if anything ties this one to it; `is_end` of a source that does.
    fn then(&self, host: &Self, reference: Option<i64>, is_end: bool) -> Self {
        let Some(reference) = reference else {
            return self.clone();
        };
        let is_moved = !host.conversion.is_identity();
        // What nothing ties to others of its host goes where they go, and is not checked by that.
        let is_tied = self.reference_id.is_some() || is_end || is_moved;
        let sum = |own: i64| own.saturating_add(host.uncertainty_ns.unwrap_or(0));
        Self {
            conversion: self.conversion.then(&host.conversion),
            is_declared: self.is_declared && !is_moved,
            uncertainty_ns: self.uncertainty_ns.map(sum).or(host.uncertainty_ns),
            reference_id: is_tied.then_some(reference),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn node(source_id: i64, rank: u8) -> Node {
        Node {
            source_id,
            declared: Some(ClockConversion::default()),
            is_guess: false,
            rank,
            times: (0, 60_000 * MS),
        }
    }

    fn relation(source_id: i64, other_id: i64, offset_ns: i64) -> Relation {
        Relation {
            source_id,
            other_id,
            conversion: ClockConversion::fixed(offset_ns),
            uncertainty_ns: 60_000,
        }
    }

    /// Sources 11, 12 and 13 are of broker 1, 31 to 33 of broker 3.
    fn resolved(relations: &[Relation]) -> Hosts {
        let nodes = [11, 12, 13, 31, 32, 33].map(|id| node(id, u8::from(id % 10 != 1)));
        Hosts::resolve(&nodes, relations, |id| i32::try_from(id / 10).ok())
    }

    fn offsets(hosts: &Hosts) -> Vec<i64> {
        let moves = hosts.resolved.values();
        moves.map(|to| to.conversion.offset_ns).collect()
    }

    #[test]
    fn all_recordings_of_a_host_are_moved_with_it_also_those_that_nothing_ties() {
        let hosts = resolved(&[
            relation(12, 11, 0),
            relation(32, 31, 0),
            relation(31, 11, 5 * MS),
        ]);
        assert_eq!(offsets(&hosts), [0, 0, 0, 5 * MS, 5 * MS, 5 * MS]);
        assert_eq!(hosts.resolved[&33].reference_id, Some(11));
        assert!(!hosts.resolved[&33].is_declared);
        assert_eq!(hosts.resolved[&13].reference_id, None);
        assert!(hosts.untied.is_empty());
    }

    #[test]
    fn a_recording_that_is_off_its_own_host_moves_no_other() {
        let relations = [
            relation(12, 11, 0),
            relation(32, 31, 7 * MS),
            relation(33, 32, 0),
            relation(31, 11, -7 * MS),
        ];
        // The capture of broker 3 is ahead of its other recordings, and these are right.
        assert_eq!(offsets(&resolved(&relations)), [0, 0, 0, -7 * MS, 0, 0]);
    }

    #[test]
    fn a_difference_that_is_in_doubt_moves_no_host() {
        let hosts = resolved(&[
            relation(12, 11, 0),
            relation(32, 31, 0),
            relation(31, 11, 40_000),
        ]);
        assert_eq!(offsets(&hosts), [0; 6]);
        assert_eq!(hosts.resolved[&31].reference_id, Some(11));
        assert_eq!(hosts.resolved[&31].uncertainty_ns, Some(60_000));
        assert!(hosts.resolved[&31].is_declared);
    }

    #[test]
    fn a_capture_that_only_another_host_s_ties_is_tied() {
        let hosts = resolved(&[relation(12, 11, 0), relation(31, 11, 0)]);
        assert_eq!(hosts.resolved[&31].reference_id, Some(11));
        assert_eq!(hosts.resolved[&32].reference_id, None);
    }

    #[test]
    fn hosts_that_nothing_ties_are_said_to_be_so_and_stay() {
        let hosts = resolved(&[relation(12, 11, 0), relation(32, 31, 0)]);
        assert_eq!(offsets(&hosts), [0; 6]);
        assert_eq!(hosts.untied, BTreeSet::from([Some(1), Some(3)]));
        assert_eq!(hosts.resolved[&32].reference_id, Some(31));
    }
}
