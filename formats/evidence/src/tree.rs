//! The Merkle tree of a segment's records, and of a sealed run's headers: a complete binary tree, as `merkle-cbt` has it.
//!
//! Leaf i of n is node n-1+i and node j joins nodes 2j+1 and 2j+2. The root alone does not say how many leaves it has (leaf 1
//! of 4 and leaf 2 of 3 are the same node): n stands in the signed header or seal, and a verifier takes it from there.
//! Spec: tree-layout, tree-path.

use std::collections::VecDeque;

use merkle_cbt::merkle_tree::Merge;
use merkle_cbt::{CBMT, MerkleProof};

use crate::digest::{Digest, Purpose, digest_pair, joined};
use crate::fault_codes;
use crate::lanes::digest_blocks;
use crate::limits::SEGMENT_RECORDS_MAX;

/// Most leaves of a tree: the segments of the longest run. Spec: limit-segments.
pub const LEAVES_MAX: u64 = 1 << 32;

/// A tree with all its nodes, to take several paths from.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Numbered as above; the leaves are the last half.
    nodes: Vec<[u8; 32]>,
    root: Digest,
}

impl Tree {
    /// Builds the tree over `leaves`, or none over no leaves.
    ///
    /// When the nodes from `done` on are known, so are the children of the nodes from `done / 2` on: each step takes half of the
    /// nodes left, through the lanes.
    pub fn new(leaves: &[Digest]) -> Option<Self> {
        let mut done = leaves.len().checked_sub(1)?;
        let mut nodes = vec![[0; 32]; done];
        nodes.extend(leaves.iter().map(|leaf| leaf.0));
        while done > 0 {
            let first = done / 2;
            let (open, known) = nodes.split_at_mut(done);
            // The first child, node 2 * first + 1, is `done` or, where `done` is even, the node after it.
            let (_, children) = known.split_at(1 - done % 2);
            let (pairs, _) = children.as_flattened().as_chunks();
            let (_, parents) = open.split_at_mut(first);
            digest_blocks(Purpose::Node, pairs, parents);
            done = first;
        }
        let root = Digest(*nodes.first()?);
        Some(Self { nodes, root })
    }

    /// The root.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// Number of leaves.
    pub fn count(&self) -> usize {
        self.nodes.len().div_ceil(2)
    }

    /// The path from leaf `index` to the root, or none where the tree has no such leaf.
    pub fn path(&self, index: usize) -> Option<InclusionPath> {
        let count = self.count();
        if index >= count {
            return None;
        }
        let siblings = climb(count as u64 + index as u64)
            .map(|node| self.nodes.get((node ^ 1) as usize - 1).copied().map(Digest))
            .collect::<Option<_>>()?;
        Some(InclusionPath { index: index as u64, count: count as u64, siblings })
    }
}

/// The nodes from `node` up to the root's children, numbered from 1, where a node's parent is its half, its sibling differs in the
/// last bit, and an even one stands on the left.
fn climb(node: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(node), |node| Some(node / 2)).take_while(|node| *node > 1)
}

/// The root over `leaves`, or none over no leaves.
///
/// The layout does not let a tree grow by a leaf: each new one moves all others. Where the root is wanted again and again as leaves come,
/// as that of an open segment at each commit, see [`Growing`].
pub fn root(leaves: &[Digest]) -> Option<Digest> {
    Tree::new(leaves).map(|tree| tree.root())
}

/// Heights of the subtrees whose roots [`Growing`] keeps.
const KEPT_HEIGHTS: usize = 4;

/// The leaves of a tree that grows, whose root is asked for as it does: that of [`root`] over all leaves so far.
///
/// A new leaf moves all others, but the root over 2^h leaves in a row is a node of the tree whenever they come to stand under one. Those over the
/// 2^h leaves from each leaf on are kept, for h up to 4: four digests for a new leaf, and one for sixteen leaves when the root is asked
/// for. They are made once it has been asked for often enough to be worth that.
#[derive(Clone, Debug, Default)]
pub struct Growing {
    leaves: Vec<Digest>,
    /// At h - 1, the root over the 2^h leaves from each leaf on, of those that have so many from there.
    kept: [Vec<Digest>; KEPT_HEIGHTS],
    /// Leaves when the root was asked for last.
    asked_at: usize,
}

