//! Credentials by what they are bound to: finds those of a call, and those that any call of a tool could use, without looking at the others.

use std::collections::BTreeSet;

use rederive_evidence::ids::Id;
use rederive_evidence::values::Place;

use super::sections::State;
use super::tracked::TrackedCredential;

/// What the entries of credentials say by call and by tool. No entry itself: it follows from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AuthorityIndex {
    /// The credentials that are bound to a call. `None`, which no credential is, stands before all of them.
    bound: BTreeSet<(Place, Option<Id>)>,
    /// The tools that credentials allow which are bound to no call.
    reusable: BTreeSet<(Id, Option<Id>)>,
}

impl State {
    /// The credentials that are bound to a call, whether they are over or not.
    pub(crate) fn credentials_of(&self, call: &Place) -> impl Iterator<Item = &TrackedCredential> {
        let of_call = self.index.authority.bound.range((call.clone(), None)..);
        let names = of_call.take_while(move |(of, _)| of == call).filter_map(|(_, name)| name.as_ref());
        names.filter_map(|name| self.tracked_credential(name)).map(Box::as_ref)
    }

    /// The credentials that are bound to no call and allow this tool, whether they are over or not.
    pub(crate) fn reusable_credentials(&self, tool: &Id) -> impl Iterator<Item = &TrackedCredential> {
        let of_tool = self.index.authority.reusable.range((tool.clone(), None)..);
        let names = of_tool.take_while(move |(of, _)| of == tool).filter_map(|(_, name)| name.as_ref());
        names.filter_map(|name| self.tracked_credential(name)).map(Box::as_ref)
    }

    /// Keeps the index in step with a credential that is about to be set or removed.
    pub(super) fn reindex_credential(&mut self, name: &Id, new: Option<&TrackedCredential>) {
        let before = self.tracked_credential(name).cloned();
        if let Some(before) = before {
            self.index.authority.leave(name, &before);
        }
        if let Some(new) = new {
            self.index.authority.enter(name, new);
        }
    }
}

impl AuthorityIndex {
    /// Notes a credential with its call, else with each of its tools.
    fn enter(&mut self, name: &Id, held: &TrackedCredential) {
        let named = || Some(name.clone());
        match &held.call {
            Some(call) => self.bound.extend([(call.clone(), named())]),
            None => self.reusable.extend(tools(held).map(|tool| (tool, named()))),
        }
    }

    fn leave(&mut self, name: &Id, held: &TrackedCredential) {
        let named = || Some(name.clone());
        if let Some(call) = &held.call {
            self.bound.remove(&(call.clone(), named()));
        } else {
            for tool in tools(held) {
                self.reusable.remove(&(tool, named()));
            }
        }
    }
}

fn tools(held: &TrackedCredential) -> impl Iterator<Item = Id> + '_ {
    held.scope.iter().map(|item| item.tool.clone())
}
