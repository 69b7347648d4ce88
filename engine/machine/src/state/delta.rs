//! What a record changes in the state, and its canonical bytes.

use rederive_evidence::cbor::Encoder;

use super::{Change, State};

/// Changes as the steps of a record make them: a later one of an entry takes the place of an earlier one.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    changes: Vec<Change>,
}

/// Changes that make another state, each entry once, with their canonical bytes: an array of pairs, key and
/// value or key and `null`, ascending by key bytes. Spec: delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) changes: Vec<Change>,
    pub(crate) bytes: Vec<u8>,
}

/// Where a change's key stands among the encoded keys.
#[derive(Clone, Copy)]
struct KeyAt {
    start: usize,
    end: usize,
    change: usize,
}

impl Delta {
    pub(super) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Leaves out what does not change `state`, sorts the rest and encodes it.
    pub(crate) fn settle(self, state: &State) -> Settled {
        let mut keys = Encoder::onto(Vec::with_capacity(128));
        let mut order = Vec::with_capacity(self.changes.len());
        for (change, new) in self.changes.iter().enumerate() {
            let start = keys.as_bytes().len();
            new.encode_key(&mut keys);
            order.push(KeyAt { start, end: keys.as_bytes().len(), change });
        }
        let keys = keys.into_bytes();
        let key = |at: &KeyAt| keys.get(at.start..at.end).unwrap_or_default();
        // Stable: of changes with one key the last stands last.
        order.sort_by(|a, b| key(a).cmp(key(b)));
        let mut changes: Vec<Option<Change>> = self.changes.into_iter().map(Some).collect();
        let mut last_of_key = order.iter().zip(order.iter().skip(1).map(Some).chain([None]));
        let mut kept = Vec::with_capacity(order.len());
        for (at, next) in &mut last_of_key {
            let change = changes.get_mut(at.change).and_then(Option::take);
            let is_last = next.is_none_or(|next| key(next) != key(at));
            if let (true, Some(change)) = (is_last, change)
                && change.changes(state)
            {
                kept.push((*at, change));
            }
        }
        encode(kept, key)
    }
}

fn encode<'k>(kept: Vec<(KeyAt, Change)>, key: impl Fn(&KeyAt) -> &'k [u8]) -> Settled {
    let mut e = Encoder::onto(Vec::with_capacity(256));
    e.array(kept.len());
    let mut changes = Vec::with_capacity(kept.len());
    for (at, mut change) in kept {
        e.array(2);
        let start = e.as_bytes().len();
        e.item(key(&at));
        change.encode_value(&mut e);
        change.set_bytes(e.as_bytes().len().saturating_sub(start) as u64);
        changes.push(change);
    }
    Settled { changes, bytes: e.into_bytes() }
}
