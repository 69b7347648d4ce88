//! What a record changes in the state, and its canonical bytes.

use rederive_evidence::cbor::Encoder;

use super::{Change, State};

/// Changes as the steps of a record make them: a later one of an entry takes the place of an earlier one.
#[derive(Debug)]
pub(crate) struct Delta {
    changes: Vec<Change>,
    /// What is written on.
    bytes: Vec<u8>,
}

/// Changes that make another state, each entry once, with their canonical bytes: an array of pairs, key and
/// value or key and `null`, ascending by key bytes. Spec: delta-form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) changes: Vec<Change>,
    pub(crate) bytes: Vec<u8>,
}

/// The memory of a transition that has taken effect. The next answer is written on it, so that none is asked for and given back with each record.
#[derive(Debug, Default)]
pub struct Memory {
    changes: Vec<Change>,
    bytes: Vec<u8>,
}

impl Memory {
    /// What is left of a transition.
    pub(crate) fn of(settled: Settled) -> Self {
        let Settled { mut changes, mut bytes } = settled;
        changes.clear();
        bytes.clear();
        Self { changes, bytes }
    }
}

impl Delta {
    /// No change yet.
    pub(crate) fn onto(memory: Memory) -> Self {
        Self { changes: memory.changes, bytes: memory.bytes }
    }

    pub(super) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Leaves out what does not change `state`, sorts the rest and encodes it.
    pub(crate) fn settle(mut self, state: &State) -> Settled {
        if !self.ascends() {
            self.sort();
        }
        self.changes.retain(|change| change.changes(state));
        let mut e = Encoder::onto(self.bytes);
        e.array(self.changes.len());
        self.changes.iter_mut().for_each(|change| change.encode(&mut e));
        Settled { changes: self.changes, bytes: e.into_bytes() }
    }

    /// Whether each change is of a later entry than the one before it, as those of most records are.
    fn ascends(&self) -> bool {
        self.changes.is_sorted_by(|a, b| a.by_key(b).is_lt())
    }

    /// Sorts by key bytes; of the changes of one entry the last stays.
    fn sort(&mut self) {
        // Stable, the last change first: of those of one entry it stays.
        self.changes.reverse();
        self.changes.sort_by(Change::by_key);
        self.changes.dedup_by(|next, kept| next.by_key(kept).is_eq());
    }
}
