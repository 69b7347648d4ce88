//! The state tree: a compact sparse Merkle tree over the digests of the state's entries.
//!
//! An entry's place is its key digest, read as 256 bits from the most significant bit of byte 0; bit 0 sends it left, bit 1
//! right. The digest of a subtree is
//!
//! - 32 zero bytes where it is empty;
//! - `state leaf` over key digest ‖ value digest where it holds one entry, at whatever depth that is;
//! - `state node` over left ‖ right otherwise. Two entries that share a prefix have a node at every level down to the one that parts
//!   them, and above that level the other child is empty: 32 zero bytes.
//!
//! The root follows from the set of entries alone, whatever order they came in. Spec: state-tree.

use crate::digest::{Digest, Purpose, digest_pair, joined};
use crate::fault_codes;
use crate::lanes::digest_blocks;

/// Bits of a key digest, and so most siblings of a proof.
pub const DEPTH_MAX: usize = 256;

/// An entry as the tree holds it. Ordered by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// `state key` digest of the entry's key.
    pub key: Digest,
    /// `state value` digest of the entry's value.
    pub value: Digest,
}

impl Entry {
    fn digest(&self) -> Digest {
        digest_pair(Purpose::StateLeaf, &self.key, &self.value)
    }
}

/// Entries whose keys do not ascend, or one key twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of state entry {at} does not follow the one before it")]
pub struct NotAscending {
    /// Index of the entry that stands too late or twice.
    pub at: usize,
}

/// Entries in ascending order of their keys, each key once: what a tree can be built over.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a>(&'a [Entry]);

impl<'a> Entries<'a> {
    /// Checks the order of `entries`.
    ///
    /// # Errors
    /// Where the order breaks.
    pub fn new(entries: &'a [Entry]) -> Result<Self, NotAscending> {
        let broken = entries.windows(2).position(|pair| !pair.is_sorted_by(|a, b| a.key < b.key));
        broken.map_or(Ok(Self(entries)), |before| Err(NotAscending { at: before + 1 }))
    }

    /// The root over these entries; [`Digest::ZERO`] where there are none.
    ///
    /// Costs a leaf and about 1.5 nodes an entry, through the lanes: 50 ns where they are 16 wide. A root is due only after frames
    /// of four times the state's bytes, so building it anew costs a record less than its own leaf does.
    pub fn root(&self) -> Digest {
        subtree(self.0, 0)
    }

    /// Proves that the entry with this key is there, with its value, or that there is none.
    pub fn prove(&self, key: &Digest) -> StateProof {
        let (mut entries, mut siblings) = (self.0, Vec::new());
        while entries.len() > 1 {
            let depth = siblings.len();
            let (left, right) = entries.split_at(fork(entries, depth));
            let (on_path, beside) = if bit(key, depth) { (right, left) } else { (left, right) };
            siblings.push(subtree(beside, depth + 1));
            entries = on_path;
        }
        siblings.reverse();
        let end = match entries.first() {
            None => ProofEnd::Empty,
            Some(entry) if entry.key == *key => ProofEnd::Present { value: entry.value },
            Some(entry) => ProofEnd::Other(*entry),
        };
        StateProof { siblings, end }
    }
}

/// Bit `depth` of a key: the side it goes to below that depth. False beyond the last.
fn bit(key: &Digest, depth: usize) -> bool {
    key.0.get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}

/// Number of leading bits that two keys share.
fn shared_bits(a: &Digest, b: &Digest) -> usize {
    let differs = a.0.iter().zip(&b.0).position(|(a, b)| a != b);
    differs.map_or(DEPTH_MAX, |at| {
        let byte = |digest: &Digest| digest.0.get(at).copied().unwrap_or_default();
        8 * at + (byte(a) ^ byte(b)).leading_zeros() as usize
    })
}

