//! From relations between pairs of sources to one correction for each.
//!
//! The sources that ties connect are put on one source's clock, the *reference*: the one with which the
//! fewest declared clocks are contradicted, and among equals the packet capture before others in wall
//! time. From it, corrections go along the relations, the surest first. A source keeps its declared clock
//! unless the ties move it by more than matters and more than they are in doubt.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use kcorr_model::{ClockConversion, realtime_from_source};

/// Clocks that differ by less are left alone.
const MIN_MOVE_NS: i64 = 50_000;

/// A source and its clock as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) source_id: i64,
    /// From stored times back to what the declared clock says; `None` when nothing was declared.
    pub(super) declared: Option<ClockConversion>,
    /// Whether the declared clock is a guess, such as local time of an unknown zone.
    pub(super) is_guess: bool,
    /// How good a reference it is: the lowest is best.
    pub(super) rank: u8,
    /// First and last of its stored times.
    pub(super) times: (i64, i64),
}

/// What must be done to the stored times of `source_id` to be in the stored time of `other_id`.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) source_id: i64,
    pub(super) other_id: i64,
    pub(super) conversion: ClockConversion,
    pub(super) uncertainty_ns: i64,
}

/// What is to be done to the stored times of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) conversion: ClockConversion,
    /// Whether the declared clock was left, or came back.
    pub(super) is_declared: bool,
    /// In doubt relative to the reference; `None` for the reference and for sources that nothing ties.
    pub(super) uncertainty_ns: Option<i64>,
    /// The reference; `None` when nothing ties the source to another.
    pub(super) reference_id: Option<i64>,
}

/// Resolves every source.
pub(super) fn resolve(nodes: &[Node], relations: &[Relation]) -> BTreeMap<i64, Resolved> {
    let graph = Graph::new(nodes, relations);
    let mut resolved = BTreeMap::new();
    for node in nodes {
        if resolved.contains_key(&node.source_id) {
            continue;
        }
        let members = graph.component(node.source_id);
        let is_alone = members.len() == 1;
        let is_any_declared = members.iter().any(|node| node.declared.is_some());
        let best = members
            .iter()
            .filter(|node| node.declared.is_some() || !is_any_declared)
            .map(|reference| (graph.with_reference(reference, is_alone), reference))
            .min_by_key(|(found, reference)| {
                (
                    contradicted(found, &members),
                    reference.rank,
                    reference.source_id,
                )
            });
        if let Some((found, _)) = best {
            resolved.extend(found);
        }
    }
    resolved
}

/// The sources, and which relations each is an end of. Every source is tried as the reference, so that
/// what is looked up for each step must not go through all of them.
struct Graph<'a> {
    nodes: BTreeMap<i64, &'a Node>,
    relations: &'a [Relation],
    /// Places of a source's relations.
    places: BTreeMap<i64, Vec<usize>>,
}

impl<'a> Graph<'a> {
    fn new(nodes: &'a [Node], relations: &'a [Relation]) -> Self {
        let mut places: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (place, relation) in relations.iter().enumerate() {
            for end in [relation.source_id, relation.other_id] {
                places.entry(end).or_default().push(place);
            }
        }
        Self {
            nodes: nodes.iter().map(|node| (node.source_id, node)).collect(),
            relations,
            places,
        }
    }

    /// The relations of a source: place, relation and the source at the other end.
    fn relations_of(&self, source_id: i64) -> impl Iterator<Item = (usize, &'a Relation, i64)> {
        let places = self.places.get(&source_id).into_iter().flatten();
        places.map(move |&place| {
            let relation = &self.relations[place];
            let is_first = relation.source_id == source_id;
            let other = if is_first {
                relation.other_id
            } else {
                relation.source_id
            };
            (place, relation, other)
        })
    }

    /// The sources that relations connect with one, by number.
    fn component(&self, source_id: i64) -> Vec<&'a Node> {
        let mut found = BTreeSet::from([source_id]);
        let mut open = vec![source_id];
        while let Some(source_id) = open.pop() {
            let others = self.relations_of(source_id).map(|(_, _, other)| other);
            open.extend(others.filter(|&other| found.insert(other)));
        }
        let members = found.iter().filter_map(|id| self.nodes.get(id).copied());
        members.collect()
    }

    /// All that relations connect with a source, on the clock that it was declared to have.
    fn with_reference(&self, reference: &Node, is_alone: bool) -> BTreeMap<i64, Resolved> {
        let mut found: BTreeMap<i64, Resolved> = BTreeMap::new();
        let mut queue = BinaryHeap::new();
        queue.push((Reverse(0), reference.source_id, None::<usize>));
        while let Some((Reverse(uncertainty_ns), source_id, by)) = queue.pop() {
            let Some(node) = self.nodes.get(&source_id) else {
                continue;
            };
            if found.contains_key(&source_id) {
                continue;
            }
            let parent = by.and_then(|by| towards(&self.relations[by], source_id));
            let parent = parent.and_then(|(parent, step)| Some((found.get(&parent)?, step)));
            let resolved = match parent {
                None => Resolved {
                    conversion: node.declared.unwrap_or_default(),
                    is_declared: true,
                    uncertainty_ns: None,
                    reference_id: (!is_alone).then_some(source_id),
                },
                Some((parent, step)) => {
                    let needed = step.then(&parent.conversion);
                    let (conversion, is_declared) = settle(node, needed, uncertainty_ns);
                    Resolved {
                        conversion,
                        is_declared,
                        uncertainty_ns: Some(uncertainty_ns),
                        reference_id: Some(reference.source_id),
                    }
                }
            };
            found.insert(source_id, resolved);
            for (place, relation, next) in self.relations_of(source_id) {
                if !found.contains_key(&next) {
                    let sum = uncertainty_ns.saturating_add(relation.uncertainty_ns);
                    queue.push((Reverse(sum), next, Some(place)));
                }
            }
        }
        found
    }
}

