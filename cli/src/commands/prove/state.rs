//! Proofs of the state that a run ended with: that an entry is there with its value, or is not there.

use std::str::FromStr;

use rederive_evidence::hex::Bytes;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::memory::{MemoryKey, MemoryScope};
use rederive_evidence::signed::Version;
use rederive_evidence::sparse::{Entry, ProofEnd};
use rederive_evidence::state_proof::{OtherEntry, SealedStateProof};
use rederive_machine::{Key, Machine, State};

use super::{Prove, What};
use crate::args::Failed;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::trace::{self, Trace};

/// A memory item as the user names it: `SCOPE/NAMESPACE/NAME`.
#[derive(Clone, Debug)]
pub(super) struct MemoryArgument(MemoryKey);

impl FromStr for MemoryArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '/');
        let (Some(scope), Some(namespace), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("a memory item is SCOPE/NAMESPACE/NAME".to_owned());
        };
        let scope = MemoryScope::from_name(scope).ok_or_else(|| {
            let scopes: Vec<&str> = MemoryScope::ALL.iter().map(|scope| scope.name()).collect();
            format!("`{scope}` is no scope: there are {}", scopes.join(", "))
        })?;
        let id = |text: &str| Id::new(text).map_err(|fault| fault.to_string());
        Ok(Self(MemoryKey { scope, namespace: id(namespace)?, name: id(name)? }))
    }
}

impl What {
    /// The entry of the state that is asked for; none where records are.
    pub(super) fn entry(&self) -> Option<Key> {
        let tool = self.tool.clone().map(Key::Tool);
        tool.or_else(|| self.memory.clone().map(|memory| Key::Memory(memory.0)))
    }
}

impl Prove {
    /// The proof of what the run's last state holds under `key`, under this seal.
    pub(super) fn state_proof(
        &self,
        trace: &Trace,
        key: &Key,
        seal: Vec<u8>,
    ) -> Result<SealedStateProof, Failed> {
        let state = self.last_state(trace)?;
        let proof = state.prove(key);
        let (value, other) = match proof.end {
            ProofEnd::Present { .. } => (state.get(key).map(|value| Bytes(value.to_bytes())), None),
            ProofEnd::Other(Entry { key, value }) => (None, Some(OtherEntry { key, value })),
            ProofEnd::Empty => (None, None),
        };
        Ok(SealedStateProof {
            version: Version::One,
            key: Bytes(key.to_bytes()),
            value,
            other,
            siblings: proof.siblings,
            seal: Bytes(seal),
        })
    }

    /// The state after the last record, derived from the records.
    fn last_state(&self, trace: &Trace) -> Result<State, Failed> {
        let mut machine = Machine::new();
        for record in trace::records(trace, &self.file) {
            let record = record?;
            if let Body::RunOpened(opening) = &record.input.body
                && !rederive_machine::supports(&opening.rule_set)
            {
                let number = opening.rule_set.number;
                let title =
                    format!("{}: rule set {number} is not known to this version", self.file.display());
                return Err(Failed::new(Exit::Unfinished, Problem::error(title).row("code", "U-RULE-SET")));
            }
            let answer = machine.decide(&record.input, record.extracted.as_ref());
            machine.commit(answer.transition);
        }
        Ok(machine.into_state())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_item_is_named_by_scope_namespace_and_name() {
        let parsed = "durable/notes/a/b".parse::<MemoryArgument>().unwrap().0;
        assert_eq!((parsed.namespace.as_str(), parsed.name.as_str()), ("notes", "a/b"));
        for wrong in ["", "durable", "durable/notes", "nowhere/notes/a", "durable/no tes/a", "durable//a"] {
            assert!(wrong.parse::<MemoryArgument>().is_err(), "{wrong}");
        }
    }
}
