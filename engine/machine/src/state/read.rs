//! Digests of the entries that decisions read: found when an entry is set, so that no decision and no dispatch looks for them again. Since rule
//! set 2.

use std::collections::BTreeMap;

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::Reliance;
use rederive_evidence::schema::{Field, to_bytes};

use super::sections::{Change, Key, State};
use crate::rule_set::RuleSetNumber;

/// The value digests of what decisions read. No entry itself: it follows from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReadIndex {
    tools: BTreeMap<Id, Digest>,
    actors: BTreeMap<Id, Digest>,
    delegations: BTreeMap<Id, Digest>,
    policies: Option<Digest>,
}

impl State {
    /// The entry of a tool as a decision reads it.
    pub(crate) fn read_tool(&self, name: &Id) -> Reliance {
        read(&Key::Tool(name.clone()), self.index.read.tools.get(name))
    }

    /// The entry of an actor as a decision reads it.
    pub(crate) fn read_actor(&self, name: &Id) -> Reliance {
        read(&Key::Actor(name.clone()), self.index.read.actors.get(name))
    }

    /// The entry of a delegation as a decision reads it.
    pub(crate) fn read_delegation(&self, name: &Id) -> Reliance {
        read(&Key::Delegation(name.clone()), self.index.read.delegations.get(name))
    }

    /// The entry of the policies in force as a decision reads it.
    pub(crate) fn read_policies(&self) -> Reliance {
        read(&Key::Policies, self.index.read.policies.as_ref())
    }

    /// Keeps the index in step with a change that is about to be made. The entry of the opening record is set before all others.
    pub(super) fn reindex_read(&mut self, change: &Change) {
        if self.config().is_none_or(|config| config.set() < RuleSetNumber::Two) {
            return;
        }
        let index = &mut self.index.read;
        if let Change::Tool(name, new) = change {
            note(&mut index.tools, name, new.as_ref().map(|new| &new.value));
        } else if let Change::Actor(name, new) = change {
            note(&mut index.actors, name, new.as_ref().map(|new| &new.value));
        } else if let Change::Delegation(name, new) = change {
            note(&mut index.delegations, name, new.as_ref().map(|new| &new.value));
        } else if let Change::Policies(new) = change {
            index.policies = new.as_ref().map(|new| value_digest(&new.value));
        }
    }
}

fn note(digests: &mut BTreeMap<Id, Digest>, name: &Id, new: Option<&impl Field>) {
    match new {
        Some(new) => digests.insert(name.clone(), value_digest(new)),
        None => digests.remove(name),
    };
}

fn value_digest(value: &impl Field) -> Digest {
    digest(Purpose::StateValue, &to_bytes(value))
}

fn read(key: &Key, value: Option<&Digest>) -> Reliance {
    Reliance { key: key.digest(), value: value.copied(), below: None }
}

#[cfg(test)]
mod tests {
    use super::ReadIndex;
    use crate::testing::Trial;

    /// Nothing reads it there: it would cost a digest with every such entry.
    #[test]
    fn rule_set_1_notes_nothing_that_decisions_read() {
        assert_eq!(Trial::new().machine.state().index.read, ReadIndex::default());
        assert_ne!(Trial::gated().machine.state().index.read, ReadIndex::default());
    }
}