fn contradicted(found: &BTreeMap<i64, Resolved>, members: &[&Node]) -> usize {
    let is_contradicted = |node: &&&Node| {
        let moved = found.get(&node.source_id).is_some_and(|to| !to.is_declared);
        moved && node.declared.is_some() && !node.is_guess
    };
    members.iter().filter(is_contradicted).count()
}

/// The other end of a relation, and what takes stored times of a source to it.
fn towards(relation: &Relation, source_id: i64) -> Option<(i64, ClockConversion)> {
    if relation.source_id == source_id {
        Some((relation.other_id, relation.conversion))
    } else if relation.other_id == source_id {
        Some((relation.source_id, relation.conversion.inverse()))
    } else {
        None
    }
}

/// The declared clock or the stored times if they are near enough, else what the ties need.
fn settle(node: &Node, needed: ClockConversion, uncertainty_ns: i64) -> (ClockConversion, bool) {
    let enough = uncertainty_ns.max(MIN_MOVE_NS);
    let is_near = |conversion: &ClockConversion| {
        let difference = |time: i64| {
            realtime_from_source(time, conversion).abs_diff(realtime_from_source(time, &needed))
        };
        let most = difference(node.times.0).max(difference(node.times.1));
        i64::try_from(most).is_ok_and(|most| most <= enough)
    };
    let unmoved = ClockConversion::default();
    match &node.declared {
        Some(declared) if is_near(declared) => (*declared, true),
        _ if is_near(&unmoved) => (unmoved, false),
        _ => (needed, false),
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
            uncertainty_ns: 80_000,
        }
    }

    fn offsets(resolved: &BTreeMap<i64, Resolved>) -> Vec<i64> {
        resolved
            .values()
            .map(|to| to.conversion.offset_ns)
            .collect()
    }

    #[test]
    fn the_capture_is_the_reference_of_two() {
        let resolved = resolve(&[node(1, 1), node(2, 0)], &[relation(1, 2, -5 * MS)]);
        assert_eq!(offsets(&resolved), [-5 * MS, 0]);
        assert_eq!(resolved[&1].reference_id, Some(2));
    }

    #[test]
    fn a_capture_that_two_others_contradict_is_moved() {
        let nodes = [node(1, 1), node(2, 1), node(3, 0)];
        let relations = [relation(1, 2, 0), relation(2, 3, 7 * MS)];
        let resolved = resolve(&nodes, &relations);
        assert_eq!(offsets(&resolved), [0, 0, -7 * MS]);
        assert!(!resolved[&3].is_declared);
    }

    #[test]
    fn a_correction_goes_on_along_a_chain() {
        let nodes = [node(1, 0), node(2, 1), node(3, 1)];
        let mut unknown = nodes[2].clone();
        unknown.declared = None;
        let nodes = [nodes[0].clone(), nodes[1].clone(), unknown];
        let relations = [relation(2, 1, 9 * MS), relation(3, 2, MS)];
        assert_eq!(offsets(&resolve(&nodes, &relations)), [0, 9 * MS, 10 * MS]);
    }

    #[test]
    fn what_is_in_doubt_or_does_not_matter_moves_nothing() {
        for offset in [40_000, 79_000] {
            let resolved = resolve(&[node(1, 0), node(2, 1)], &[relation(2, 1, offset)]);
            assert_eq!(offsets(&resolved), [0, 0]);
            assert_eq!(resolved[&2].uncertainty_ns, Some(80_000));
        }
    }

    #[test]
    fn a_refined_source_goes_back_when_better_ties_confirm_its_declared_clock() {
        let mut refined = node(2, 1);
        refined.declared = Some(ClockConversion::fixed(-3 * MS));
        let resolved = resolve(&[node(1, 0), refined], &[relation(2, 1, -3 * MS)]);
        assert_eq!(offsets(&resolved), [0, -3 * MS]);
        assert!(resolved[&2].is_declared);
    }

    #[test]
    fn sources_that_nothing_ties_stay_and_have_no_reference() {
        let resolved = resolve(&[node(1, 0), node(2, 1)], &[]);
        assert_eq!(offsets(&resolved), [0, 0]);
        assert!(resolved.values().all(|to| to.reference_id.is_none()));
    }
}