impl Growing {
    /// Number of leaves.
    pub fn count(&self) -> usize {
        self.leaves.len()
    }

    /// Where the next leaves are to be appended.
    pub fn leaves_mut(&mut self) -> &mut Vec<Digest> {
        &mut self.leaves
    }

    /// The root over the leaves so far, or none over no leaves.
    pub fn root(&mut self) -> Option<Digest> {
        let (count, new) = (self.count(), self.count() - self.asked_at);
        self.asked_at = count;
        if new * KEPT_HEIGHTS >= count {
            return root(&self.leaves);
        }
        self.keep();
        // The nodes from here to twice as far are the leaves of a tree of the same layout and root.
        let first = count.div_ceil(1 << KEPT_HEIGHTS);
        let nodes: Vec<Digest> = (first..2 * first).map(|node| self.node(node)).collect();
        root(&nodes)
    }

    /// Makes the roots that are kept of the leaves that came since.
    fn keep(&mut self) {
        let mut below = &self.leaves;
        let mut blocks = Vec::new();
        for (lower, kept) in self.kept.iter_mut().enumerate() {
            let pairs = below.iter().zip(below.iter().skip(1 << lower)).skip(kept.len());
            blocks.clear();
            blocks.extend(pairs.map(|(left, right)| joined(left, right)));
            let mut made = vec![[0; 32]; blocks.len()];
            digest_blocks(Purpose::Node, &blocks, &mut made);
            kept.extend(made.into_iter().map(Digest));
            below = kept;
        }
    }

    /// A node, counted from 1 at the root as [`climb`] counts: kept, or made of its children where it has leaves of two depths under it.
    fn node(&self, node: usize) -> Digest {
        let count = self.count();
        let height = (0_usize..).find(|height| node << height >= count).unwrap_or(0);
        let from = (node << height) - count;
        let kept = match height.checked_sub(1) {
            None => self.leaves.get(from),
            Some(lower) => self.kept.get(lower).and_then(|kept| kept.get(from)),
        };
        kept.copied()
            .unwrap_or_else(|| digest_pair(Purpose::Node, &self.node(2 * node), &self.node(2 * node + 1)))
    }
}

/// The root over `leaves` as the crate `merkle-cbt` computes it, one node after the other: the oracle of [`root`].
pub fn reference_root(leaves: &[Digest]) -> Option<Digest> {
    (!leaves.is_empty()).then(|| CBMT::<Digest, Nodes>::build_merkle_root(leaves))
}

/// How two children make a node.
struct Nodes;

impl Merge for Nodes {
    type Item = Digest;

    fn merge(left: &Digest, right: &Digest) -> Digest {
        digest_pair(Purpose::Node, left, right)
    }
}

/// Why a path or a selection cannot belong to any tree of its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// More leaves than a tree may have.
    #[error("{count} leaves are above the limit of {limit}")]
    Count {
        /// Leaves stated.
        count: u64,
        /// Most leaves allowed.
        limit: u64,
    },
    /// A leaf that the tree does not have.
    #[error("leaf {index} is beyond the tree's {count} leaves")]
    Index {
        /// The leaf asked for, from 0.
        index: u64,
        /// Leaves of the tree.
        count: u64,
    },
    /// Another number of siblings than leads from the leaves to the root.
    #[error("expected {expected} sibling digests, found {found}")]
    Siblings {
        /// Siblings that follow from index and count.
        expected: u64,
        /// Siblings found.
        found: u64,
    },
    /// Selected leaves that do not ascend, a leaf twice among them.
    #[error("selected leaf {index} does not follow the one before it")]
    Order {
        /// The leaf that stands too late or twice.
        index: u64,
    },
    /// Nothing selected, or another number of leaf digests than selected.
    #[error("{leaves} leaf digests stand for {selected} selected leaves")]
    Leaves {
        /// Leaves that the selection names.
        selected: u64,
        /// Leaf digests given.
        leaves: u64,
    },
}