/// Entries that share a prefix, with the digests of their leaves.
#[derive(Clone, Copy)]
struct Subtree<'a> {
    entries: &'a [Entry],
    leaves: &'a [[u8; 32]],
}

/// The children of one level's nodes, a pair a node, and where among them stand subtrees whose digest is not known yet.
struct Level {
    children: Vec<[u8; 32]>,
    open: Vec<usize>,
}

/// The digest of the subtree at depth `top` that holds `entries`, which ascend and share their first `top` bits.
///
/// Goes down level by level to find the nodes, then up to digest them, so that all nodes of a level go through the lanes together.
fn subtree(entries: &[Entry], top: usize) -> Digest {
    let leaves = leaves(entries);
    if let ([] | [_], leaf) = (entries, leaves.first()) {
        return leaf.copied().map_or(Digest::ZERO, Digest);
    }
    let mut levels = Vec::new();
    let mut nodes = vec![Subtree { entries, leaves: &leaves }];
    for depth in top.. {
        let level;
        (level, nodes) = children(&nodes, depth);
        levels.push(level);
        if nodes.is_empty() {
            break;
        }
    }
    let mut digests = Vec::new();
    for Level { mut children, open } in levels.into_iter().rev() {
        for (place, digest) in open.into_iter().zip(&digests) {
            if let Some(child) = children.get_mut(place) {
                *child = *digest;
            }
        }
        let (pairs, _) = children.as_flattened().as_chunks();
        digests = vec![[0; 32]; pairs.len()];
        digest_blocks(Purpose::StateNode, pairs, &mut digests);
    }
    digests.first().copied().map_or(Digest::ZERO, Digest)
}

fn leaves(entries: &[Entry]) -> Vec<[u8; 32]> {
    let pairs: Vec<[u8; 64]> = entries.iter().map(|entry| joined(&entry.key, &entry.value)).collect();
    let mut digests = vec![[0; 32]; pairs.len()];
    digest_blocks(Purpose::StateLeaf, &pairs, &mut digests);
    digests
}

/// Splits the nodes at `depth`: their children, and those children that are nodes themselves.
fn children<'a>(nodes: &[Subtree<'a>], depth: usize) -> (Level, Vec<Subtree<'a>>) {
    let mut level = Level { children: Vec::with_capacity(2 * nodes.len()), open: Vec::new() };
    let mut below = Vec::new();
    for node in nodes {
        let fork = fork(node.entries, depth);
        let (left, right) = node.entries.split_at(fork);
        let (left_leaves, right_leaves) = node.leaves.split_at(fork);
        for (entries, leaves) in [(left, left_leaves), (right, right_leaves)] {
            if entries.len() > 1 {
                level.open.push(level.children.len());
                below.push(Subtree { entries, leaves });
            }
            // Right for one entry and for none; in an open place the node's digest comes in on the way up.
            level.children.push(leaves.first().copied().unwrap_or_default());
        }
    }
    (level, below)
}

/// Number of `entries` whose bit `depth` is 0, where all bits before it are shared: those that stand left.
fn fork(entries: &[Entry], depth: usize) -> usize {
    entries.partition_point(|entry| !bit(&entry.key, depth))
}

/// What a proof says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// The state holds the key, with this value digest.
    Present(Digest),
    /// The state does not hold the key.
    Absent,
}

/// Where the path of a key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofEnd {
    /// At the key's own entry, which has this value digest.
    Present {
        /// The value digest.
        value: Digest,
    },
    /// At an empty subtree.
    Empty,
    /// At the only entry of a subtree, which has another key.
    Other(Entry),
}

/// Proof that a key is in a state, or that it is not. Untrusted until [`Self::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof {
    /// The sibling of the subtree that the path ends at, then of each node above it. Their number is the depth of the end.
    pub siblings: Vec<Digest>,
    /// Where the path ends.
    pub end: ProofEnd,
}

