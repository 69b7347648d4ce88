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

    /// Keeps the indexes in step with a change that is about to be made. Most changes are of no index, which is seen without a call.
    #[inline]
    pub(super) fn reindex(&mut self, change: &Change) {
        match change {
            Change::Part(key, new) => self.reindex_part(key, new.as_ref().map(|new| &new.value)),
            Change::Context(content, new) => {
                self.reindex_context(content, new.as_ref().map(|new| &new.value))
            }
            Change::Shared(counter, new) => self.reindex_shared(counter, new.as_ref().map(|new| &new.value)),
            Change::TrackedCredential(name, new) => {
                self.reindex_credential(name, new.as_ref().map(|new| new.value.as_ref()));
            }
            Change::TrackedApproval(name, new) => {
                self.reindex_approval(name, new.as_ref().map(|new| new.value.as_ref()));
            }
            Change::Exception(name, new) => self.reindex_exception(name, new.as_ref().map(|new| &new.value)),
            Change::Tool(..) | Change::Actor(..) | Change::Delegation(..) | Change::Policies(_) => {
                self.reindex_read(change);
            }
            Change::Config(_)
            | Change::Progress(_)
            | Change::Counters(_)
            | Change::Model(..)
            | Change::Source(..)
            | Change::Watermark(..)
            | Change::Turn(..)
            | Change::Retried(..)
            | Change::Call(..)
            | Change::Prompt(..)
            | Change::Memory(..)
            | Change::Permit(..)
            | Change::Decision(..)
            | Change::Plan(..)
            | Change::Approval(..)
            | Change::Credential(..)
            | Change::Effect(..)
            | Change::TrackedEffect(..)
            | Change::Grant(..)
            | Change::Output(..)
            | Change::Target(..)
            | Change::CallsAt(..) => {}
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
