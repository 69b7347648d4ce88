//! What follows from the entries and is looked for too often to be looked for among them: no entry itself, and in step with them.

use std::collections::BTreeMap;

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::limit::LimitKind;

use super::answers::AnswerIndex;
use super::authority::AuthorityIndex;
use super::entries::SharedCounter;
use super::parts::PartIndex;
use super::read::ReadIndex;
use super::sections::{Change, State};

/// The indexes of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) parts: PartIndex,
    pub(super) authority: AuthorityIndex,
    pub(super) answers: AnswerIndex,
    pub(super) read: ReadIndex,
    /// How many shared counters of a kind have so much left.
    left: BTreeMap<(LimitKind, u64), u64>,
}

impl State {
    /// The least that some shared counter of this kind has left; none where there is no such counter.
    pub(crate) fn least_left(&self, kind: LimitKind) -> Option<u64> {
        self.index.left.range((kind, 0)..=(kind, u64::MAX)).next().map(|((_, left), _)| *left)
    }

    /// Keeps the indexes in step with a change that is about to be made.
    pub(super) fn reindex(&mut self, change: &Change) {
        if let Change::Part(key, new) = change {
            self.reindex_part(key, new.as_ref().map(|new| &new.value));
        } else if let Change::Context(content, new) = change {
            self.reindex_context(content, new.as_ref().map(|new| &new.value));
        } else if let Change::Shared(counter, new) = change {
            self.reindex_shared(counter, new.as_ref().map(|new| &new.value));
        } else if let Change::TrackedCredential(name, new) = change {
            self.reindex_credential(name, new.as_ref().map(|new| new.value.as_ref()));
        } else if let Change::TrackedApproval(name, new) = change {
            self.reindex_approval(name, new.as_ref().map(|new| new.value.as_ref()));
        } else if let Change::Exception(name, new) = change {
            self.reindex_exception(name, new.as_ref().map(|new| &new.value));
        } else {
            self.reindex_read(change);
        }
    }

    fn reindex_shared(&mut self, counter: &Id, new: Option<&SharedCounter>) {
        if let Some(before) = self.shared_counter(counter).map(left_of) {
            let count = self.index.left.remove(&before).unwrap_or(0);
            self.index.left.extend((count > 1).then(|| (before, count - 1)));
        }
        if let Some(after) = new.map(left_of) {
            *self.index.left.entry(after).or_insert(0) += 1;
        }
    }
}

fn left_of(counter: &SharedCounter) -> (LimitKind, u64) {
    (counter.kind, counter.limit.saturating_sub(counter.value))
}