fault_codes! { PathFault {
    Self::Count { .. } => "T-COUNT" "more leaves than a tree may have",
    Self::Index { .. } => "T-INDEX" "a leaf that the tree does not have",
    Self::Siblings { .. } => "T-SIBLINGS" "another number of sibling digests than leads to the root",
    Self::Order { .. } => "T-ORDER" "selected leaves do not ascend, or one stands twice",
    Self::Leaves { .. } => "T-LEAVES" "nothing selected, or another number of leaf digests than selected",
} }

/// What leads from one leaf to the root. Untrusted: only the root that follows from it says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionPath {
    /// The leaf's index, from 0.
    pub index: u64,
    /// Leaves of the tree, taken from what signs its root.
    pub count: u64,
    /// The sibling of the leaf, then of each node above it.
    pub siblings: Vec<Digest>,
}

impl InclusionPath {
    /// The root of the tree that has `leaf` at this index. Equal to the signed root, it proves the leaf. Spec: tree-path.
    ///
    /// # Errors
    /// No tree has such a path: the index is not below the count, or the number of siblings is not floor(log2(count + index)).
    pub fn root(&self, leaf: Digest) -> Result<Digest, PathFault> {
        let Self { index, count, siblings } = self;
        let node = leaf_node(*index, *count, LEAVES_MAX)?;
        let (expected, found) = (u64::from(node.ilog2()), siblings.len() as u64);
        if found != expected {
            return Err(PathFault::Siblings { expected, found });
        }
        Ok(climb(node).zip(siblings).fold(leaf, |below, (node, sibling)| {
            if node % 2 == 0 { Nodes::merge(&below, sibling) } else { Nodes::merge(sibling, &below) }
        }))
    }
}

/// The number, from 1, of the node that leaf `index` of `count` is.
fn leaf_node(index: u64, count: u64, limit: u64) -> Result<u64, PathFault> {
    if count > limit {
        return Err(PathFault::Count { count, limit });
    }
    if index >= count {
        return Err(PathFault::Index { index, count });
    }
    Ok(count + index)
}

/// What leads from several leaves of one segment to its root: a combined proof of `merkle-cbt`, smaller than their paths.
/// Untrusted, like [`InclusionPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The leaves' indices from 0, ascending.
    pub indices: Vec<u32>,
    /// Leaves of the tree, taken from what signs its root.
    pub count: u32,
    /// The nodes that do not follow from the leaves, those with the highest number first. Spec: selection-lemmas.
    pub lemmas: Vec<Digest>,
}

impl Selection {
    /// Selects the leaves with these indices.
    ///
    /// # Errors
    /// The indices are none, do not ascend, or are beyond the leaves; or the leaves are more than a segment's.
    pub fn new(leaves: &[Digest], indices: &[u32]) -> Result<Self, PathFault> {
        let count = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
        let selected = indices.len() as u64;
        lemmas_needed(indices, count)?;
        let proof = CBMT::<Digest, Nodes>::build_merkle_proof(leaves, indices)
            .ok_or(PathFault::Leaves { selected, leaves: u64::from(count) })?;
        Ok(Self { indices: indices.to_vec(), count, lemmas: proof.lemmas().to_vec() })
    }

