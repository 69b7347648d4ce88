//! What a decision read of the state, and whether it still stands.

use rederive_evidence::kinds::decision::Reliance;
use rederive_evidence::values::Place;
use rederive_machine::Machine;

/// What the machine says that a decision on a call reads. The call's own entries are not in it: TOL-2 checks its steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relied(Vec<Reliance>);

impl Relied {
    /// What is read for the call at this place now.
    pub(crate) fn on(machine: &Machine, place: &Place) -> Self {
        Self(machine.reliance(place))
    }

    /// Whether the same is read again, entry for entry. That counters stay under their bounds is the machine's to say, at each step.
    pub(crate) fn holds(&self, machine: &Machine, place: &Place) -> bool {
        self.0 == machine.reliance(place)
    }

    /// As a decision states it.
    pub(crate) fn stated(&self) -> Vec<Reliance> {
        self.0.clone()
    }
}
