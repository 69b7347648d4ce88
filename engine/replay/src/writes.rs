//! Decisions that permit memory writes, until the write comes: a decision names the value, and the write says which item came to hold it.

use std::collections::BTreeMap;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::{Decision, DecisionMade};
use rederive_evidence::record::Record;
use rederive_policy::PolicyRequest;

/// A decision on a memory write, and its question but for the arguments.
pub(crate) struct HeldWrite {
    pub(crate) record: Record,
    pub(crate) decision: DecisionMade,
    /// The registry in force when it was made, by its digest.
    pub(crate) registry: Option<Digest>,
    /// None: no registry is at hand.
    pub(crate) terms: Option<PolicyRequest>,
}

/// The permits that no write has followed yet, by who may write and the commitment of what. Of two for the same write the later one counts (MEM-3).
#[derive(Default)]
pub(crate) struct Writes(BTreeMap<(Id, Digest), HeldWrite>);

impl Writes {
    /// Holds a decision until the write comes. Returns one for which none will: this one where it permits nothing, or the one before it for the same
    /// write.
    pub(crate) fn hold(&mut self, held: HeldWrite) -> Option<HeldWrite> {
        let request = &held.decision.request;
        let value = request.arguments.known().filter(|_| held.decision.decision == Decision::Permit);
        let Some(value) = value else { return Some(held) };
        self.0.insert((request.actor.clone(), *value), held)
    }

    /// The decision under which this agent writes this value.
    pub(crate) fn take(&mut self, agent: &Id, value: &Digest) -> Option<HeldWrite> {
        self.0.remove(&(agent.clone(), *value))
    }

    /// Those that no write has followed, in the order of their records.
    pub(crate) fn drain(&mut self) -> Vec<HeldWrite> {
        let mut left: Vec<HeldWrite> = std::mem::take(&mut self.0).into_values().collect();
        left.sort_by_key(|held| held.record.input.sequence);
        left
    }
}