/// Why a state proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateProofFault {
    /// More siblings than a key has bits.
    #[error("{found} siblings stand above the end of a path of at most {DEPTH_MAX} bits")]
    Depth {
        /// Siblings found.
        found: usize,
    },
    /// Absence claimed by an entry that does not stand on the key's path, or that is the key's own.
    #[error(
        "the entry named shares {shared} bits with the key, so it is not another one on its path at depth {depth}"
    )]
    OtherEntry {
        /// Leading bits that the two keys share.
        shared: usize,
        /// Depth of the path's end.
        depth: usize,
    },
    /// The proof leads to another root than the one it was given for.
    #[error("the proof leads to root {derived}, not to {expected}")]
    Root {
        /// The trusted root.
        expected: Digest,
        /// What follows from the proof.
        derived: Digest,
    },
}

fault_codes! { StateProofFault {
    Self::Depth { .. } => "P-STATE-DEPTH" "more siblings than a key has bits",
    Self::OtherEntry { .. } => "P-STATE-OTHER" "absence claimed by an entry that is not on the key's path, or is the key's own",
    Self::Root { .. } => "P-STATE-ROOT" "the state proof leads to another root",
} }

impl StateProof {
    /// What the proof says of the key with this digest, in the state with this root. Spec: state-proof.
    ///
    /// # Errors
    /// The proof says nothing of this key under this root.
    pub fn verify(&self, root: &Digest, key: &Digest) -> Result<Proven, StateProofFault> {
        let depth = self.siblings.len();
        if depth > DEPTH_MAX {
            return Err(StateProofFault::Depth { found: depth });
        }
        let (end, proven) = match self.end {
            ProofEnd::Present { value } => (Entry { key: *key, value }.digest(), Proven::Present(value)),
            ProofEnd::Empty => (Digest::ZERO, Proven::Absent),
            ProofEnd::Other(other) => {
                let shared = shared_bits(key, &other.key);
                if shared < depth || shared == DEPTH_MAX {
                    return Err(StateProofFault::OtherEntry { shared, depth });
                }
                (other.digest(), Proven::Absent)
            }
        };
        let derived = self.siblings.iter().zip((0..depth).rev()).fold(end, |below, (sibling, depth)| {
            let (left, right) = if bit(key, depth) { (sibling, &below) } else { (&below, sibling) };
            digest_pair(Purpose::StateNode, left, right)
        });
        if derived == *root { Ok(proven) } else { Err(StateProofFault::Root { expected: *root, derived }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::digest::digest;

    /// The definition, word by word: the oracle of [`Entries::root`].
    fn reference(entries: &[Entry], depth: usize) -> Digest {
        match entries {
            [] => Digest::ZERO,
            [entry] => entry.digest(),
            _ => {
                let (right, left): (Vec<Entry>, Vec<Entry>) =
                    entries.iter().partition(|entry| bit(&entry.key, depth));
                digest_pair(Purpose::StateNode, &reference(&left, depth + 1), &reference(&right, depth + 1))
            }
        }
    }

    fn root(entries: &[Entry]) -> Digest {
        Entries::new(entries).unwrap().root()
    }

    fn value(seed: u64) -> Digest {
        digest(Purpose::StateValue, &seed.to_be_bytes())
    }

    /// A key of chosen leading bits, so that deep and shallow forks occur.
    fn key(lead: u16, tail: u8) -> Digest {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&lead.to_be_bytes());
        bytes[31] = tail;
        Digest(bytes)
    }

    /// States of up to 40 entries: crowded at the top, forked at the bottom bits, or spread as real digests are.
    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let key = prop_oneof![
            (any::<u16>(), 0_u8..2).prop_map(|(lead, tail)| key(lead, tail)),
            (0_u16..4, any::<u8>()).prop_map(|(lead, tail)| key(lead << 14, tail)),
            any::<u64>().prop_map(|seed| digest(Purpose::StateKey, &seed.to_be_bytes())),
        ];
        vec((key, any::<u64>()), 0..40).prop_map(|drawn| {
            let mut entries: Vec<_> =
                drawn.into_iter().map(|(key, seed)| Entry { key, value: value(seed) }).collect();
            entries.sort();
            entries.dedup_by_key(|entry| entry.key);
            entries
        })
    }

    /// A state and a key: one of the state's, one that parts from it at some bit, or any.
    fn entries_and_key() -> impl Strategy<Value = (Vec<Entry>, Digest)> {
        let any_key = any::<[u8; 32]>().prop_map(Digest);
        (entries(), any::<prop::sample::Index>(), any_key, 0_usize..=DEPTH_MAX).prop_map(
            |(entries, at, any_key, bit)| {
                let near = entries.get(at.index(entries.len().max(1))).map(|entry| {
                    let mut key = entry.key;
                    if let Some(byte) = key.0.get_mut(bit / 8) {
                        *byte ^= 0x80 >> (bit % 8);
                    }
                    key
                });
                (entries, near.unwrap_or(any_key))
            },
        )
    }

    fn holds(entries: &[Entry], key: &Digest) -> Proven {
        entries
            .iter()
            .find(|entry| entry.key == *key)
            .map_or(Proven::Absent, |entry| Proven::Present(entry.value))
    }

    #[test]
    fn an_empty_state_is_zero_and_one_entry_is_its_leaf() {
        let one = Entry { key: key(7, 1), value: value(1) };
        assert_eq!(root(&[]), Digest::ZERO);
        assert_eq!(root(&[one]), digest_pair(Purpose::StateLeaf, &one.key, &one.value));
    }

    #[test]
    fn two_entries_that_share_a_prefix_have_a_node_at_every_level_above_their_fork() {
        let [low, high] =
            [0b0010_0000, 0b0011_0000].map(|byte| Entry { key: key(byte << 8, 0), value: value(2) });
        let node = |left: &Digest, right: &Digest| digest_pair(Purpose::StateNode, left, right);
        let fork = node(&low.digest(), &high.digest());
        let below_001 = node(&Digest::ZERO, &fork);
        let below_00 = node(&below_001, &Digest::ZERO);
        assert_eq!(root(&[low, high]), node(&below_00, &Digest::ZERO));
    }

    #[test]
    fn entries_out_of_order_or_twice_are_refused() {
        let [a, b] = [key(1, 0), key(2, 0)].map(|key| Entry { key, value: value(0) });
        assert_eq!(Entries::new(&[b, a]).unwrap_err(), NotAscending { at: 1 });
        assert_eq!(Entries::new(&[a, b, b]).unwrap_err(), NotAscending { at: 2 });
        assert_eq!(Entries::new(&[a, Entry { value: value(1), ..a }]).unwrap_err(), NotAscending { at: 1 });
    }

    #[test]
    fn keys_that_part_at_the_last_bit_are_proven_at_the_deepest_level() {
        let entries = [0, 1].map(|tail| Entry { key: key(0, tail), value: value(u64::from(tail)) });
        let proof = Entries::new(&entries).unwrap().prove(&entries[1].key);
        assert_eq!(proof.siblings.len(), DEPTH_MAX);
        assert_eq!(proof.verify(&root(&entries), &entries[1].key), Ok(Proven::Present(value(1))));
        let mut longer = proof;
        longer.siblings.push(Digest::ZERO);
        assert_eq!(
            longer.verify(&root(&entries), &entries[1].key),
            Err(StateProofFault::Depth { found: 257 })
        );
    }

    #[test]
    fn absence_cannot_be_claimed_by_the_key_itself_or_by_an_entry_off_its_path() {
        let entries = [key(0x2000, 0), key(0x3000, 0)].map(|key| Entry { key, value: value(0) });
        let present = Entries::new(&entries).unwrap().prove(&entries[0].key);
        let itself = StateProof { end: ProofEnd::Other(entries[0]), ..present.clone() };
        let fault = StateProofFault::OtherEntry { shared: 256, depth: 4 };
        assert_eq!(itself.verify(&root(&entries), &entries[0].key), Err(fault));
        let beside = StateProof { end: ProofEnd::Other(entries[1]), ..present };
        let fault = StateProofFault::OtherEntry { shared: 3, depth: 4 };
        assert_eq!(beside.verify(&root(&entries), &entries[0].key), Err(fault));
    }

    proptest! {
        #[test]
        fn the_root_is_that_of_the_definition(entries in entries()) {
            prop_assert_eq!(root(&entries), reference(&entries, 0));
        }

        #[test]
        fn every_entry_changes_the_root(entries in entries(), place: prop::sample::Index, seed: u64) {
            prop_assume!(!entries.is_empty());
            let place = place.index(entries.len());
            let mut changed = entries.clone();
            changed[place].value = value(seed);
            prop_assert_eq!(root(&changed) == root(&entries), changed == entries);
            changed.remove(place);
            prop_assert_ne!(root(&changed), root(&entries));
        }

        #[test]
        fn a_proof_says_what_the_state_holds((entries, key) in entries_and_key()) {
            let proof = Entries::new(&entries).unwrap().prove(&key);
            prop_assert_eq!(proof.verify(&root(&entries), &key), Ok(holds(&entries, &key)));
        }

        #[test]
        fn a_proof_for_another_key_or_state_says_nothing_false(
            (entries, key) in entries_and_key(), other: prop::sample::Index, seed: u64,
        ) {
            let proof = Entries::new(&entries).unwrap().prove(&key);
            let root = root(&entries);
            if let Some(other) = entries.get(other.index(entries.len().max(1))) {
                let said = proof.verify(&root, &other.key);
                prop_assert!(said.is_err() || said == Ok(holds(&entries, &other.key)));
            }
            let grown = digest_pair(Purpose::StateNode, &root, &value(seed));
            prop_assert!(proof.verify(&grown, &key).is_err());
        }

        #[test]
        fn a_bent_proof_fails_or_says_the_same(
            (entries, key) in entries_and_key(), bend in bends(), place: prop::sample::Index,
        ) {
            let mut proof = Entries::new(&entries).unwrap().prove(&key);
            let place = place.index(proof.siblings.len().max(1));
            bend.apply(&mut proof, place);
            let said = proof.verify(&root(&entries), &key);
            prop_assert!(said.is_err() || said == Ok(holds(&entries, &key)), "{bend:?} says {said:?}");
        }
    }

    /// One way to change a proof.
    #[derive(Clone, Copy, Debug)]
    enum Bend {
        Sibling(Digest),
        Dropped,
        Repeated,
        Swapped,
        End(ProofEnd),
    }

    fn bends() -> impl Strategy<Value = Bend> {
        let digest = || prop_oneof![Just(Digest::ZERO), any::<u64>().prop_map(value)];
        prop_oneof![
            digest().prop_map(Bend::Sibling),
            Just(Bend::Dropped),
            Just(Bend::Repeated),
            Just(Bend::Swapped),
            Just(Bend::End(ProofEnd::Empty)),
            digest().prop_map(|value| Bend::End(ProofEnd::Present { value })),
            (digest(), digest()).prop_map(|(key, value)| Bend::End(ProofEnd::Other(Entry { key, value }))),
        ]
    }

    impl Bend {
        fn apply(self, proof: &mut StateProof, place: usize) {
            let siblings = &mut proof.siblings;
            if siblings.is_empty() && !matches!(self, Self::End(_)) {
                return;
            }
            match self {
                Self::End(end) => proof.end = end,
                Self::Sibling(digest) => siblings[place] = digest,
                Self::Dropped => _ = siblings.remove(place),
                Self::Repeated => siblings.insert(place, siblings[place]),
                Self::Swapped => siblings.swap(0, place),
            }
        }
    }
}
