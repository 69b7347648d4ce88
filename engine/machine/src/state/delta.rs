//! What a record changes in the state, and its canonical bytes.

use rederive_evidence::cbor::Encoder;

use super::{Change, State};

/// Bytes that most deltas take.
const BYTES_USUAL: usize = 256;
/// Changes that nearly all records make.
const CHANGES_USUAL: usize = 8;

/// Changes as the steps of a record make them: a later one of an entry takes the place of an earlier one.
#[derive(Debug)]
pub(crate) struct Delta {
    changes: Vec<Change>,
}

/// Changes that make another state, each entry once, with their canonical bytes: an array of pairs, key and
/// value or key and `null`, ascending by key bytes. Spec: delta-form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) changes: Vec<Change>,
    pub(crate) bytes: Vec<u8>,
}

impl Default for Delta {
    fn default() -> Self {
        Self { changes: Vec::with_capacity(CHANGES_USUAL) }
    }
}

impl Delta {
    pub(super) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Leaves out what does not change `state`, sorts the rest and encodes it.
    pub(crate) fn settle(mut self, state: &State) -> Settled {
        if !self.ascends() {
            self.sort();
        }
        self.changes.retain(|change| change.changes(state));
        let mut e = Encoder::onto(Vec::with_capacity(BYTES_USUAL));
        e.array(self.changes.len());
        for change in &mut self.changes {
            e.array(2);
            let start = e.as_bytes().len();
            change.encode_key(&mut e);
            change.encode_value(&mut e);
            change.set_bytes(e.as_bytes().len().saturating_sub(start) as u64);
        }
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
