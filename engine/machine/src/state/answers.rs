//! Who may answer for a call: exceptions by the tools that they cover, approvals by their calls, found without looking at the others.

use std::collections::BTreeSet;

use rederive_evidence::ids::Id;
use rederive_evidence::values::Place;

use super::entries::GrantedException;
use super::sections::State;
use super::tracked::TrackedApproval;

/// What the entries of exceptions say by tool, and those of approvals by call. No entry itself: it follows from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AnswerIndex {
    /// `None`, which names nothing, stands before all of a tool's.
    exceptions: BTreeSet<(Id, Option<Id>)>,
    approvals: BTreeSet<(Place, Option<Id>)>,
}

impl State {
    /// The exceptions that cover something of this tool, over or not, by name.
    pub(crate) fn exceptions_of(&self, tool: &Id) -> impl Iterator<Item = (&Id, &GrantedException)> {
        let of_tool = self.index.answers.exceptions.range((tool.clone(), None)..);
        let names = of_tool.take_while(move |(of, _)| of == tool).filter_map(|(_, name)| name.as_ref());
        names.filter_map(|name| self.exception(name).map(|held| (name, held)))
    }

    /// The approvals that were asked for a call, by name.
    pub(crate) fn approvals_of(&self, call: &Place) -> impl Iterator<Item = (&Id, &TrackedApproval)> {
        let of_call = self.index.answers.approvals.range((call.clone(), None)..);
        let names = of_call.take_while(move |(of, _)| of == call).filter_map(|(_, name)| name.as_ref());
        names.filter_map(|name| self.tracked_approval(name).map(|held| (name, held.as_ref())))
    }

    /// Keeps the index in step with an exception that is about to be set or removed.
    pub(super) fn reindex_exception(&mut self, name: &Id, new: Option<&GrantedException>) {
        if let Some(before) = self.exception(name).cloned() {
            for item in &before.scope {
                self.index.answers.exceptions.remove(&(item.tool.clone(), Some(name.clone())));
            }
        }
        for item in new.into_iter().flat_map(|new| &new.scope) {
            self.index.answers.exceptions.insert((item.tool.clone(), Some(name.clone())));
        }
    }

    /// Keeps the index in step with an approval that is about to be set or removed.
    pub(super) fn reindex_approval(&mut self, name: &Id, new: Option<&TrackedApproval>) {
        let before = self.tracked_approval(name).and_then(|held| held.call.clone());
        let after = new.and_then(|new| new.call.clone());
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.index.answers.approvals.remove(&(before, Some(name.clone())));
        }
        self.index.answers.approvals.extend(after.map(|after| (after, Some(name.clone()))));
    }
}
