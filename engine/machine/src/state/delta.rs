//! What a record changes in the state, and its canonical bytes.

use rederive_evidence::cbor::Encoder;
use rederive_evidence::limits::FRAME_BLOCK_BYTES;

use super::{Change, State};

/// Changes as the steps of a record make them: a later one of an entry takes the place of an earlier one.
#[derive(Debug)]
pub(crate) struct Delta<'a>(&'a mut Settled);

/// Changes that make another state, each entry once, ascending by key bytes, with their canonical bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    changes: Vec<Change>,
    /// One pair after the other, key and value or key and `null`.
    pairs: Vec<u8>,
}

impl Settled {
    /// Appends the delta's canonical bytes, an array of pairs, and zeros to a multiple of 64. Spec: delta-form, delta-digest.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut e = Encoder::onto(std::mem::take(out));
        e.array(self.changes.len());
        *out = e.into_bytes();
        out.extend_from_slice(&self.pairs);
        let end = start.saturating_add(out.len().saturating_sub(start).next_multiple_of(FRAME_BLOCK_BYTES));
        // A whole block and then less: a length that is known is written without a call.
        out.extend_from_slice(&[0; FRAME_BLOCK_BYTES]);
        out.truncate(end);
    }

    /// Lets the changes take effect. What they stood in is left for others.
    pub(crate) fn take_effect(&mut self, state: &mut State) {
        self.changes.drain(..).for_each(|change| state.put(change));
        self.pairs.clear();
    }
}

impl<'a> Delta<'a> {
    /// No change yet, on the memory of earlier ones.
    pub(crate) fn onto(settled: &'a mut Settled) -> Self {
        settled.changes.clear();
        settled.pairs.clear();
        Self(settled)
    }

    /// Adds a change. It is made where it stays: room for it is there before.
    #[inline]
    pub(super) fn push(&mut self, change: impl FnOnce() -> Change) {
        self.0.changes.extend(std::iter::once_with(change));
    }

    /// Leaves out what does not change `state`, sorts the rest and encodes it.
    pub(crate) fn settle(self, state: &State) {
        let Settled { changes, pairs } = self.0;
        if !changes.is_sorted_by(|a, b| a.by_key(b).is_lt()) {
            sort(changes);
        }
        let mut e = Encoder::onto(std::mem::take(pairs));
        changes.retain_mut(|change| change.encode_where_new(state, &mut e));
        *pairs = e.into_bytes();
    }
}

/// Sorts by key bytes; of the changes of one entry the last stays.
fn sort(changes: &mut Vec<Change>) {
    // Stable, the last change first: of those of one entry it stays.
    changes.reverse();
    changes.sort_by(Change::by_key);
    changes.dedup_by(|next, kept| next.by_key(kept).is_eq());
}