    /// The root of the tree that has these leaves, in the order of the indices.
    ///
    /// # Errors
    /// No tree has such a selection.
    pub fn root(&self, leaves: &[Digest]) -> Result<Digest, PathFault> {
        let unequal = PathFault::Leaves { selected: self.indices.len() as u64, leaves: leaves.len() as u64 };
        // With a leaf selected twice, or a lemma too few, `MerkleProof` drops a leaf and still reaches the root.
        let (expected, found) = (lemmas_needed(&self.indices, self.count)?, self.lemmas.len() as u64);
        if found != expected {
            return Err(PathFault::Siblings { expected, found });
        }
        if leaves.len() != self.indices.len() {
            return Err(unequal);
        }
        // `MerkleProof` sorts the leaves by value and wants their nodes, numbered from 0, in that order.
        let mut by_leaf: Vec<_> =
            leaves.iter().zip(self.indices.iter().map(|i| self.count - 1 + i)).collect();
        by_leaf.sort();
        let nodes = by_leaf.into_iter().map(|(_, node)| node).collect();
        MerkleProof::<Digest, Nodes>::new(nodes, self.lemmas.clone()).root(leaves).ok_or(unequal)
    }
}

/// Number of nodes that must be given beside the selected leaves to reach the root.
fn lemmas_needed(indices: &[u32], count: u32) -> Result<u64, PathFault> {
    let mut nodes = VecDeque::new();
    for index in indices {
        let node = leaf_node(u64::from(*index), u64::from(count), SEGMENT_RECORDS_MAX as u64)?;
        if nodes.front().is_some_and(|last| node <= *last) {
            return Err(PathFault::Order { index: u64::from(*index) });
        }
        nodes.push_front(node);
    }
    if nodes.is_empty() {
        return Err(PathFault::Leaves { selected: 0, leaves: u64::from(count) });
    }
    let mut needed = 0;
    while let Some(node) = nodes.pop_front().filter(|node| *node > 1) {
        match nodes.front() {
            Some(sibling) if *sibling == node ^ 1 => drop(nodes.pop_front()),
            Some(_) | None => needed += 1,
        }
        nodes.push_back(node / 2);
    }
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest::digest;

    fn leaves(count: usize) -> Vec<Digest> {
        (0..count as u64).map(|i| digest(Purpose::Leaf, &i.to_be_bytes())).collect()
    }

    fn proof_and_root(count: usize, index: usize) -> (InclusionPath, Digest) {
        let tree = Tree::new(&leaves(count)).unwrap();
        (tree.path(index).unwrap(), tree.root())
    }

    #[test]
    fn the_root_is_that_of_merkle_cbt_for_every_small_count_and_at_the_limit() {
        for count in (0..300).chain([511, 512, 513, 1023, 1024, 1025, 4095, 4096]) {
            let leaves = leaves(count);
            assert_eq!(root(&leaves), reference_root(&leaves), "{count} leaves");
        }
        assert_eq!(root(&[]), None);
        assert_eq!(root(&leaves(1)), Some(leaves(1)[0]));
    }

    #[test]
    fn a_growing_tree_has_the_root_of_its_leaves_however_many_come_between_two_questions() {
        for step in [1, 2, 3, 7, 16, 31, 100] {
            let (all, mut growing) = (leaves(700), Growing::default());
            assert_eq!((growing.count(), growing.root()), (0, None));
            let mut count = 0;
            for few in all.chunks(step) {
                growing.leaves_mut().extend_from_slice(few);
                count += few.len();
                assert_eq!(growing.count(), count);
                assert_eq!(growing.root(), root(&all[..count]), "{step}: {count}");
            }
        }
    }

    /// Before, to make the tree anew costs less.
    #[test]
    fn a_growing_tree_keeps_digests_from_when_less_than_a_quarter_of_its_leaves_is_new() {
        for step in [1, 2, 3, 7, 16, 31, 100] {
            let mut growing = Growing::default();
            for count in (step..=700).step_by(step) {
                growing.leaves_mut().extend(leaves(step));
                assert!(growing.root().is_some());
                let is_kept = growing.kept.iter().any(|kept| !kept.is_empty());
                assert_eq!(is_kept, 4 * step < count, "{step} of {count}");
            }
        }
    }

    #[test]
    fn a_growing_tree_keeps_nothing_where_its_root_is_asked_for_once() {
        let mut growing = Growing::default();
        growing.leaves_mut().extend(leaves(4_096));
        assert_eq!(growing.root(), reference_root(&leaves(4_096)));
        assert!(growing.kept.iter().all(Vec::is_empty));
    }

    #[test]
    fn every_leaf_has_a_path_that_leads_to_the_root() {
        for count in 1..70 {
            let leaves = leaves(count);
            let tree = Tree::new(&leaves).unwrap();
            assert_eq!(tree.count(), count);
            for (index, leaf) in leaves.iter().enumerate() {
                assert_eq!(tree.path(index).unwrap().root(*leaf), Ok(tree.root()), "leaf {index} of {count}");
            }
            assert_eq!(tree.path(count), None);
        }
    }

    #[test]
    fn a_path_of_the_wrong_length_or_place_is_a_fault_and_not_a_root() {
        let leaf = leaves(6)[4];
        let (path, _) = proof_and_root(6, 4);
        let with = |change: fn(&mut InclusionPath)| {
            let mut changed = path.clone();
            change(&mut changed);
            changed.root(leaf)
        };
        assert_eq!(with(|p| p.siblings.truncate(2)), Err(PathFault::Siblings { expected: 3, found: 2 }));
        assert_eq!(
            with(|p| p.siblings.push(Digest::ZERO)),
            Err(PathFault::Siblings { expected: 3, found: 4 })
        );
        assert_eq!(with(|p| p.index = 1), Err(PathFault::Siblings { expected: 2, found: 3 }));
        assert_eq!(with(|p| p.index = 6), Err(PathFault::Index { index: 6, count: 6 }));
        assert_eq!(with(|p| p.count = 0), Err(PathFault::Index { index: 4, count: 0 }));
        let (count, limit) = (LEAVES_MAX + 1, LEAVES_MAX);
        assert_eq!(with(|p| p.count = LEAVES_MAX + 1), Err(PathFault::Count { count, limit }));
        assert_eq!(
            with(|p| (p.index, p.count) = (LEAVES_MAX - 1, LEAVES_MAX)),
            Err(PathFault::Siblings { expected: 32, found: 3 })
        );
    }

    #[test]
    fn the_count_is_not_in_the_root_and_must_come_from_what_signs_it() {
        let (path, root) = proof_and_root(4, 1);
        let same_node = InclusionPath { index: 2, count: 3, ..path };
        assert_eq!(same_node.root(leaves(4)[1]), Ok(root));
    }

    #[test]
    fn a_leaf_smuggled_in_beside_the_true_one_is_refused() {
        let leaves = leaves(4);
        let forged = Digest::ZERO;
        let mut by_value: Vec<_> = leaves.iter().copied().zip(3..).chain([(forged, 6)]).collect();
        by_value.sort();
        let (claimed, nodes): (Vec<_>, Vec<_>) = by_value.into_iter().unzip();
        // It finds no lemma for the forged leaf and drops it, so the rest still reaches the root.
        assert!(MerkleProof::<Digest, Nodes>::new(nodes, vec![]).verify(&root(&leaves).unwrap(), &claimed));

        let selection = Selection { indices: vec![0, 1, 2, 3, 3], count: 4, lemmas: vec![] };
        let claimed = [leaves[0], leaves[1], leaves[2], leaves[3], forged];
        assert_eq!(selection.root(&claimed), Err(PathFault::Order { index: 3 }));
    }

    #[test]
    fn a_selection_that_no_tree_has_is_a_fault() {
        let leaves = leaves(9);
        let good = Selection::new(&leaves, &[2, 7]).unwrap();
        let chosen = [leaves[2], leaves[7]];
        assert_eq!(good.root(&chosen), Ok(root(&leaves).unwrap()));
        let expected = good.lemmas.len() as u64;
        let missing = Selection { lemmas: good.lemmas[1..].to_vec(), ..good.clone() };
        assert_eq!(missing.root(&chosen), Err(PathFault::Siblings { expected, found: expected - 1 }));
        let beyond = Selection { indices: vec![2, u32::MAX], ..good.clone() };
        assert_eq!(beyond.root(&chosen), Err(PathFault::Index { index: u64::from(u32::MAX), count: 9 }));
        let (count, limit) = (u64::from(u32::MAX), 4096);
        assert_eq!(
            Selection { count: u32::MAX, ..good.clone() }.root(&chosen),
            Err(PathFault::Count { count, limit })
        );
        assert_eq!(good.root(&chosen[..1]), Err(PathFault::Leaves { selected: 2, leaves: 1 }));
        let none = Selection { indices: vec![], ..good };
        assert_eq!(none.root(&[]), Err(PathFault::Leaves { selected: 0, leaves: 9 }));
        assert_eq!(Selection::new(&leaves, &[7, 2]), Err(PathFault::Order { index: 2 }));
        assert_eq!(Selection::new(&leaves, &[9]), Err(PathFault::Index { index: 9, count: 9 }));
    }

    fn count_and_index() -> impl Strategy<Value = (usize, usize)> {
        (1_usize..600).prop_flat_map(|count| (Just(count), 0..count))
    }

    proptest! {
        #[test]
        fn a_path_leads_to_the_root_from_its_own_leaf_alone(
            (count, index) in count_and_index(), other: prop::sample::Index, bit in 0_usize..256, byte in 1_u8..,
        ) {
            let leaves = leaves(count);
            let (path, root) = proof_and_root(count, index);
            let other = other.index(count);
            prop_assert_eq!(path.root(leaves[other]) == Ok(root), other == index);
            let moved = InclusionPath { index: other as u64, ..path.clone() };
            prop_assert_eq!(moved.root(leaves[index]) == Ok(root), other == index);
            if let Some(place) = (bit % 32).checked_rem(path.siblings.len()) {
                let mut bent = path;
                bent.siblings[place].0[bit / 8] ^= byte;
                prop_assert_ne!(bent.root(leaves[index]), Ok(root));
            }
        }

        #[test]
        fn a_path_equals_the_proof_of_merkle_cbt((count, index) in count_and_index()) {
            let (path, _) = proof_and_root(count, index);
            let theirs = CBMT::<Digest, Nodes>::build_merkle_proof(&leaves(count), &[index as u32]).unwrap();
            prop_assert_eq!(theirs.lemmas(), path.siblings);
        }

        #[test]
        fn a_hostile_path_never_panics(index: u64, count: u64, siblings in 0_usize..40) {
            let _ = InclusionPath { index, count, siblings: vec![Digest::ZERO; siblings] }.root(Digest::ZERO);
        }

        #[test]
        fn a_selection_leads_to_the_root_from_its_own_leaves_alone(
            (count, indices) in (1_u32..300).prop_flat_map(|count| {
                let all: Vec<u32> = (0..count).collect();
                (Just(count as usize), prop::sample::subsequence(all, 1..=count as usize))
            }),
            place: prop::sample::Index,
        ) {
            let leaves = leaves(count);
            let selection = Selection::new(&leaves, &indices).unwrap();
            let mut chosen: Vec<Digest> = indices.iter().map(|i| leaves[*i as usize]).collect();
            let root = root(&leaves).unwrap();
            prop_assert_eq!(selection.root(&chosen), Ok(root));
            let place = place.index(chosen.len());
            chosen[place].0[0] ^= 1;
            prop_assert_ne!(selection.root(&chosen), Ok(root));
        }

        #[test]
        fn a_hostile_selection_never_panics(
            indices in prop::collection::vec(0_u32..20, 0..12), count in 0_u32..20, lemmas in 0_usize..12, given in 0_usize..12,
        ) {
            let selection = Selection { indices, count, lemmas: vec![Digest::ZERO; lemmas] };
            let _ = selection.root(&leaves(given));
        }
    }
}
